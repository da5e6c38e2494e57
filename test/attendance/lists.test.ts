import { readFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { confirmAttendee, unconfirmAttendee } from '../../src/attendance/confirm.ts';
import { takeList, takeListFromFile } from '../../src/attendance/lists.ts';
import type { ParticipantRow } from '../../src/attendance/merge.ts';
import { attendanceOfPerson, attendanceReport, attendanceTrend } from '../../src/attendance/report.ts';
import { forgetAttendance } from '../../src/attendance/retention.ts';
import {
  answerInvitation,
  answerOf,
  listAnswers,
  parseAnswer,
  rsvpCounts,
} from '../../src/attendance/rsvps.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { attendances, meetings } from '../../src/db/schema.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { juneMeeting, person } from './people.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const actor = { clock, actor: 'admin:test' };
let database: OpenDatabase;
let meetingId: string;
let ada: string;
let ben: string;
let cat: string;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
  meetingId = await juneMeeting(database.db);
  ada = await person(database.db, clock, 'ada@example.org', 'Ada Byron');
  ben = await person(database.db, clock, 'ben@home.example', 'Ben Okri');
  cat = await person(database.db, clock, 'cat@example.org', 'Catherine Stevens');
});

const report = () => attendanceReport(database.db, meetingId);
const minute = (n: number) => Temporal.Instant.from('2027-06-02T18:00:00Z').add({ minutes: n });
const row = (
  name: string,
  from: number,
  to: number,
  extra: Partial<ParticipantRow> = {},
): ParticipantRow => ({
  name,
  time: { from: minute(from), to: minute(to) },
  inWaitingRoom: false,
  ...extra,
});
const take = (...participants: ParticipantRow[]) =>
  takeList(database.db, meetingId, { source: 'zoom', participants }, { clock });
const rsvp = (subscriberId: string, answer: 'yes' | 'no' | 'maybe') =>
  answerInvitation(database.db, { meetingId, subscriberId, answer }, { clock });

