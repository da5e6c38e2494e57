import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  addMeeting,
  addSeries,
  archiveSeries,
  cancelMeeting,
  decideMeeting,
  editSeries,
  moveMeeting,
  planAhead,
} from '../../src/announcements/meeting-changes.ts';
import { queryPlan } from '../../src/announcements/plan-query.ts';
import { holdAnnouncement, cancelAnnouncement } from '../../src/announcements/life-cycle.ts';
import { wantedReminders } from '../../src/announcements/planning.ts';
import { announcements, meetings, serviceMails } from '../../src/db/schema.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { monthlySeries, planning, singleMeeting } from '../support/meetings.ts';

const clock = new ManualClock('2026-11-23T12:00:00Z');
const context = planning(clock);
const database = useTestDatabase();

beforeEach(() => {
  clock.set('2026-11-23T12:00:00Z');
});

const day = (text: string) => Temporal.PlainDate.from(text);

async function reminders(meetingId: string) {
  const found = await database.db
    .select()
    .from(announcements)
    .where(eq(announcements.meetingId, meetingId))
    .orderBy(announcements.sendAt);
  return found.map((row) => [row.reminderRule, row.sendAt.toString(), row.state]);
}

describe('a series', () => {
  it('gets one notice per occurrence and rule, at the right hour in winter and in summer', async () => {
    const { meetings: written } = await addSeries(database.db, monthlySeries(clock), context);
    expect(written.map((meeting) => meeting.startsAt.toString())).toEqual([
      '2026-12-02T19:00:00Z',
      '2027-01-06T19:00:00Z',
      '2027-02-03T19:00:00Z',
      '2027-03-03T19:00:00Z',
    ]);
    expect(await reminders(written[0]!.id)).toEqual([
      ['7d@09:00', '2026-11-25T09:00:00Z', 'approved'],
      ['1d@09:00', '2026-12-01T09:00:00Z', 'approved'],
      ['1h', '2026-12-02T18:00:00Z', 'approved'],
    ]);
    const plan = await queryPlan(database.db, { from: day('2027-05-25'), to: day('2027-06-02') }, context);
    expect(plan.map((entry) => [entry.sendAt, entry.sendAtLocal, entry.meetingStart])).toEqual([
      ['2027-05-26T08:00:00Z', '2027-05-26T09:00:00', '2027-06-02T18:00:00Z'],
      ['2027-06-01T08:00:00Z', '2027-06-01T09:00:00', '2027-06-02T18:00:00Z'],
      ['2027-06-02T17:00:00Z', '2027-06-02T18:00:00', '2027-06-02T18:00:00Z'],
    ]);
  });

  it('is planned with the same ids before and after its occurrences are written', async () => {
    await addSeries(database.db, monthlySeries(clock), context);
    const span = { from: day('2027-04-01'), to: day('2027-07-31') };
    const foreseen = await queryPlan(database.db, span, context);
    clock.set('2027-03-20T12:00:00Z');
    await planAhead(database.db, context);
    const written = await queryPlan(database.db, span, context);
    expect(foreseen.length).toBeGreaterThan(8);
    const known = (plan: typeof written) => plan.map(({ foreseen: _, ...entry }) => entry);
    expect(known(written)).toEqual(known(foreseen));
    expect(foreseen.filter((entry) => entry.foreseen).length).toBeGreaterThan(0);
    const rows = await database.db.select().from(meetings);
    expect(rows.length).toBeGreaterThan(4);
  });

  it('is planned once however often the planner runs', async () => {
    await addSeries(database.db, monthlySeries(clock), context);
    const before = await database.db.select().from(announcements).orderBy(announcements.id);
    await Promise.all([planAhead(database.db, context), planAhead(database.db, context)]);
    expect(await database.db.select().from(announcements).orderBy(announcements.id)).toEqual(before);
  });

  it('asks about a date on a bank holiday and never moves it by itself', async () => {
    clock.set('2027-01-04T12:00:00Z');
    const series = monthlySeries(clock, { rule: 'FREQ=MONTHLY;BYDAY=1MO' });
    const { meetings: written } = await addSeries(database.db, series, context);
    const may = written.find((meeting) => meeting.originalDate?.toString() === '2027-05-03');
    expect(may).toMatchObject({ status: 'undecided', wallStart: '2027-05-03T19:00' });
    const waiting = await reminders(may!.id);
    expect(waiting.map(([, , state]) => state)).toEqual([
      'awaiting_approval',
      'awaiting_approval',
      'awaiting_approval',
    ]);
    const mails = await database.db.select().from(serviceMails);
    expect(mails.map((mail) => [mail.kind, mail.data])).toEqual([['bank-holiday', { meetingId: may!.id }]]);
    await decideMeeting(database.db, may!.id, 'keep', context);
    expect((await reminders(may!.id)).map(([, , state]) => state)).toEqual([
      'approved',
      'approved',
      'approved',
    ]);
  });

  it('follows an edit, leaves alone what was moved by itself, and drops dates it no longer has', async () => {
    const { series, meetings: written } = await addSeries(database.db, monthlySeries(clock), context);
    const [december, january, february] = written;
    await moveMeeting(
      database.db,
      january!.id,
      parseMeetingChange({ start: '2027-01-13T18:00' }, 'Europe/London'),
      context,
    );
    await editSeries(
      database.db,
      series.id,
      monthlySeries(clock, { time: '18:30', remind: ['2d@10:00'] }),
      context,
    );
    expect(await reminders(december!.id)).toEqual([
      ['7d@09:00', '2026-11-25T09:00:00Z', 'cancelled'],
      ['2d@10:00', '2026-11-30T10:00:00Z', 'approved'],
      ['1d@09:00', '2026-12-01T09:00:00Z', 'cancelled'],
      ['1h', '2026-12-02T18:00:00Z', 'cancelled'],
    ]);
    const [moved] = await database.db.select().from(meetings).where(eq(meetings.id, january!.id));
    expect(moved).toMatchObject({ wallStart: '2027-01-13T18:00', reminders: ['7d@09:00', '1d@09:00', '1h'] });
    await editSeries(
      database.db,
      series.id,
      monthlySeries(clock, { rule: 'FREQ=MONTHLY;BYDAY=1TH', remind: ['1h'] }),
      context,
    );
    const [left] = await database.db.select().from(meetings).where(eq(meetings.id, february!.id));
    expect(left).toMatchObject({ status: 'skipped' });
    expect((await reminders(february!.id)).every(([, , state]) => state === 'cancelled')).toBe(true);
    await editSeries(database.db, series.id, monthlySeries(clock, { remind: ['1h'] }), context);
    expect((await reminders(february!.id)).filter(([, , state]) => state === 'approved')).toEqual([
      ['1h', '2027-02-03T18:00:00Z', 'approved'],
    ]);
  });

  it('ends without a word when nobody had been told', async () => {
    const { series } = await addSeries(database.db, monthlySeries(clock), context);
    await archiveSeries(database.db, series.id, context);
    const open = (await database.db.select().from(announcements)).filter((row) => row.state !== 'cancelled');
    expect(open).toEqual([]);
    expect(await queryPlan(database.db, { from: day('2027-04-01'), to: day('2027-12-31') }, context)).toEqual(
      [],
    );
  });
});

