import { asc, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { planBulletins, NOTHING_TO_TELL } from '../../src/announcements/bulletins.ts';
import {
  approveBulletin,
  endBulletins,
  introduceBulletin,
  saveBulletinSchedule,
} from '../../src/announcements/bulletins-changes.ts';
import {
  bulletinContent,
  previewBulletin,
  previewNextDraft,
  readBulletin,
} from '../../src/announcements/bulletins-content.ts';
import { editItem, expireItems, withdrawItem } from '../../src/announcements/bulletins-items.ts';
import { bulletinDates, parseBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import { findAnnouncement, type Announcement } from '../../src/announcements/announcements.ts';
import { cancelAnnouncement } from '../../src/announcements/life-cycle.ts';
import { queryPlan } from '../../src/announcements/plan-query.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, bulletinItems, serviceMails, type ItemKind } from '../../src/db/schema.ts';
import { addItem } from '../../src/noticeboard/moderation.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { addPeople, planning } from '../support/meetings.ts';
import { AGREEMENT, input, NO_TERMS } from './handing-in.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const context = planning(clock);
let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
});

/** First Monday of the month at 09:00: the next one is 7 June 2027, drafted on the 5th. */
const schedule = (changes: object = {}) =>
  saveBulletinSchedule(
    database.db,
    parseBulletinSchedule(
      {
        topic: 'vacancies',
        rule: 'FREQ=MONTHLY;BYDAY=1MO',
        time: '09:00',
        zone: 'Europe/London',
        approval: 'automatic',
        ...changes,
      },
      clock.now().toZonedDateTimeISO('Europe/London').toPlainDate(),
    ),
    context,
  );

const plan = () => planBulletins(database.db, context);
const DRAFTED = '2027-06-05T08:00:00Z';

/** A vacancy on the noticeboard, unlike the others. */
const post = (n: number, changes: object = {}) =>
  added('vacancy', { role: `Post ${n}`, link: `https://jobs.example.org/${n}`, ...changes });

const added = (kind: ItemKind, changes: object) =>
  addItem(
    database.db,
    { input: input(clock, kind, changes), ...AGREEMENT },
    { clock, actor: 'test', settings: NO_TERMS },
  );

const all = () => database.db.select().from(announcements).orderBy(asc(announcements.sendAt));

async function only(): Promise<Announcement> {
  const found = await all();
  expect(found).toHaveLength(1);
  return found[0]!;
}

const titles = async (row: Announcement) =>
  (await readBulletin(database.db, row, { clock })).items.map(({ title }) => title);

async function mails(kind: string): Promise<number> {
  return (await database.db.select().from(serviceMails).where(eq(serviceMails.kind, kind))).length;
}

describe('a schedule', () => {
  it('says when bulletins are drafted, sent and of no use any more, on the wall clock', () => {
    const timing = {
      rule: 'FREQ=MONTHLY;BYDAY=-1SU',
      wallTime: '09:00',
      zone: 'Europe/London',
      startsOn: Temporal.PlainDate.from('2027-01-01'),
    };
    const span = { from: Temporal.PlainDate.from('2027-03-01'), to: Temporal.PlainDate.from('2027-03-31') };
    // 28 March 2027 is the day on which the clocks go forward.
    expect(
      bulletinDates(timing, span, context.settings).map((each) => JSON.parse(JSON.stringify(each)) as object),
    ).toEqual([
      {
        date: '2027-03-28',
        draftAt: '2027-03-26T09:00:00Z',
        sendAt: '2027-03-28T08:00:00Z',
        lateAfter: '2027-04-04T08:00:00Z',
      },
    ]);
    const weekly = { ...timing, rule: 'FREQ=WEEKLY;BYDAY=MO,TH', wallTime: '07:00' };
    const week = { from: Temporal.PlainDate.from('2027-06-07'), to: Temporal.PlainDate.from('2027-06-10') };
    const [monday, thursday] = bulletinDates(weekly, week, context.settings);
    expect(monday!.sendAt.toString()).toBe('2027-06-07T07:00:00Z');
    expect(monday!.lateAfter.equals(thursday!.sendAt)).toBe(true);
  });

  it('is refused with a sentence for every field that is wrong', () => {
    const today = Temporal.PlainDate.from('2027-06-01');
    const parse = (raw: object) => () => parseBulletinSchedule(raw, today);
    expect(parse({ topic: 'meetings', rule: 'daily', time: '9', zone: 'GMT', approval: 'maybe' })).toThrow(
      /topic: .*rule: .*time: .*zone: .*approval: /,
    );
  });

  it('is one per topic: setting it again changes it', async () => {
    const first = await schedule();
    const second = await schedule({ time: '10:00', introduction: 'Hello.' });
    expect(second).toMatchObject({ id: first.id, wallTime: '10:00', introduction: 'Hello.' });
    expect((await schedule({ topic: 'training' })).id).not.toBe(first.id);
  });
});

