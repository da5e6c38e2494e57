import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { finishAnnouncement, startAnnouncement } from '../../src/announcements/life-cycle.ts';
import { addMeeting, cancelMeeting, moveMeeting } from '../../src/announcements/meeting-changes.ts';
import { announcements, subscribers } from '../../src/db/schema.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runsOf } from './runs.ts';

const clock = new ManualClock('2026-11-23T12:00:00Z');
const context = planning(clock);
const database = useTestDatabase();
const runs = runsOf(database, clock);

beforeEach(() => {
  clock.set('2026-11-23T12:00:00Z');
});

describe('a change of the meeting', () => {
  const move = (meetingId: string, change: object) =>
    moveMeeting(database.db, meetingId, parseMeetingChange(change, 'Europe/London'), context);

  async function corrections(meetingId: string) {
    const rows = await database.db
      .select()
      .from(announcements)
      .where(eq(announcements.meetingId, meetingId))
      .orderBy(announcements.createdAt);
    return rows.filter((row) => row.kind !== 'reminder');
  }

  /** A meeting on 3 December whose reminder a day before went to everybody. */
  async function told(people: number) {
    const ids = await addPeople(database.db, clock, people);
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-03T19:00'), context);
    const [first] = await database.db
      .select()
      .from(announcements)
      .where(eq(announcements.meetingId, meeting.id))
      .orderBy(announcements.sendAt);
    clock.set('2026-12-02T09:00:00Z');
    await runs.freeze(first!.id);
    await startAnnouncement(database.db, first!.id, context);
    const claimed = await runs.claim(first!.id, people);
    await runs.settle(
      first!.id,
      claimed.map((delivery) => runs.sent(delivery.id)),
    );
    await finishAnnouncement(database.db, first!.id, { clock });
    clock.set('2026-12-02T12:00:00Z');
    return { meetingId: meeting.id, people: ids };
  }

  it('that nobody was told of sends no correction', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-03T19:00'), context);
    await move(meeting.id, { start: '2026-12-04T19:00' });
    await cancelMeeting(database.db, meeting.id, null, context);
    expect(await corrections(meeting.id)).toEqual([]);
  });

  it('tells those who were told, once, however often it changes', async () => {
    const { meetingId, people } = await told(3);
    await addPeopleLater(people.length);
    await move(meetingId, { start: '2026-12-04T19:00' });
    await move(meetingId, { start: '2026-12-07T18:00', duration: 90 });
    const rows = await corrections(meetingId);
    expect(rows.map((row) => [row.kind, row.state])).toEqual([
      ['changed', 'cancelled'],
      ['changed', 'approved'],
    ]);
    expect(rows[1]!.previous).toMatchObject({ startsAt: '2026-12-03T19:00:00Z', durationMinutes: 60 });
    expect(await runs.freeze(rows[1]!.id)).toBe(3);
  });

  it('that is taken back before its mail went out sends none', async () => {
    const { meetingId } = await told(2);
    await move(meetingId, { start: '2026-12-04T19:00' });
    await move(meetingId, { start: '2026-12-03T19:00' });
    expect((await corrections(meetingId)).map((row) => row.state)).toEqual(['cancelled']);
  });

  it('of its link alone sends no mail', async () => {
    const { meetingId } = await told(2);
    await move(meetingId, { link: 'https://zoom.example/j/3' });
    expect(await corrections(meetingId)).toEqual([]);
  });

  it('waits for the end of the quiet hours', async () => {
    const { meetingId } = await told(1);
    clock.set('2026-12-02T23:00:00Z');
    await move(meetingId, { start: '2026-12-04T19:00' });
    expect((await corrections(meetingId))[0]!.sendAt.toString()).toBe('2026-12-03T08:00:00Z');
  });

  it('does not send a person the correction and a reminder in the same hour', async () => {
    const { meetingId } = await told(2);
    clock.set('2026-12-02T12:00:00Z');
    await move(meetingId, { start: '2026-12-02T13:30' });
    const [correction] = await corrections(meetingId);
    await runs.freeze(correction!.id);
    await startAnnouncement(database.db, correction!.id, context);
    clock.set('2026-12-02T12:30:00Z');
    const [hourBefore] = (await database.db.select().from(announcements)).filter(
      (row) => row.state === 'approved',
    );
    await runs.freeze(hourBefore!.id);
    expect(await runs.books(hourBefore!.id)).toMatchObject({ audience: 2, excluded: 2, pending: 0 });
  });

  it('stops a reminder that is going out, and tells everybody it was meant for', async () => {
    const { id, meetingId } = await runs.running(6);
    const claimed = await runs.claim(id, 2);
    await runs.settle(
      id,
      claimed.map((delivery) => runs.sent(delivery.id)),
    );
    await move(meetingId, { start: '2026-11-25T20:00' });
    expect(await runs.claim(id, 5)).toEqual([]);
    expect(await runs.books(id)).toMatchObject({ sent: 2, cancelled: 4 });
    const [correction] = await corrections(meetingId);
    expect(await runs.freeze(correction!.id)).toBe(6);
  });

  it('cancelled: reminders stop and those who were told are told', async () => {
    const { meetingId } = await told(2);
    await cancelMeeting(database.db, meetingId, 'The speaker is ill.', context);
    const all = await database.db.select().from(announcements).where(eq(announcements.meetingId, meetingId));
    expect(all.map((row) => [row.kind, row.state]).sort()).toEqual([
      ['cancelled', 'approved'],
      ['reminder', 'cancelled'],
      ['reminder', 'sent'],
    ]);
  });

  async function addPeopleLater(count: number) {
    const now = clock.now();
    await database.db.insert(subscribers).values(
      Array.from({ length: count }, (_, n) => ({
        id: `00000000-0000-7000-8000-00000000000${n}`,
        email: `late${n}@example.org`,
        emailNormalised: `late${n}@example.org`,
        state: 'active' as const,
        createdAt: now,
        updatedAt: now,
      })),
    );
  }
});