describe('after any edit the future notices are those computed afresh', () => {
  const edits = [
    ['later the same day', { start: '2026-12-09T20:30' }],
    ['to the morning after', { start: '2026-12-10T08:15' }],
    ['a week earlier', { start: '2026-12-02T19:00' }],
    ['to tomorrow, when some reminders have passed', { start: '2026-11-24T13:00' }],
    ['other reminders', { remind: ['3d@12:00', '30m', '1h'] }],
    ['no reminders', { remind: [] }],
    ['another length and title', { duration: 90, title: 'Longer meeting' }],
  ] as const;

  it.each(edits)('%s', async (_, change) => {
    const meeting = await addMeeting(
      database.db,
      singleMeeting('2026-12-09T19:00', { remind: ['7d@09:00', '1d@09:00', '1h'] }),
      context,
    );
    const after = await moveMeeting(
      database.db,
      meeting.id,
      parseMeetingChange(change, 'Europe/London'),
      context,
    );
    const fresh = wantedReminders(after, context.settings, clock.now());
    const future = (await reminders(meeting.id)).filter(([, , state]) => state === 'approved');
    expect(future).toEqual(fresh.map(({ rule, sendAt }) => [rule, sendAt.toString(), 'approved']));
    expect(after.sequence).toBe(1);
    expect(after.uid).toBe(meeting.uid);
  });

  it('back and forth gives the first plan again', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-09T19:00'), context);
    const first = await reminders(meeting.id);
    for (const start of ['2026-11-23T20:00', '2026-12-09T19:00']) {
      await moveMeeting(database.db, meeting.id, parseMeetingChange({ start }, 'Europe/London'), context);
    }
    expect(await reminders(meeting.id)).toEqual(first);
  });
});

describe('a meeting', () => {
  it('cancelled one second before a reminder is due sends nothing', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2026-11-25T19:00'), context);
    clock.set('2026-11-25T17:59:59Z');
    await cancelMeeting(database.db, meeting.id, null, context);
    expect((await reminders(meeting.id)).map(([, , state]) => state)).toEqual(['cancelled', 'cancelled']);
  });

  it('cannot be moved into the past, onto a skipped hour or after it was cancelled', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-09T19:00'), context);
    const move = (start: string) =>
      moveMeeting(database.db, meeting.id, parseMeetingChange({ start }, 'Europe/London'), context);
    await expect(move('2026-11-20T19:00')).rejects.toThrow('start: must be in the future');
    await expect((async () => move('2027-03-28T01:30'))()).rejects.toThrow('go forward over this time');
    await cancelMeeting(database.db, meeting.id, null, context);
    await expect(move('2026-12-10T19:00')).rejects.toThrow('already cancelled');
  });

  it('keeps what an administrator decided about one of its notices', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-09T19:00'), context);
    const [dayBefore, hourBefore] = await database.db
      .select()
      .from(announcements)
      .where(eq(announcements.meetingId, meeting.id))
      .orderBy(announcements.sendAt);
    await holdAnnouncement(database.db, dayBefore!.id, 'Waiting for the speaker', context);
    await cancelAnnouncement(database.db, hourBefore!.id, null, context);
    await moveMeeting(
      database.db,
      meeting.id,
      parseMeetingChange({ start: '2026-12-16T19:00' }, 'Europe/London'),
      context,
    );
    expect(await reminders(meeting.id)).toEqual([
      ['1h', '2026-12-09T18:00:00Z', 'cancelled'],
      ['1d@09:00', '2026-12-15T09:00:00Z', 'held'],
    ]);
  });

  it('refuses an input with a sentence for each wrong field', () => {
    expect(() =>
      singleMeeting('2026-12-09 25:00', { duration: 0, link: 'zoom', title: ' ', remind: ['soon'] }),
    ).toThrow(/title: .*remind: .*start: |title: .*duration: .*link: .*remind: /s);
    expect(() => monthlySeries(clock, { rule: 'FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31' })).toThrow('rule: ');
    expect(() => monthlySeries(clock, { startsOn: '2027-02-31' })).toThrow('startsOn: must be a date');
    expect(() => monthlySeries(clock, { startsOn: '2027-02-01', endsOn: '2027-01-01' })).toThrow('endsOn: ');
  });
});
