import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { freezeAnnouncement } from '../../src/announcements/expansion.ts';
import { claimDeliveries, settleDeliveries } from '../../src/announcements/ledger.ts';
import { startAnnouncement } from '../../src/announcements/life-cycle.ts';
import { announcements, meetings } from '../../src/db/schema.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli();
});
beforeEach(() => cli.reset());
afterAll(() => cli[Symbol.asyncDispose]());

const SERIES = [
  'meetings',
  'series',
  'add',
  '--title',
  'Monthly meeting',
  '--time',
  '19:00',
  '--duration',
  '60',
];
const RULE = ['--rule', 'FREQ=MONTHLY;BYDAY=1WE', '--link', 'https://zoom.us/j/123456789'];
const REMINDERS = ['--remind', '7d@09:00', '--remind', '1d@09:00', '--remind', '1h'];

interface Planned {
  id: string;
  sendAt: string;
  sendAtLocal: string;
  meetingStart: string;
}

async function plan(from: string, to: string): Promise<Planned[]> {
  return (await cli.run('plan', '--from', from, '--to', to, '--json')).json<Planned[]>();
}

async function timesOfDay(): Promise<Set<string>> {
  return new Set((await plan('2026-11-25', '2027-12-31')).map(({ sendAtLocal }) => sendAtLocal.slice(11)));
}

describe('plan', () => {
  it('gives what goes out when, in the agreed shape', async () => {
    const { meetings: added } = (await cli.run(...SERIES, ...RULE, '--remind', '7d@09:00', '--json')).json<{
      meetings: { id: string }[];
    }>();
    await cli.run('subscribers', 'add', 'ann@example.org');
    expect((await plan('2026-11-25', '2026-11-25'))[0]).toEqual({
      id: expect.any(String) as string,
      kind: 'reminder',
      title: 'Reminder: Monthly meeting',
      meetingId: added[1]!.id,
      meetingStart: '2026-12-02T19:00:00Z',
      sendAt: '2026-11-25T09:00:00Z',
      sendAtLocal: '2026-11-25T09:00:00',
      zone: 'Europe/London',
      topic: 'meetings',
      audience: 1,
      state: 'approved',
    });
  });

  it('reaches beyond what is stored, keeps the wall time across the clock changes, and writes nothing', async () => {
    await cli.run(...SERIES, ...RULE, ...REMINDERS);
    const stored = await cli.database.db.$count(meetings);
    const year = await plan('2028-01-01', '2028-12-31');
    expect(year).toHaveLength(36);
    for (const { sendAtLocal } of year) expect(['09:00:00', '18:00:00']).toContain(sendAtLocal.slice(11));
    expect(new Set(year.map(({ meetingStart }) => meetingStart.slice(11)))).toEqual(
      new Set(['19:00:00Z', '18:00:00Z']),
    );
    expect(await cli.database.db.$count(meetings)).toBe(stored);
    expect((await plan('2028-01-01', '2028-12-31')).map(({ id }) => id)).toEqual(year.map(({ id }) => id));
  });

  it('follows a change of the quiet hours at once', async () => {
    const early = ['--remind', '7d@07:30'];
    await cli.run(...SERIES, ...RULE, ...early);
    expect(await timesOfDay()).toEqual(new Set(['08:00:00']));
    await cli.run('settings', 'set', 'quietHours', 'off');
    expect(await timesOfDay()).toEqual(new Set(['07:30:00']));
  });

  it('shows a person the dates in words', async () => {
    await cli.run(...SERIES, ...RULE, '--remind', '1h');
    const { stdout } = await cli.run('plan', '--from', '2026-12-01', '--to', '2026-12-31');
    expect(stdout).toContain('Goes out (UK time)');
    expect(stdout).toContain('Wed 2 Dec 2026, 6 pm');
    expect((await cli.run('plan', '--from', '2026-11-06', '--to', '2026-11-07')).stdout).toContain(
      'Nothing is planned',
    );
  });

  it.each([
    [['--from', '2027-02-31'], 'from'],
    [['--from', '2027-02-02', '--to', '2027-02-01'], 'to'],
  ])('refuses %j', async (argv, field) => {
    const { status, stderr } = await cli.run('plan', ...argv, '--json');
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { problems: [{ field }] } });
  });
});

