import { and, eq, inArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import { rows, type Tx } from '../db/open.ts';
import { attendanceLists, attendances, rsvps, subscribers } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { findMeeting, meetingEnd } from '../meetings/meetings.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { matchAttendees, type KnownPerson } from './matching.ts';
import { mergeParticipants, sessionOf, type Attendee, type ParticipantRow, type Session } from './merge.ts';
import { readName } from './names.ts';
import { readParticipantsFile, type ParticipantsFile } from './participants-file.ts';

interface Context {
  readonly clock: Clock;
}

type Row = typeof attendances.$inferSelect;

/** What came of taking a list. */
export interface TakenList {
  readonly people: number;
  readonly matched: number;
  readonly suggested: number;
}

/**
 * Makes the list of those who came from rows of Zoom. Taking it again replaces it; what a person had confirmed
 * stays confirmed, and certificates are not touched.
 *
 * @param actual when the meeting really began and ended, where that is known; without it the last to leave ended it.
 * @throws ConvenorError `not_found`; `wrong_state` when the meeting has not begun.
 */
export async function takeList(
  tx: Tx,
  meetingId: string,
  {
    source,
    participants,
    actual = {},
  }: {
    source: 'zoom' | 'file';
    participants: readonly ParticipantRow[];
    actual?: { startedAt?: Temporal.Instant; endedAt?: Temporal.Instant };
  },
  { clock }: Context,
): Promise<TakenList> {
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const meeting = await findMeeting(inner, meetingId);
    if (Temporal.Instant.compare(meeting.startsAt, now) > 0) throw notBegun();
    const session = sessionOf(meeting, { endedAt: lastLeave(participants), ...actual });
    await inner
      .insert(attendanceLists)
      .values({ meetingId, ...listColumns(source, session, now) })
      .onConflictDoUpdate({
        target: attendanceLists.meetingId,
        set: listColumns(source, session, now),
      });
    const confirmed = await confirmedBefore(inner, meetingId);
    await inner.delete(attendances).where(eq(attendances.meetingId, meetingId));
    const attendees = mergeParticipants(participants, session);
    const values = assign(attendees, await knownPeople(inner, meetingId), confirmed).map((value) => ({
      ...value,
      id: newId(now),
      meetingId,
    }));
    if (values.length > 0) await inner.insert(attendances).values(values);
    return {
      people: values.length,
      matched: values.filter(({ subscriberId }) => subscriberId !== null).length,
      suggested: values.filter(({ suggestedId }) => suggestedId !== null).length,
    };
  });
}

/**
 * Makes the list from the file that Zoom exports.
 *
 * @param zone zone of the Zoom account, in which the file tells its times; the meeting's own when left out.
 * @throws ConvenorError `invalid_input` (field `file`); what `takeList` throws.
 */
export async function takeListFromFile(
  tx: Tx,
  meetingId: string,
  { bytes, zone }: { bytes: Uint8Array; zone?: string },
  { clock, actor }: Context & { readonly actor: Actor },
): Promise<TakenList & Pick<ParticipantsFile, 'skipped' | 'meetingNumber'>> {
  const meeting = await findMeeting(tx, meetingId);
  const file = readParticipantsFile(bytes, { ...meeting, zone: zone ?? meeting.zone });
  return tx.transaction(async (inner) => {
    const taken = await takeList(inner, meetingId, { source: 'file', participants: file.rows }, { clock });
    await recordAudit(
      inner,
      { actor, action: 'attendance.uploaded', subject: meetingId, after: taken },
      { clock },
    );
    return { ...taken, skipped: file.skipped, meetingNumber: file.meetingNumber };
  });
}

/** Notes why the list could not be taken from Zoom, and when to try again (never, when left out). */
export async function recordListProblem(
  tx: Tx,
  meetingId: string,
  { problem, retryAt }: { problem: string; retryAt?: Temporal.Instant | undefined },
): Promise<void> {
  const values = { problem, retryAt: retryAt ?? null, askedAt: null };
  await tx
    .insert(attendanceLists)
    .values({ meetingId, ...values, attempts: 1 })
    .onConflictDoUpdate({
      target: attendanceLists.meetingId,
      set: { ...values, attempts: sql`${attendanceLists.attempts} + 1` },
    });
}

/**
 * Asks for the list to be taken from Zoom as soon as possible, also when one was taken or taking it was given up.
 * What is there stays until the new list comes.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when the meeting has not begun.
 */
export async function askForList(
  tx: Tx,
  meetingId: string,
  { clock, actor }: Context & { readonly actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    const now = clock.now();
    const meeting = await findMeeting(inner, meetingId);
    if (Temporal.Instant.compare(meeting.startsAt, now) > 0) throw notBegun();
    await inner
      .insert(attendanceLists)
      .values({ meetingId, askedAt: now })
      .onConflictDoUpdate({ target: attendanceLists.meetingId, set: { askedAt: now } });
    await recordAudit(inner, { actor, action: 'attendance.asked_for', subject: meetingId }, { clock });
  });
}

