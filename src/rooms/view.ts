import { and, eq, gt, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { meetings, zoomMeetings } from '../db/schema.ts';
import { MADE_AT_ZOOM } from '../meetings/meeting-input.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import { readDifferences, type RoomDifference } from './differences.ts';
import { zoomNumber } from './numbers.ts';
import type { Room } from './wanted.ts';

/** Where a meeting takes place, as the administrator sees it. */
export interface RoomView {
  readonly meetingId: string;
  /**
   * - `own_link`: the administrator gave a link; nothing is made at Zoom.
   * - `ready`: the room is there.
   * - `waiting`: it will be made in time for the first notice.
   * - `trouble`: Zoom refused or could not be reached; `problem` says why, `retryAt` when it is tried again.
   * - `lost`: somebody removed it at Zoom; it is made again on the day before it is needed, or on request.
   */
  readonly state: 'own_link' | 'ready' | 'waiting' | 'trouble' | 'lost';
  readonly link: string | null;
  readonly host: string | null;
  readonly passcode: string | null;
  readonly problem: string | null;
  readonly retryAt: Temporal.Instant | null;
  readonly differences: readonly RoomDifference[];
}

/**
 * Where to join a meeting at this moment: what `/m/<meeting>/join` redirects to. Null while its room is not
 * there yet.
 */
export async function joinLink(tx: Tx, meeting: Pick<Meeting, 'id' | 'link'>): Promise<string | null> {
  return (await roomView(tx, meeting)).link;
}

export async function roomView(tx: Tx, meeting: Pick<Meeting, 'id' | 'link'>): Promise<RoomView> {
  if (meeting.link !== MADE_AT_ZOOM) return ownLink(meeting);
  const [room] = await tx.select().from(zoomMeetings).where(eq(zoomMeetings.meetingId, meeting.id));
  return viewOf(meeting.id, room);
}

/** Coming meetings whose room needs a person: changed at Zoom, removed there, or in trouble. Soonest first. */
export async function roomsNeedingAttention(
  tx: Tx,
  now: Temporal.Instant,
): Promise<
  (RoomView & { readonly title: string; readonly startsAt: Temporal.Instant; readonly zone: string })[]
> {
  const found = await tx
    .select({ room: zoomMeetings, title: meetings.title, startsAt: meetings.startsAt, zone: meetings.zone })
    .from(zoomMeetings)
    .innerJoin(meetings, eq(meetings.id, zoomMeetings.meetingId))
    .where(
      and(
        gt(meetings.startsAt, now),
        eq(meetings.link, MADE_AT_ZOOM),
        eq(meetings.status, 'scheduled'),
        sql`(${zoomMeetings.problem} is not null or ${zoomMeetings.lostAt} is not null
          or jsonb_array_length(${zoomMeetings.differences}) > 0)`,
      ),
    )
    .orderBy(meetings.startsAt);
  return found.map(({ room, ...meeting }) => ({ ...viewOf(room.meetingId, room), ...meeting }));
}

function ownLink(meeting: Pick<Meeting, 'id' | 'link'>): RoomView {
  return {
    meetingId: meeting.id,
    state: 'own_link',
    link: meeting.link,
    host: null,
    passcode: null,
    problem: null,
    retryAt: null,
    differences: [],
  };
}

function viewOf(meetingId: string, room: Room | undefined): RoomView {
  return {
    meetingId,
    state: stateOf(room),
    link: room?.joinUrl ?? null,
    host: room?.host ?? null,
    passcode: room?.passcode ?? null,
    problem: room?.problem ?? null,
    retryAt: room?.retryAt ?? null,
    differences: readDifferences(room?.differences ?? []),
  };
}

function stateOf(room: Room | undefined): RoomView['state'] {
  if (!room) return 'waiting';
  if (room.lostAt) return 'lost';
  if (room.problem !== null) return 'trouble';
  return room.joinUrl === null ? 'waiting' : 'ready';
}

/** Whether Zoom can be asked who came: the meeting takes place in a room of ours, or its link names one of Zoom's. */
export async function isRoomAtZoom(tx: Tx, meeting: Pick<Meeting, 'id' | 'link'>): Promise<boolean> {
  if (zoomNumber(meeting.link) !== undefined) return true;
  const [room] = await tx.select().from(zoomMeetings).where(eq(zoomMeetings.meetingId, meeting.id));
  return room?.zoomId != null;
}