describe('a bulletin', () => {
  it('is drafted two days ahead, once, with what is approved and still open when it goes out', async () => {
    await schedule();
    await post(1, { closingDate: '2027-06-10' });
    await post(2, { closingDate: '2027-06-06' });
    clock.set('2027-06-05T07:59:59Z');
    await plan();
    expect(await all()).toEqual([]);
    clock.set(DRAFTED);
    await Promise.all([plan(), plan(), plan()]);
    await plan();
    const row = await only();
    expect(row).toMatchObject({
      kind: 'vacancy_bulletin',
      topic: 'vacancies',
      title: 'Vacancy bulletin: Monday 7 June 2027',
      state: 'approved',
      stateBy: 'planner',
    });
    expect(row.sendAt.toString()).toBe('2027-06-07T08:00:00Z');
    expect(await titles(row)).toEqual(['Post 1']);
    expect(await mails('bulletin-drafted')).toBe(1);
  });

  it('carries no item that another has carried, and releases those of one that was stopped', async () => {
    clock.set('2027-06-04T12:00:00Z');
    await schedule({ rule: 'FREQ=WEEKLY;BYDAY=MO,TH' });
    await post(1);
    clock.set(DRAFTED);
    await plan();
    await post(2);
    await plan();
    const [monday] = await all();
    expect(await titles(monday!)).toEqual(['Post 1', 'Post 2']);
    await cancelAnnouncement(database.db, monday!.id, 'Not this week.', context);
    await plan();
    expect((await findAnnouncement(database.db, monday!.id)).state).toBe('cancelled');
    clock.set('2027-06-08T08:00:00Z');
    await plan();
    const thursday = (await all()).at(-1)!;
    expect(await titles(thursday)).toEqual(['Post 1', 'Post 2']);
    expect(await database.db.select().from(bulletinItems)).toHaveLength(2);
  });

  it('is skipped when there is nothing to tell, which is said; an item in time brings it back', async () => {
    await schedule();
    clock.set(DRAFTED);
    await plan();
    await plan();
    expect(await only()).toMatchObject({ state: 'cancelled', stateReason: NOTHING_TO_TELL });
    expect(await mails('bulletin-skipped')).toBe(1);
    clock.set('2027-06-06T12:00:00Z');
    await post(1);
    await plan();
    const row = await only();
    expect(row).toMatchObject({ state: 'approved', stateReason: null });
    expect(await titles(row)).toEqual(['Post 1']);
    expect(await mails('bulletin-drafted')).toBe(1);
  });

  it('stays skipped when the item comes after its time, and the next one has it', async () => {
    await schedule();
    clock.set(DRAFTED);
    await plan();
    clock.set('2027-06-07T08:00:01Z');
    await post(1, { closingDate: '2027-07-31' });
    await plan();
    expect((await only()).state).toBe('cancelled');
    clock.set('2027-07-03T08:00:00Z');
    await plan();
    expect(await titles((await all()).at(-1)!)).toEqual(['Post 1']);
  });

  it('is grouped and ordered: vacancies by place and closing date, training by date', async () => {
    const { db } = database;
    await schedule();
    await schedule({ topic: 'training' });
    await post(1, { place: 'York', closingDate: '2027-06-20' });
    await post(2, { place: 'Leeds', closingDate: '2027-06-30' });
    await post(3, { place: 'leeds', closingDate: '2027-06-12' });
    await post(4, { place: '', online: 'on', closingDate: '2027-06-11' });
    const course = (n: number, date: string) =>
      added('training', {
        title: `Course ${n}`,
        start: '',
        end: '',
        dates: date,
        link: `https://c.example/${n}`,
      });
    await course(1, '2027-07-20');
    await course(2, '2027-06-20');
    await course(3, '2027-07-01');
    clock.set(DRAFTED);
    await plan();
    const settings = await readSettings(db);
    const organiser = { name: '', email: '' };
    const shape = async (kind: string) => {
      const row = (await all()).find((each) => each.kind === kind)!;
      const { model } = await bulletinContent(db, row, {
        clock,
        settings,
        baseUrl: 'https://x.example',
        organiser,
      });
      return model.groups.map(({ heading, items }) => [heading, ...items.map(({ title }) => title)]);
    };
    expect(await shape('vacancy_bulletin')).toEqual([
      ['leeds', 'Post 3', 'Post 2'],
      ['York', 'Post 1'],
      ['Online', 'Post 4'],
    ]);
    expect(await shape('training_bulletin')).toEqual([
      ['June 2027', 'Course 2'],
      ['July 2027', 'Course 3', 'Course 1'],
    ]);
  });

  it('holds forty items at most; the others wait for the next one', async () => {
    await schedule({ rule: 'FREQ=WEEKLY;BYDAY=MO' });
    for (let n = 1; n <= 42; n++) await post(n);
    clock.set(DRAFTED);
    await plan();
    expect(await titles(await only())).toHaveLength(40);
    clock.set('2027-06-12T08:00:00Z');
    await plan();
    expect(await titles((await all()).at(-1)!)).toHaveLength(2);
  });

  it('that should have been drafted while nothing ran waits for a person', async () => {
    await schedule();
    await post(1);
    clock.set('2027-06-07T10:00:00Z');
    await plan();
    const row = await only();
    expect(row.state).toBe('awaiting_approval');
    expect(row.stateReason).toContain('nobody could look at it before its time');
    clock.set('2027-06-07T10:10:00Z');
    await plan();
    expect((await only()).state).toBe('awaiting_approval');
  });

  it('of a day that was over before the schedule was set is not made', async () => {
    await post(1);
    clock.set('2027-06-07T10:00:00Z');
    await schedule();
    await plan();
    expect(await all()).toEqual([]);
  });
});