function notBegun(): ConvenorError {
  return new ConvenorError('wrong_state', 'This meeting has not begun, so nobody was there yet.');
}

function lastLeave(participants: readonly ParticipantRow[]): Temporal.Instant | undefined {
  return participants
    .filter(({ inWaitingRoom }) => !inWaitingRoom)
    .flatMap(({ time }) => ('to' in time ? time.to : []))
    .toSorted((a, b) => Temporal.Instant.compare(a, b))
    .at(-1);
}

function listColumns(source: 'zoom' | 'file', session: Session, now: Temporal.Instant) {
  return {
    source,
    sessionFrom: session.from,
    sessionTo: session.to,
    takenAt: now,
    problem: null,
    retryAt: null,
    askedAt: null,
  };
}

/** The session that the list of a meeting was made with, or the planned one. */
export async function readSession(tx: Tx, meetingId: string): Promise<Session> {
  const [list] = await tx.select().from(attendanceLists).where(eq(attendanceLists.meetingId, meetingId));
  if (list?.sessionFrom && list.sessionTo) return { from: list.sessionFrom, to: list.sessionTo };
  const meeting = await findMeeting(tx, meetingId);
  return { from: meeting.startsAt, to: meetingEnd(meeting) };
}

async function knownPeople(tx: Tx, meetingId: string): Promise<KnownPerson[]> {
  return rows<KnownPerson>(
    tx,
    sql`select s.id, s.name, s.email_normalised as "emailNormalised", coalesce(r.answer <> 'no', false) as expected
      from ${subscribers} s
      left join ${rsvps} r on r.subscriber_id = s.id and r.meeting_id = ${meetingId}
      where s.state <> 'unconfirmed' and s.state <> 'removed'`,
  );
}

/** Whom a person confirmed on an earlier version of the list, by address and by name. */
async function confirmedBefore(tx: Tx, meetingId: string): Promise<ReadonlyMap<string, string>> {
  const found = await tx
    .select()
    .from(attendances)
    .where(and(eq(attendances.meetingId, meetingId), eq(attendances.matchedBy, 'person')));
  return new Map(
    found.flatMap((row) =>
      identityKeys(row.emailNormalised, row.names).map((key) => [key, row.subscriberId!] as const),
    ),
  );
}

function identityKeys(email: string | null | undefined, names: readonly string[]): string[] {
  if (email) return [`email ${email}`];
  return names.map(readName).flatMap(({ key, kind }) => (kind === 'device' ? [] : [`name ${key}`]));
}

function assign(
  attendees: readonly Attendee[],
  people: readonly KnownPerson[],
  confirmed: ReadonlyMap<string, string>,
): Omit<Row, 'id' | 'meetingId'>[] {
  const matches = matchAttendees(attendees, people);
  const taken = new Set(matches.flatMap((match) => ('id' in match ? [match.id] : [])));
  return attendees.map((attendee, index) => {
    const match = matches[index]!;
    const details = {
      names: [...attendee.names],
      emailNormalised: attendee.email ?? null,
      byPhone: attendee.byPhone,
      seconds: Math.floor(attendee.seconds),
      provenSeconds: Math.floor(attendee.provenSeconds),
      joins: attendee.joins,
      firstJoinedAt: attendee.firstJoinedAt ?? null,
      lastLeftAt: attendee.lastLeftAt ?? null,
      spans: attendee.spans.map(({ from, to }) => [from.toString(), to.toString()]),
    };
    if (match.by !== 'nothing') {
      return { ...details, subscriberId: match.id, matchedBy: match.by, suggestedId: null };
    }
    const again = identityKeys(attendee.email, attendee.names)
      .map((key) => confirmed.get(key))
      .find((id) => id !== undefined && !taken.has(id));
    if (again !== undefined) {
      taken.add(again);
      return { ...details, subscriberId: again, matchedBy: 'person' as const, suggestedId: null };
    }
    return { ...details, subscriberId: null, matchedBy: null, suggestedId: match.suggestedId ?? null };
  });
}

const spanList = z.array(z.tuple([z.string(), z.string()]));

/** The stored spans of an attendance. */
export function readSpans(json: unknown): Session[] {
  return spanList
    .parse(json)
    .map(([from, to]) => ({ from: Temporal.Instant.from(from), to: Temporal.Instant.from(to) }));
}

/** Rows of the given ids that belong to the meeting of the first, locked for the rest of the transaction. */
export async function lockAttendances(tx: Tx, ids: readonly string[]): Promise<Row[]> {
  return tx
    .select()
    .from(attendances)
    .where(inArray(attendances.id, [...ids]))
    .for('update');
}
