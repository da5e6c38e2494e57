import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { announcements } from '../db/schema.ts';
import { MADE_AT_ZOOM } from '../meetings/meeting-input.ts';

/** While a create call may still be under way, nobody sends another. */
export const CREATE_LOCK = Temporal.Duration.from({ minutes: 2 });

/** When the first notice that can still go out, or the meeting itself, needs the room `z` of meeting `m`. */
const NEEDED_AT = sql`least(m.starts_at, (
  select min(a.send_at) from announcements a
  where a.meeting_id = m.id and a.state in ('awaiting_approval', 'approved', 'sending', 'held')
))`;

const WANTED = sql`m.link = ${MADE_AT_ZOOM} and m.status = 'scheduled'`;

/**
 * The meetings whose room needs a call to Zoom, soonest first.
 *
 * - A room is made a week before the first notice. One that somebody removed at Zoom is made again only on the
 *   last day, when nobody has decided by then: a notice must never lead nowhere.
 * - It is compared with Zoom when the meeting has changed, when Zoom told of a change, and now and then, more
 *   often as the meeting comes near, in case a message was lost.
 * - It is removed when the meeting no longer takes place there.
 *
 * @param canMake whether there is a host to make rooms for.
 */
export async function roomsDue(
  tx: Tx,
  { now, canMake, limit = 20 }: { now: Temporal.Instant; canMake: boolean; limit?: number },
): Promise<string[]> {
  const at = sql`${now.toString()}::timestamptz`;
  const free = sql`(z.create_sent_at is null or z.create_sent_at <= ${now.subtract(CREATE_LOCK).toString()}::timestamptz)`;
  const found = await rows<{ id: string }>(
    tx,
    sql`select m.id from meetings m left join zoom_meetings z on z.meeting_id = m.id
      where m.starts_at > ${at}
        and (m.link = ${MADE_AT_ZOOM} or z.meeting_id is not null)
        and (z.retry_at is null or z.retry_at <= ${at})
        and case
          when not (${WANTED}) then
            (z.zoom_id is not null or z.create_sent_at is not null or z.look_again_at <= ${at}) and ${free}
          when z.zoom_id is null then
            ${canMake}::boolean and ${free}
            and ${NEEDED_AT} <= ${at} + case when z.lost_at is null then interval '7 days' else interval '1 day' end
          else z.look_again_at <= ${at} or z.checked_at is null or z.pushed_sequence is distinct from m.sequence
            or z.checked_at <= ${at} - case
              when m.starts_at <= ${at} + interval '2 hours' then interval '10 minutes'
              when m.starts_at <= ${at} + interval '7 days' then interval '1 day'
              else interval '7 days' end
        end
      order by m.starts_at, m.id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/** Whether a notice or the meeting itself needs the room within a day. */
export async function isNeededSoon(tx: Tx, meetingId: string, now: Temporal.Instant): Promise<boolean> {
  const [found] = await rows<{ soon: boolean }>(
    tx,
    sql`select ${NEEDED_AT} <= ${now.toString()}::timestamptz + interval '1 day' as soon
      from meetings m where m.id = ${meetingId}`,
  );
  return found?.soon ?? false;
}

/**
 * A condition on `announcements`: the notice need not wait for its meeting's room. It waits for half an hour at
 * most and never to its late limit; then it goes out all the same, since its link is a redirect that finds the
 * room once there is one.
 */
export function roomReady(now: Temporal.Instant) {
  return sql`not exists (
    select 1 from meetings m left join zoom_meetings z on z.meeting_id = m.id
    where m.id = ${announcements.meetingId} and ${WANTED} and z.join_url is null
      and least(${announcements.sendAt} + interval '30 minutes', ${announcements.lateAfter} - interval '10 minutes')
        > ${now.toString()}::timestamptz
  )`;
}
