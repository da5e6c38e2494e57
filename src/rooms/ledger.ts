import { and, eq, isNull, lt, lte, or, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { zoomHostDays, zoomMeetings } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { findMeeting } from '../meetings/meetings.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { RoomDifference, Values } from './differences.ts';
import { CREATE_LOCK, isNeededSoon } from './due.ts';
import { newPasscode, roomMarker, type Room } from './wanted.ts';

interface Context {
  readonly clock: Clock;
}

/** Zoom allows a host 100 create and update calls in a UTC day; some are left for people. */
const HOST_CALLS_A_DAY = 90;

/** A create call that was lost may take effect late: after this the host's list is looked through once more. */
const LATE_EFFECT = Temporal.Duration.from({ minutes: 10 });

/** A problem that nobody named an end for is tried again after this. */
const SLOW_RETRY = Temporal.Duration.from({ hours: 1 });

/** Soonest that a call is tried again after one whose end is not known: it must have settled by then. */
const SETTLING = Temporal.Duration.from({ minutes: 1 });

/** @throws ConvenorError `not_found`. */
export async function readRoom(
  tx: Tx,
  meetingId: string,
): Promise<{ meeting: Meeting; room: Room | undefined }> {
  const meeting = await findMeeting(tx, meetingId);
  const [room] = await tx.select().from(zoomMeetings).where(eq(zoomMeetings.meetingId, meetingId));
  return { meeting, room };
}

/** The row of a room that is to be made: written once, with a passcode that stays. */
export async function prepareRoom(
  tx: Tx,
  meetingId: string,
  host: string,
  { clock }: Context,
): Promise<Room> {
  const now = clock.now();
  const marker = roomMarker(meetingId);
  await tx
    .insert(zoomMeetings)
    .values({ meetingId, host, marker, passcode: newPasscode(), createdAt: now, updatedAt: now })
    .onConflictDoNothing();
  const [room] = await tx
    .update(zoomMeetings)
    .set({
      host: sql`case when ${zoomMeetings.createSentAt} is null then ${host} else ${zoomMeetings.host} end`,
    })
    .where(eq(zoomMeetings.meetingId, meetingId))
    .returning();
  return room!;
}

/**
 * The right to send one create call. Nobody else gets it until the call must have ended.
 *
 * @returns false when another call may be under way, or the room is there.
 */
export async function claimCreate(tx: Tx, meetingId: string, { clock }: Context): Promise<boolean> {
  const now = clock.now();
  const claimed = await tx
    .update(zoomMeetings)
    .set({
      createSentAt: now,
      // An earlier call whose end nobody knows may still take effect.
      lookAgainAt: sql`case when ${zoomMeetings.createSentAt} is null then ${zoomMeetings.lookAgainAt}
        else ${now.add(LATE_EFFECT).toString()}::timestamptz end`,
      updatedAt: now,
    })
    .where(
      and(
        eq(zoomMeetings.meetingId, meetingId),
        isNull(zoomMeetings.zoomId),
        or(isNull(zoomMeetings.createSentAt), lte(zoomMeetings.createSentAt, now.subtract(CREATE_LOCK))),
      ),
    )
    .returning({ id: zoomMeetings.meetingId });
  return claimed.length > 0;
}

/** Counts a create or update call of this host; false when the day's budget is used up. */
export async function spendHostCall(tx: Tx, host: string, { clock }: Context): Promise<boolean> {
  const day = clock.now().toZonedDateTimeISO('UTC').toPlainDate();
  const spent = await tx
    .insert(zoomHostDays)
    .values({ host, day, calls: 1 })
    .onConflictDoUpdate({
      target: [zoomHostDays.host, zoomHostDays.day],
      set: { calls: sql`${zoomHostDays.calls} + 1` },
      setWhere: lt(zoomHostDays.calls, HOST_CALLS_A_DAY),
    })
    .returning({ calls: zoomHostDays.calls });
  return spent.length > 0;
}

/** What a look at Zoom, or a call, has shown of a room. */
export interface RoomState {
  readonly zoomId: string;
  readonly joinUrl: string;
  readonly pushed: Values;
  /** The version of the meeting that `pushed` is of. */
  readonly sequence: number;
  readonly differences: readonly RoomDifference[];
}

/**
 * Records that the room is there.
 *
 * @returns false when the meeting has another room: the one just made is one too many.
 */
export async function recordMade(
  tx: Tx,
  meetingId: string,
  state: RoomState,
  { clock }: Context,
): Promise<boolean> {
  const made = await tx
    .update(zoomMeetings)
    .set({ ...stateColumns(state, clock.now()), createSentAt: null, lostAt: null })
    .where(
      and(
        eq(zoomMeetings.meetingId, meetingId),
        or(isNull(zoomMeetings.zoomId), eq(zoomMeetings.zoomId, state.zoomId)),
      ),
    )
    .returning({ id: zoomMeetings.meetingId });
  return made.length > 0;
}

/** Records that a room was compared with Zoom, and what came of it. */
export async function recordChecked(
  tx: Tx,
  meetingId: string,
  state: RoomState,
  { clock }: Context,
): Promise<void> {
  await tx
    .update(zoomMeetings)
    .set(stateColumns(state, clock.now()))
    .where(eq(zoomMeetings.meetingId, meetingId));
}

function stateColumns(state: RoomState, now: Temporal.Instant) {
  return {
    zoomId: state.zoomId,
    joinUrl: state.joinUrl,
    pushed: state.pushed,
    pushedSequence: state.sequence,
    differences: [...state.differences],
    checkedAt: now,
    problem: null,
    retryAt: null,
    updatedAt: now,
  };
}

/** Records that the meeting is gone at Zoom: because we removed it, or because somebody else did (`lost`). */
export async function recordGone(
  tx: Tx,
  meetingId: string,
  lost: boolean,
  { clock }: Context,
): Promise<void> {
  const now = clock.now();
  await tx
    .update(zoomMeetings)
    .set({
      zoomId: null,
      joinUrl: null,
      pushed: null,
      pushedSequence: null,
      accepted: {},
      differences: [],
      createSentAt: null,
      lostAt: lost ? now : null,
      checkedAt: now,
      problem: null,
      retryAt: null,
      updatedAt: now,
    })
    .where(eq(zoomMeetings.meetingId, meetingId));
}

/** Records that the host's list was looked through for meetings that are one too many. */
export async function recordLookedAgain(tx: Tx, meetingId: string): Promise<void> {
  await tx.update(zoomMeetings).set({ lookAgainAt: null }).where(eq(zoomMeetings.meetingId, meetingId));
}

/** A call that failed, in the words of the edge. */
export interface RoomProblem {
  readonly message: string;
  readonly retryAt?: Temporal.Instant | undefined;
  /** What became of a create call is not known: nobody creates again before a look. */
  readonly createUncertain: boolean;
}

/**
 * Records that a call failed and when to try again. When a notice or the meeting needs the room within a day,
 * the administrators get a mail, one a day.
 */
export async function recordProblem(
  tx: Tx,
  meetingId: string,
  { message, retryAt, createUncertain }: RoomProblem,
  { clock }: Context,
): Promise<void> {
  const now = clock.now();
  const soonest = createUncertain ? now.add(SETTLING) : now;
  const wished = retryAt ?? now.add(SLOW_RETRY);
  await tx
    .update(zoomMeetings)
    .set({
      problem: message,
      retryAt: Temporal.Instant.compare(wished, soonest) < 0 ? soonest : wished,
      ...(createUncertain ? { lookAgainAt: now.add(LATE_EFFECT) } : { createSentAt: null }),
      updatedAt: now,
    })
    .where(eq(zoomMeetings.meetingId, meetingId));
  if (!(await isNeededSoon(tx, meetingId, now))) return;
  const today = now.toZonedDateTimeISO('UTC').toPlainDate().toString();
  await queueServiceMail(
    tx,
    {
      kind: 'room-problem',
      to: { kind: 'administrators' },
      data: { meetingId },
      dedupeKey: `room-problem:${meetingId}:${today}`,
    },
    { clock },
  );
}
