import { eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { zoomInstances } from '../db/schema.ts';

/** A meeting whose list of those who came is still to be taken from Zoom. */
export interface DueList {
  readonly meetingId: string;
  /** The number of the room that was made for it. */
  readonly zoomId: string | null;
  readonly link: string;
  readonly attempts: number;
}

/** A host often stays after the planned end; without an event we wait this long. */
const OVERRUN = Temporal.Duration.from({ minutes: 30 });

/**
 * Meetings of the last three days that have ended and have no list yet: so long after Zoom told that they ended,
 * or after the planned end when it told nothing. A meeting that runs on is left until it ends, four hours at most.
 * Where taking it failed for good, or a file was uploaded, nothing is due, unless an administrator asks.
 */
export async function listsDue(
  tx: Tx,
  {
    now,
    readyAfter,
    meetingId,
  }: { now: Temporal.Instant; readyAfter: Temporal.Duration; meetingId?: string },
): Promise<DueList[]> {
  const at = sql`${now.toString()}::timestamptz`;
  return rows<DueList>(
    tx,
    sql`select m.id as "meetingId", z.zoom_id as "zoomId", m.link, coalesce(l.attempts, 0)::int as attempts
      from meetings m
      left join zoom_meetings z on z.meeting_id = m.id
      left join attendance_lists l on l.meeting_id = m.id
      left join lateral (
        select max(i.ended_at) as ended_at, count(*) filter (where i.ended_at is null) as running
        from zoom_instances i where i.meeting_id = m.id
      ) i on true
      cross join lateral (select m.starts_at + make_interval(mins => m.duration_minutes) as planned_end) p
      where m.status = 'scheduled' and m.starts_at < ${at}
        and ${meetingId === undefined ? sql`true` : sql`m.id = ${meetingId}`}
        and (l.asked_at <= ${at} or (m.starts_at > ${at} - interval '3 days'
        and l.taken_at is null and (l.problem is null or l.retry_at <= ${at})
        and case
          when i.running > 0 then p.planned_end + interval '4 hours' <= ${at}
          when i.ended_at is not null then i.ended_at + ${interval(readyAfter)} <= ${at}
          else p.planned_end + ${interval(OVERRUN)} <= ${at}
        end))
      order by m.starts_at limit 20`,
  );
}

/** The runs of a meeting that are known. */
export async function readInstances(tx: Tx, meetingId: string) {
  return tx.select().from(zoomInstances).where(eq(zoomInstances.meetingId, meetingId));
}

function interval(duration: Temporal.Duration) {
  return sql`make_interval(mins => ${duration.total('minutes')}::int)`;
}
