import { and, eq } from 'drizzle-orm';
import { toInstant } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { meetings } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { MeetingChange, SingleMeetingInput } from './meeting-input.ts';
import type { Meeting } from './occurrences.ts';

interface Context {
  readonly clock: Clock;
}

/** The parts of a meeting that people see or that decide when its notices go out. */
const DETAILS = [
  'title',
  'description',
  'wallStart',
  'zone',
  'durationMinutes',
  'link',
  'reminders',
  'topic',
] as const;

export type MeetingDetail = (typeof DETAILS)[number];

type Details = Pick<Meeting, MeetingDetail | 'startsAt'>;

/** The details in which two versions of a meeting differ. */
export function changedDetails(before: Details, after: Details): MeetingDetail[] {
  return DETAILS.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

/**
 * Writes a meeting that stands alone.
 *
 * @throws ConvenorError `invalid_input` (field `start`) when it would start in the past.
 */
export async function insertMeeting(tx: Tx, input: SingleMeetingInput, { clock }: Context): Promise<Meeting> {
  const now = clock.now();
  const startsAt = toInstant(input.wallStart, input.zone);
  refusePast(startsAt, now);
  const id = newId(now);
  const [meeting] = await tx
    .insert(meetings)
    .values({ id, ...input, startsAt, uid: id, status: 'scheduled', createdAt: now, updatedAt: now })
    .returning();
  return meeting!;
}

/** @throws ConvenorError `not_found`. */
export async function findMeeting(tx: Tx, id: string): Promise<Meeting> {
  const [meeting] = await tx.select().from(meetings).where(eq(meetings.id, id));
  if (!meeting) throw notFound('meeting', id);
  return meeting;
}

/**
 * Changes one meeting. The UID stays; SEQUENCE rises with every change that changes something (RFC 5546
 * section 2.1.4).
 *
 * @throws ConvenorError `wrong_state` when it is cancelled or has begun; `invalid_input` when it would start in
 *   the past.
 */
export async function changeMeetingDetails(
  tx: Tx,
  meeting: Meeting,
  change: MeetingChange,
  { clock }: Context,
): Promise<Meeting> {
  refuseOver(meeting, clock.now());
  const wallStart = change.wallStart ?? meeting.wallStart;
  const startsAt = change.wallStart === undefined ? meeting.startsAt : toInstant(wallStart, meeting.zone);
  if (change.wallStart !== undefined) refusePast(startsAt, clock.now());
  const after: Details = { ...meeting, ...change, wallStart, startsAt };
  if (changedDetails(meeting, after).length === 0) return meeting;
  return updateMeeting(tx, meeting, { ...change, wallStart, startsAt, customised: true }, { clock });
}

/** Marks a meeting as cancelled: people who were told must be told. */
export async function markCancelled(
  tx: Tx,
  meeting: Meeting,
  reason: string | null,
  { clock }: Context,
): Promise<Meeting> {
  refuseOver(meeting, clock.now());
  return updateMeeting(
    tx,
    meeting,
    { status: 'cancelled', statusReason: reason, customised: true },
    { clock },
  );
}

/** Marks a meeting as skipped: it will not take place and nobody had been told of it. */
export async function markSkipped(
  tx: Tx,
  meeting: Meeting,
  reason: string | null,
  { clock }: Context,
): Promise<Meeting> {
  refuseOver(meeting, clock.now());
  return updateMeeting(tx, meeting, { status: 'skipped', statusReason: reason, customised: true }, { clock });
}

/** Keeps the date of a meeting that waits for a decision. */
export async function markKept(tx: Tx, meeting: Meeting, { clock }: Context): Promise<Meeting> {
  if (meeting.status !== 'undecided') {
    throw new ConvenorError('wrong_state', 'This meeting does not wait for a decision.');
  }
  return updateMeeting(tx, meeting, { status: 'scheduled', statusReason: null, customised: true }, { clock });
}

/**
 * Writes new values of a meeting that nobody else has changed meanwhile, and raises its sequence.
 *
 * @throws ConvenorError `conflict` when it was changed since it was read.
 */
export async function updateMeeting(
  tx: Tx,
  meeting: Meeting,
  values: Partial<Meeting>,
  { clock }: Context,
): Promise<Meeting> {
  const [updated] = await tx
    .update(meetings)
    .set({ ...values, sequence: meeting.sequence + 1, updatedAt: clock.now() })
    .where(and(eq(meetings.id, meeting.id), eq(meetings.sequence, meeting.sequence)))
    .returning();
  if (!updated) {
    throw new ConvenorError(
      'conflict',
      'Somebody else changed this meeting just now. Look at it again, then repeat.',
    );
  }
  return updated;
}

/** The instant at which a meeting ends. */
export function meetingEnd(meeting: Pick<Meeting, 'startsAt' | 'durationMinutes'>): Temporal.Instant {
  return meeting.startsAt.add({ minutes: meeting.durationMinutes });
}

function refuseOver(meeting: Meeting, now: Temporal.Instant): void {
  if (meeting.status === 'cancelled' || meeting.status === 'skipped') {
    throw new ConvenorError('wrong_state', `This meeting is already ${meeting.status}.`);
  }
  if (Temporal.Instant.compare(meeting.startsAt, now) <= 0) {
    throw new ConvenorError(
      'wrong_state',
      'This meeting has already begun, so it cannot be changed any more.',
    );
  }
}

function refusePast(startsAt: Temporal.Instant, now: Temporal.Instant): void {
  if (Temporal.Instant.compare(startsAt, now) <= 0) {
    throw invalidInput({ field: 'start', message: 'must be in the future' });
  }
}