describe('an answer to an invitation', () => {
  it('counts once for each person, the last one given', async () => {
    await rsvp(ada, 'maybe');
    await rsvp(ada, 'yes');
    await rsvp(ben, 'no');
    await rsvp(cat, 'yes');
    expect(await rsvpCounts(database.db, meetingId)).toEqual({ yes: 2, no: 1, maybe: 0 });
    expect(await answerOf(database.db, meetingId, ada)).toEqual({ answer: 'yes', question: '' });
    expect(
      (await listAnswers(database.db, meetingId)).map(({ name, answer }) => `${name}: ${answer}`),
    ).toEqual(['Ada Byron: yes', 'Catherine Stevens: yes', 'Ben Okri: no']);
  });

  it('is not taken when it makes no sense', async () => {
    expect(() => parseAnswer('perhaps')).toThrow(/yes, no, maybe/);
    expect(parseAnswer(' Yes ')).toBe('yes');
    clock.set('2027-06-02T19:00:00Z');
    await expect(rsvp(ada, 'yes')).rejects.toMatchObject({ code: 'wrong_state' });
    clock.set('2027-06-01T12:00:00Z');
    await database.db.update(meetings).set({ status: 'cancelled' });
    await expect(rsvp(ada, 'yes')).rejects.toMatchObject({ code: 'wrong_state' });
    const nobody = '01930000-0000-7000-8000-000000000000';
    await expect(rsvp(nobody, 'yes')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the list of those who came', () => {
  beforeEach(async () => {
    await rsvp(ben, 'yes');
    clock.set('2027-06-02T20:00:00Z');
  });

  it('is made from Zoom’s file: by address, by answer and name, by name only as a suggestion, guests apart', async () => {
    const bytes = readFileSync(new URL('files/old-layout.csv', import.meta.url));
    const taken = await takeListFromFile(database.db, meetingId, { bytes }, actor);
    expect(taken).toMatchObject({ people: 9, matched: 1, suggested: 2, meetingNumber: '84512300001' });
    const { known, guests, sessionMinutes, answers, source } = await report();
    expect({ sessionMinutes, answers, source }).toEqual({
      sessionMinutes: 60,
      answers: { yes: 1, no: 0, maybe: 0 },
      source: 'file',
    });
    expect(known.map(({ name, matchedBy, minutes, share }) => [name, matchedBy, minutes, share])).toEqual([
      ['Ada Byron', 'email', 56, 94],
    ]);
    const suggested = guests.filter(({ suggestion }) => suggestion !== null);
    // Ben came under another address than ours, so even with his answer a person decides.
    expect(suggested.map(({ name, suggestion }) => [name, suggestion?.subscriberId])).toEqual([
      ['Ben Okri', ben],
      ['Catherine Stevens', cat],
    ]);
    expect(guests.filter(({ byPhone }) => byPhone)).toHaveLength(1);
  });

  it('knows somebody without an address by their answer together with their name', async () => {
    await take(row('Ben Okri', 0, 50), row('Catherine Stevens', 0, 60));
    const { known, guests } = await report();
    expect(known).toMatchObject([{ subscriberId: ben, matchedBy: 'rsvp' }]);
    expect(guests).toMatchObject([{ name: 'Catherine Stevens', suggestion: { subscriberId: cat } }]);
  });

  it('does not take an answer and a name for proof when two came under it, or the person is there already', async () => {
    await take(row('Ben Okri', 0, 50, { personId: 'p1' }), row('Ben Okri', 0, 60, { personId: 'p2' }));
    expect((await report()).known).toEqual([]);
    await take(row('B.', 0, 50, { email: 'ben@home.example' }), row('Ben Okri', 0, 60, { personId: 'p2' }));
    const { known, guests } = await report();
    expect(known).toMatchObject([{ subscriberId: ben, matchedBy: 'email' }]);
    expect(guests).toMatchObject([{ name: 'Ben Okri', suggestion: { subscriberId: ben } }]);
  });

  it('keeps what a person confirmed when it is taken again', async () => {
    await take(row('Cathy', 0, 30), row('iPhone', 0, 60), row('Ada', 0, 60, { email: 'ada@example.org' }));
    const cathy = (await report()).guests.find(({ name }) => name === 'Cathy')!;
    await confirmAttendee(database.db, { attendanceId: cathy.id, subscriberId: cat }, actor);
    await take(row('Cathy', 0, 45), row('iPhone', 0, 60), row('Ada', 0, 60, { email: 'ada@example.org' }));
    const { known, guests } = await report();
    expect(known).toMatchObject([
      { subscriberId: ada, matchedBy: 'email' },
      { subscriberId: cat, matchedBy: 'person', minutes: 45 },
    ]);
    expect(guests.map(({ name }) => name)).toEqual(['iPhone']);
  });

  it('joins a device that turns out to be somebody’s, and counts no minute twice', async () => {
    await take(row('Ada Byron', 0, 40, { email: 'ada@example.org' }), row('iPhone', 30, 55), row('X', 0, 60));
    const phone = (await report()).guests.find(({ name }) => name === 'iPhone')!;
    await confirmAttendee(database.db, { attendanceId: phone.id, subscriberId: ada }, actor);
    const { known, guests } = await report();
    expect(known).toMatchObject([{ subscriberId: ada, minutes: 55, joins: 2, otherNames: ['iPhone'] }]);
    expect(guests.map(({ name }) => name)).toEqual(['X']);
    const [stored] = await database.db.select().from(attendances).where(eq(attendances.subscriberId, ada));
    expect(stored).toMatchObject({ seconds: 55 * 60, provenSeconds: 40 * 60 });
  });

  it('lets a confirmation be taken back, but not an address', async () => {
    await take(row('Cathy', 0, 30), row('Ada', 0, 60, { email: 'ada@example.org' }));
    const cathy = (await report()).guests[0]!;
    await confirmAttendee(database.db, { attendanceId: cathy.id, subscriberId: cat }, actor);
    await expect(
      confirmAttendee(database.db, { attendanceId: cathy.id, subscriberId: ben }, actor),
    ).rejects.toMatchObject({ code: 'wrong_state' });
    await unconfirmAttendee(database.db, cathy.id, actor);
    expect((await report()).guests).toMatchObject([{ name: 'Cathy', suggestion: { subscriberId: cat } }]);
    const known = (await report()).known[0]!;
    await expect(unconfirmAttendee(database.db, known.id, actor)).rejects.toMatchObject({
      code: 'wrong_state',
    });
  });

  it('measures the share by the meeting as it was held', async () => {
    await take(row('Ada', 0, 40, { email: 'ada@example.org' }), row('Host', -10, 50, { personId: 'h' }));
    expect((await report()).sessionMinutes).toBe(50);
    expect((await report()).known).toMatchObject([{ minutes: 40, share: 80 }]);
  });

  it('is refused before the meeting has begun, and unknown people and rows are named', async () => {
    clock.set('2027-06-02T17:59:00Z');
    await expect(take(row('Ada', 0, 10))).rejects.toMatchObject({ code: 'wrong_state' });
    const nobody = '01930000-0000-7000-8000-000000000000';
    await expect(
      confirmAttendee(database.db, { attendanceId: nobody, subscriberId: ada }, actor),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  it('makes the trend and each person’s history, and is forgotten in time', async () => {
    const earlier = await juneMeeting(database.db, {
      title: 'May',
      startsAt: Temporal.Instant.from('2027-05-05T18:00:00Z'),
    });
    await takeList(database.db, earlier, { source: 'zoom', participants: [] }, { clock });
    await take(
      row('Ada', 0, 60, { email: 'ada@example.org' }),
      row('Stranger', 0, 31),
      row('Never let in', 0, 60, { inWaitingRoom: true }),
    );
    expect(await attendanceTrend(database.db)).toMatchObject([
      { title: 'May', people: 0, guests: 0, averageMinutes: 0, saidYes: 0 },
      { title: 'Splinting after stroke', people: 2, guests: 1, averageMinutes: 46, saidYes: 1 },
    ]);
    expect(await attendanceOfPerson(database.db, ada)).toMatchObject([
      { title: 'Splinting after stroke', minutes: 60, answer: null, checkCode: null },
    ]);
    expect(await attendanceOfPerson(database.db, ben)).toMatchObject([{ minutes: null, answer: 'yes' }]);
    const kept = { retentionAttendance: { months: 24 }, retentionCertificates: { months: 60 } };
    expect(await forgetAttendance(database.db, kept, { clock })).toMatchObject({ attendance: 0, answers: 0 });
    clock.set('2029-06-03T00:00:00Z');
    expect(await forgetAttendance(database.db, kept, { clock })).toMatchObject({ attendance: 3, answers: 1 });
    expect((await report()).guests).toEqual([]);
  });
});