describe('a bulletin that waits for approval', () => {
  const waiting = async () => {
    await schedule({ approval: 'wait' });
    await post(1);
    clock.set(DRAFTED);
    await plan();
    return only();
  };
  const approve = (row: Announcement) =>
    approveBulletin(database.db, row.id, { unchangedSince: row.updatedAt }, context);

  it('is approved once, by whoever is first', async () => {
    const row = await waiting();
    expect(row.state).toBe('awaiting_approval');
    const results = await Promise.allSettled([approve(row), approve(row)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await only()).toMatchObject({ state: 'approved', stateBy: 'test' });
  });

  it('takes in what is approved meanwhile, so that an old view of it cannot be approved', async () => {
    const row = await waiting();
    clock.set('2027-06-05T09:00:00Z');
    await post(2);
    await plan();
    expect(await titles(await only())).toEqual(['Post 1', 'Post 2']);
    await expect(approve(row)).rejects.toMatchObject({ code: 'conflict' });
    await approve(await only());
    clock.set('2027-06-05T10:00:00Z');
    await post(3);
    await plan();
    expect(await titles(await only())).toEqual(['Post 1', 'Post 2']);
  });

  it('waits again when an item in it or its introduction is changed, not when one is taken out', async () => {
    const { db } = database;
    await post(2);
    const row = await waiting();
    await approve(row);
    const [first, second] = (await readBulletin(db, row, { clock })).items;
    clock.set('2027-06-05T11:00:00Z');
    await withdrawItem(db, second!.id, '', context);
    expect((await only()).state).toBe('approved');
    await editItem(
      db,
      first!.id,
      { input: input(clock, 'vacancy', { role: first!.title, pay: 'Band 7' }) },
      context,
    );
    expect(await only()).toMatchObject({ state: 'awaiting_approval' });
    expect(await mails('bulletin-drafted')).toBe(2);
    await approve(await only());
    const changed = await introduceBulletin(db, row.id, 'Two posts.', context);
    expect(changed.state).toBe('awaiting_approval');
    expect((await readBulletin(db, changed, { clock })).introduction).toBe('Two posts.');
  });

  it('can still be approved after its time, with five minutes to stop it, and not into the quiet hours', async () => {
    const row = await waiting();
    clock.set('2027-06-07T07:58:00Z');
    expect((await approve(row)).sendAt.toString()).toBe('2027-06-07T08:03:00Z');
    await plan();
    expect((await only()).sendAt.toString()).toBe('2027-06-07T08:03:00Z');
    await introduceBulletin(database.db, row.id, 'Late, but here.', context);
    clock.set('2027-06-09T20:57:00Z');
    expect((await approve(await only())).sendAt.toString()).toBe('2027-06-10T07:00:00Z');
    clock.set('2027-06-09T21:10:00Z');
    await plan();
    expect(await only()).toMatchObject({
      state: 'approved',
      sendAt: Temporal.Instant.from('2027-06-10T07:00Z'),
    });
    await schedule({ approval: 'wait', time: '10:00' });
    expect((await only()).sendAt.toString()).toBe('2027-06-10T07:00:00Z');
  });

  it('cannot be approved when it is too late, or nothing in it is open any more', async () => {
    const row = await waiting();
    // It would go out five minutes later, when the next one is due.
    clock.set('2027-06-14T07:55:00Z');
    await expect(approve(row)).rejects.toThrow('too late');
    await emptyDatabase(database);
    clock.set('2027-06-01T12:00:00Z');
    await schedule({ approval: 'wait' });
    await post(1, { closingDate: '2027-06-08' });
    clock.set(DRAFTED);
    await plan();
    clock.set('2027-06-09T08:00:00Z');
    await expireItems(database.db, { clock });
    await expect(approve(await only())).rejects.toThrow('Nothing in this bulletin is still open');
  });
});

describe('a change of the schedule', () => {
  it('moves what is drafted, or stops it and frees its items', async () => {
    await schedule();
    await post(1);
    clock.set(DRAFTED);
    await plan();
    await schedule({ time: '18:00' });
    expect((await only()).sendAt.toString()).toBe('2027-06-07T17:00:00Z');
    await schedule({ approval: 'wait' });
    expect((await only()).state).toBe('awaiting_approval');
    await schedule({ rule: 'FREQ=MONTHLY;BYDAY=2MO' });
    expect(await only()).toMatchObject({ state: 'cancelled', stateBy: 'planner' });
    await plan();
    expect(await database.db.select().from(bulletinItems)).toEqual([]);
    await schedule();
    expect((await only()).state).toBe('approved');
    expect(await titles(await only())).toEqual(['Post 1']);
    await endBulletins(database.db, 'vacancies', context);
    expect((await only()).state).toBe('cancelled');
    await plan();
    expect((await only()).state).toBe('cancelled');
  });
});

describe('the plan', () => {
  it('shows bulletins before and after they are drafted, under one id', async () => {
    await addPeople(database.db, clock, 3, 'vacancies');
    await schedule({ approval: 'wait' });
    const look = () =>
      queryPlan(
        database.db,
        { from: Temporal.PlainDate.from('2027-06-01'), to: Temporal.PlainDate.from('2027-07-31') },
        context,
      );
    const before = await look();
    expect(
      before.map(({ kind, sendAtLocal, state, audience }) => [kind, sendAtLocal, state, audience]),
    ).toEqual([
      ['vacancy_bulletin', '2027-06-07T09:00:00', 'awaiting_approval', 3],
      ['vacancy_bulletin', '2027-07-05T09:00:00', 'awaiting_approval', 3],
    ]);
    await post(1);
    clock.set(DRAFTED);
    await plan();
    expect((await look()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect((await only()).id).toBe(before[0]!.id);
  });
});

describe('a preview', () => {
  const organiser = { name: '', email: '' };

  it('shows the next bulletin with what there is, and writes nothing', async () => {
    const { db } = database;
    await post(1);
    const settings = await readSettings(db);
    const look = () =>
      previewBulletin(db, 'vacancies', {
        clock,
        settings,
        baseUrl: 'https://x.example',
        organiser,
      });
    expect((await look()).model).toMatchObject({ date: '2027-06-01', count: 1 });
    await schedule({ introduction: 'Good luck.' });
    const { model, sendAt, zone } = await look();
    expect(model).toMatchObject({ date: '2027-06-07', count: 1, introduction: 'Good luck.' });
    expect([sendAt.toString(), zone]).toEqual(['2027-06-07T08:00:00Z', 'Europe/London']);
    expect(await all()).toEqual([]);
    expect(await db.select().from(bulletinItems)).toEqual([]);
  });

  it('shows the bulletin that is drafted and still to go out, and what is left for the one after it', async () => {
    const { db } = database;
    await schedule();
    await post(1);
    clock.set(DRAFTED);
    await plan();
    const { id } = await only();
    const view = { clock, settings: await readSettings(db), baseUrl: 'https://x.example', organiser };
    expect(await previewBulletin(db, 'vacancies', view)).toMatchObject({
      drafted: { id },
      model: { date: '2027-06-07', count: 1 },
    });
    expect(await previewNextDraft(db, 'vacancies', view)).toMatchObject({
      drafted: undefined,
      model: { date: '2027-07-05', count: 0 },
    });
  });
});