describe('an announcement', () => {
  let id: string;

  /** One reminder that is going out to three people: one got it, one is refused, one is unknown. */
  beforeEach(async () => {
    for (const name of ['ann', 'bo', 'cy']) await cli.run('subscribers', 'add', `${name}@example.org`);
    await cli.run(...SERIES, ...RULE, '--remind', '1h');
    const [first] = await plan('2026-11-04', '2026-11-04');
    id = first!.id;
  });

  async function start(): Promise<void> {
    const { db } = cli.database;
    cli.clock.set('2026-11-04T18:00:00Z');
    const content = { subject: 'S', html: '<p>', text: 'T', calendar: null, meetingSequence: 0 };
    const announcement = await findAnnouncement(db, id);
    await freezeAnnouncement(db, announcement, content, { clock: cli.clock, mailDomain: 'example.org' });
    await startAnnouncement(db, id, { clock: cli.clock, settings: await readSettings(db) });
  }

  async function send(): Promise<void> {
    const { db } = cli.database;
    const context = { clock: cli.clock, addressHash: (address: string) => address };
    const claim = 'worker/1';
    const claimed = await claimDeliveries(db, { announcementId: id, chunk: 0, limit: 10, claim }, context);
    const [ann, bo, cy] = ['ann', 'bo', 'cy'].map(
      (name) => claimed.find(({ email }) => email.startsWith(name))!.id,
    );
    const settlements = [
      { id: ann!, state: 'sent' as const, reason: '250 OK' },
      { id: bo!, state: 'failed' as const, reason: 'The mailbox is full.' },
      { id: cy!, state: 'unknown' as const, reason: 'The answer never came.' },
    ];
    await settleDeliveries(db, { announcementId: id, claim, settlements }, context);
  }

  it('has its books and deliveries in the agreed shape', async () => {
    await start();
    await send();
    const { status, json } = await cli.run('deliveries', id, '--json');
    expect(status).toBe(0);
    const books = json<{ rows: { email: string }[] }>();
    expect(books).toEqual({
      announcement: id,
      state: 'sending',
      audience: 3,
      sent: 1,
      excluded: 0,
      failed: 1,
      unknown: 1,
      pending: 0,
      cancelled: 0,
      rows: expect.any(Array) as unknown,
    });
    expect(books.rows.toSorted((a, b) => (a.email < b.email ? -1 : 1))[1]).toEqual({
      subscriberId: expect.any(String) as string,
      email: 'bo@example.org',
      state: 'failed',
      reason: 'The mailbox is full.',
      messageId: expect.stringMatching(/@example\.org$/) as string,
      at: '2026-11-04T18:00:00Z',
    });
    expect((await cli.run('deliveries', id, '--state', 'unknown', '--json')).json()).toMatchObject({
      audience: 3,
      rows: [{ email: 'cy@example.org' }],
    });
  });

  it('has no rows before it is expanded', async () => {
    expect((await cli.run('deliveries', id, '--json')).json()).toMatchObject({ audience: 0, rows: [] });
    expect((await cli.run('deliveries', id)).stdout).toContain('planned');
  });

  it('shows a person the books and who is behind them', async () => {
    await start();
    await send();
    const { stdout } = await cli.run('deliveries', id.slice(-8));
    expect(stdout).toMatch(/People +3: 1 sent, 1 failed, 1 unknown\n/);
    expect(stdout).toContain('The mailbox is full.');
    expect(stdout).toContain('Wed 4 Nov 2026, 6 pm');
  });

  it('is held, resumed and cancelled', async () => {
    const state = async () =>
      (await cli.database.db.select().from(announcements)).find((row) => row.id === id)?.state;
    const held = await cli.run('hold', id, '--reason', 'Wait for the speaker.', '--json');
    expect(held.json()).toMatchObject({ id, state: 'held', stateReason: 'Wait for the speaker.' });
    expect((await cli.run('hold', id)).status).toBe(1);
    expect((await cli.run('resume', id)).stdout).toContain(
      'goes out on Wednesday 4 November 2026, 6 pm (UK time)',
    );
    expect(await state()).toBe('approved');
    expect((await cli.run('cancel', id, '--json')).json()).toMatchObject({ state: 'cancelled' });
    const { status, stderr } = await cli.run('resume', id, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'wrong_state' } });
  });

  it('has its unknown outcomes resolved by a person', async () => {
    await start();
    await send();
    expect((await cli.run('resolve-unknown', id, '--as', 'maybe')).status).toBe(2);
    const resolved = await cli.run('resolve-unknown', id, '--as', 'sent', '--json');
    expect(resolved.json()).toEqual({ announcement: id, outcome: 'sent', resolved: 1 });
    expect((await cli.run('deliveries', id, '--json')).json()).toMatchObject({ sent: 2, unknown: 0 });
    expect((await cli.run('resolve-unknown', id, '--as', 'sent')).status).toBe(1);
  });
});
