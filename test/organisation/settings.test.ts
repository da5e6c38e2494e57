import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/organisation/audit.ts';
import {
  changeSetting,
  getSetting,
  listSettings,
  readSettings,
  SETTINGS,
  writeInternalSetting,
  type SettingKey,
} from '../../src/organisation/settings.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

let database: OpenDatabase;
const clock = new ManualClock('2026-11-01T12:00:00Z');
const actor = 'admin:1';

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => emptyDatabase(database));

describe('the table of settings', () => {
  it.each(Object.keys(SETTINGS) as SettingKey[])('%s accepts its own default and example', (key) => {
    const { schema, fallback, example } = SETTINGS[key];
    expect(schema.safeParse(fallback).success).toBe(true);
    expect(schema.safeParse(example).success).toBe(true);
  });
});

describe('reading', () => {
  it('gives the defaults of a new database, parsed', async () => {
    const settings = await readSettings(database.db);
    expect(settings.timeZone).toBe('Europe/London');
    expect(settings.quietHours?.from.toString()).toBe('22:00:00');
    expect(settings.bankHolidays).toBe('england-and-wales');
    expect(settings.retentionUnconfirmed).toEqual({ days: 14 });
    expect(settings.setupCompletedAt).toBeUndefined();
  });

  it('lists every setting a person may change, with its text, help and example', async () => {
    const list = await listSettings(database.db);
    expect(list.find((view) => view.key === 'quietHours')).toMatchObject({
      value: '22:00-08:00',
      isDefault: true,
      example: '22:00-08:00',
    });
    expect(list.map((view) => view.key)).not.toContain('mailerliteWebhookSecret');
  });
});

describe('changing', () => {
  it.each(['2026', 'true', 'null', '"quoted"', '{}'])('keeps a text that could be JSON: %s', async (text) => {
    expect((await changeSetting(database.db, 'groupName', text, { clock, actor })).value).toBe(text);
    expect((await readSettings(database.db)).groupName).toBe(text);
  });

  it.each([
    ['quietHours', 'off', 'off'],
    ['quietHours', '21:30-07:00', '21:30-07:00'],
    ['timeZone', 'Europe/Dublin', 'Europe/Dublin'],
    ['bankHolidays', 'Scotland', 'scotland'],
    ['bankHolidays', 'off', 'off'],
    ['brandColour', '#AA0000', '#aa0000'],
    ['contactEmail', '  Network@Example.org ', 'Network@Example.org'],
    ['contactEmail', '', ''],
    ['retentionLeft', '1 month', '1 month'],
    ['retentionLeft', 'keep', 'keep'],
    ['listDomain', 'Exämple.org', 'xn--exmple-cua.org'],
  ])('%s takes %j and keeps %j', async (key, text, kept) => {
    const changed = await changeSetting(database.db, key, text, { clock, actor });
    expect(changed.value).toBe(kept);
    expect((await getSetting(database.db, key)).value).toBe(kept);
  });

  it.each([
    ['quietHours', 'night'],
    ['timeZone', 'Europe/Londn'],
    ['bankHolidays', 'france'],
    ['brandColour', 'yellow'],
    ['brandColour', '#ffff00'],
    ['organisationName', '  '],
    ['organisationName', 'A\r\nBcc: x@example.org'],
    ['contactEmail', 'not an address'],
    ['retentionLeft', 'soon'],
    ['retentionLeft', '0 days'],
    ['listDomain', 'example'],
  ])('%s refuses %j, names the field and changes nothing', async (key, text) => {
    const before = await getSetting(database.db, key);
    await expect(changeSetting(database.db, key, text, { clock, actor })).rejects.toMatchObject({
      code: 'invalid_input',
      problems: [{ field: key, message: expect.stringContaining('example') }],
    });
    expect(await getSetting(database.db, key)).toEqual(before);
    expect(await listAudit(database.db)).toEqual([]);
  });

  it('suggests the nearest key for an unknown one', async () => {
    await expect(changeSetting(database.db, 'quiethour', 'off', { clock, actor })).rejects.toThrow(
      /did you mean quietHours\?/,
    );
    await expect(changeSetting(database.db, 'xyzzy', 'off', { clock, actor })).rejects.toThrow(
      /"xyzzy" is not a setting/,
    );
  });

  it('does not let a person write what the program keeps for itself', async () => {
    await expect(changeSetting(database.db, 'setupCompletedAt', '', { clock, actor })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  it('notes a change once, with the value before and after, and no note for the same value', async () => {
    await changeSetting(database.db, 'groupName', 'OT North', { clock, actor });
    await changeSetting(database.db, 'groupName', 'OT North', { clock, actor });
    const audit = await listAudit(database.db);
    expect(audit).toHaveLength(1);
    expect(audit[0]).toMatchObject({
      actor,
      action: 'setting.changed',
      subject: 'groupName',
      before: 'Occupational Therapy Network',
      after: 'OT North',
    });
  });

  it('keeps a secret out of the audit log', async () => {
    await writeInternalSetting(database.db, 'mailerliteWebhookSecret', 's3cret', { clock, actor: 'system' });
    expect((await readSettings(database.db)).mailerliteWebhookSecret).toBe('s3cret');
    expect(JSON.stringify(await listAudit(database.db))).not.toContain('s3cret');
  });

  it('keeps the moment the set-up was finished', async () => {
    await writeInternalSetting(database.db, 'setupCompletedAt', clock.now(), { clock, actor: 'system' });
    expect((await readSettings(database.db)).setupCompletedAt?.toString()).toBe('2026-11-01T12:00:00Z');
  });
});
