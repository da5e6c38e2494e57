import { and, eq, gte, lte, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { meetings, zoomEvents, zoomInstances, zoomMeetings } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { zoomNumber } from './numbers.ts';

/** An event of Zoom that has been read and found genuine. Times are as Zoom tells them. */
export interface RoomEvent {
  readonly event:
    | { readonly kind: 'meeting_created' | 'meeting_updated' | 'meeting_deleted'; readonly meetingId: string }
    | { readonly kind: 'meeting_started'; readonly meetingId: string; readonly uuid: string }
    | {
        readonly kind: 'meeting_ended';
        readonly meetingId: string;
        readonly uuid: string;
        readonly startedAt?: Temporal.Instant;
        readonly endedAt?: Temporal.Instant;
      }
    | { readonly kind: 'other'; readonly name: string };
  readonly at: Temporal.Instant;
  readonly dedupeKey: string;
}

/** A run this far from a meeting's start is not this meeting: a pasted link serves many dates. */
const NEAR = Temporal.Duration.from({ hours: 12 });

/**
 * Stores an event once and notes what follows from it: a change or removal at Zoom is looked at by the next
 * round, a run of the meeting is remembered for the list of those who came. Order and repetition do not matter.
 * Events that nothing follows from are not stored.
 *
 * @returns whether background work follows from it.
 */
export async function receiveRoomEvent(
  tx: Tx,
  { event, at, dedupeKey }: RoomEvent,
  { clock }: { clock: Clock },
): Promise<boolean> {
  if (event.kind === 'other' || event.kind === 'meeting_created') return false;
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const stored = await inner
      .insert(zoomEvents)
      .values({ dedupeKey, kind: event.kind, zoomId: event.meetingId, at, receivedAt: now })
      .onConflictDoNothing()
      .returning({ key: zoomEvents.dedupeKey });
    if (stored.length === 0) return false;
    if (event.kind !== 'meeting_started' && event.kind !== 'meeting_ended') {
      const known = await inner
        .update(zoomMeetings)
        .set({ checkedAt: null, updatedAt: now })
        .where(eq(zoomMeetings.zoomId, event.meetingId))
        .returning({ id: zoomMeetings.meetingId });
      return known.length > 0;
    }
    const startedAt = event.kind === 'meeting_ended' ? event.startedAt : at;
    const endedAt = event.kind === 'meeting_ended' ? (event.endedAt ?? at) : undefined;
    const meetingId = await meetingByNumber(inner, event.meetingId, startedAt ?? at);
    if (meetingId === undefined) return false;
    await recordInstance(inner, { uuid: event.uuid, meetingId, startedAt, endedAt });
    return endedAt !== undefined;
  });
}

/** Whether a run that began at this time can be of this meeting. */
export function isRunOf({ startsAt }: { startsAt: Temporal.Instant }, startedAt: Temporal.Instant): boolean {
  return Math.abs(startsAt.since(startedAt).total('hours')) <= NEAR.total('hours');
}

/** Notes a run of a meeting; what is known already is kept when less comes later. */
async function recordInstance(
  tx: Tx,
  instance: {
    readonly uuid: string;
    readonly meetingId: string;
    readonly startedAt?: Temporal.Instant | undefined;
    readonly endedAt?: Temporal.Instant | undefined;
  },
): Promise<void> {
  const { uuid, meetingId, startedAt = null, endedAt = null } = instance;
  await tx
    .insert(zoomInstances)
    .values({ uuid, meetingId, startedAt, endedAt })
    .onConflictDoUpdate({
      target: zoomInstances.uuid,
      set: {
        startedAt: sql`coalesce(excluded.started_at, ${zoomInstances.startedAt})`,
        endedAt: sql`coalesce(excluded.ended_at, ${zoomInstances.endedAt})`,
      },
    });
}

/** The meeting that a run at Zoom belongs to: by its room, or by the number in its pasted link, nearest in time. */
async function meetingByNumber(
  tx: Tx,
  number: string,
  startedAt: Temporal.Instant,
): Promise<string | undefined> {
  const near = await tx
    .select({
      id: meetings.id,
      link: meetings.link,
      startsAt: meetings.startsAt,
      zoomId: zoomMeetings.zoomId,
    })
    .from(meetings)
    .leftJoin(zoomMeetings, eq(zoomMeetings.meetingId, meetings.id))
    .where(
      and(gte(meetings.startsAt, startedAt.subtract(NEAR)), lte(meetings.startsAt, startedAt.add(NEAR))),
    );
  const distance = (start: Temporal.Instant) => Math.abs(start.since(startedAt).total('seconds'));
  return near
    .filter(({ link, zoomId }) => zoomId === number || zoomNumber(link) === number)
    .toSorted((a, b) => distance(a.startsAt) - distance(b.startsAt))[0]?.id;
}
