import { sql } from 'drizzle-orm';
import { isQuiet } from '../calendar/quiet-hours.ts';
import { rows, type Tx } from '../db/open.ts';
import type { Settings } from '../organisation/settings.ts';

/** An announcement that should be going out and is not. */
export interface OverdueNotice {
  readonly id: string;
  readonly title: string;
  readonly sendAt: Temporal.Instant;
  readonly zone: string;
}

/** How late something may be before it is called late. */
export const LATE_AFTER = Temporal.Duration.from({ minutes: 10 });

/**
 * Announcements that are due for ten minutes and not under way, or whose handing over stands still for as long.
 * Quiet hours, and the ten minutes after them, do not count; nor does what a person put on hold.
 */
export async function overdueNotices(
  tx: Tx,
  now: Temporal.Instant,
  { timeZone, quietHours }: Pick<Settings, 'timeZone' | 'quietHours'>,
): Promise<OverdueNotice[]> {
  const limit = now.subtract(LATE_AFTER);
  if (isQuiet(now, timeZone, quietHours) || isQuiet(limit, timeZone, quietHours)) return [];
  const late = sql`${limit.toString()}::timestamptz`;
  const found = await rows<{ id: string; title: string; sendAt: string; zone: string }>(
    tx,
    sql`select a.id, a.title, a.send_at as "sendAt", a.zone from announcements a
      where a.late_after > ${now.toString()}::timestamptz and (
        (a.state = 'approved' and a.send_at <= ${late})
        or (a.state = 'sending' and a.channel = 'smtp' and a.state_at <= ${late}
          and exists (
            select 1 from deliveries d where d.announcement_id = a.id and d.state = 'pending'
              and (d.next_attempt_at is null or d.next_attempt_at <= ${late})
          )
          and not exists (
            select 1 from deliveries d where d.announcement_id = a.id and d.settled_at > ${late}
          ))
      )
      order by a.send_at limit 20`,
  );
  return found.map((notice) => ({ ...notice, sendAt: Temporal.Instant.from(notice.sendAt) }));
}
