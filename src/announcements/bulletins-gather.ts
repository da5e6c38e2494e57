import { and, eq, gt, inArray, sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { announcements, bulletinItems, items, type BulletinTopic } from '../db/schema.ts';
import type { Announcement } from './announcements.ts';
import { BULLETINS } from './bulletins-schedules.ts';

/** Items in one bulletin at most, so that the mail stays below the size at which mail programs cut it off. */
const MOST_ITEMS = 40;

type Target = Pick<Announcement, 'id' | 'sendAt'>;

/**
 * Puts into a bulletin what no bulletin has carried yet: approved items that are still open when it goes out, those
 * that end soonest first. The table lets no item into two bulletins, whoever gathers at the same time.
 *
 * @returns how many came in.
 */
export async function gatherItems(
  tx: Tx,
  bulletin: Target,
  topic: BulletinTopic,
  now: Temporal.Instant,
): Promise<number> {
  const added = await rows<{ id: string }>(
    tx,
    sql`insert into bulletin_items (item_id, announcement_id)
      select i.id, ${bulletin.id}::uuid from items i
      where i.kind = ${BULLETINS[topic].items} and ${openAt(bulletin, now)}
        and not exists (select 1 from bulletin_items b where b.item_id = i.id)
      order by i.sort_at, i.id
      limit greatest(0, ${MOST_ITEMS}::int - (
        select count(*)::int from bulletin_items b where b.announcement_id = ${bulletin.id}
      ))
      on conflict do nothing
      returning item_id as id`,
  );
  return added.length;
}

/** How many items of a bulletin would go out. */
export async function openItems(tx: Tx, bulletin: Target, now: Temporal.Instant): Promise<number> {
  const [row] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int as n from bulletin_items b join items i on i.id = b.item_id
      where b.announcement_id = ${bulletin.id} and ${openAt(bulletin, now)}`,
  );
  return row!.n;
}

/** Takes out what was withdrawn or has ended since the bulletin was drafted. */
export async function leaveOutClosed(tx: Tx, bulletin: Target, now: Temporal.Instant): Promise<void> {
  await tx.execute(sql`
    delete from bulletin_items b using items i
    where i.id = b.item_id and b.announcement_id = ${bulletin.id} and not (${openAt(bulletin, now)})`);
}

/** Frees the items of bulletins that were stopped before anybody could get them: the next one takes them. */
export async function releaseUncarried(tx: Tx, topic: BulletinTopic): Promise<void> {
  await tx.execute(sql`
    delete from bulletin_items b using announcements a
    where a.id = b.announcement_id and a.kind = ${BULLETINS[topic].kind}
      and a.state in ('cancelled', 'missed', 'failed')
      and not exists (
        select 1 from deliveries d
        where d.announcement_id = a.id and d.state in ('sending', 'sent', 'unknown')
      )`);
}

/** The items of given bulletins that are on the noticeboard at an instant. */
export async function carriedOpenItems(
  tx: Tx,
  announcementIds: readonly string[],
  now: Temporal.Instant,
): Promise<ReadonlySet<string>> {
  const found = await tx
    .select({ id: items.id })
    .from(bulletinItems)
    .innerJoin(items, eq(items.id, bulletinItems.itemId))
    .where(
      and(
        inArray(bulletinItems.announcementId, [...announcementIds]),
        eq(items.state, 'approved'),
        gt(items.openUntil, now),
      ),
    );
  return new Set(found.map(({ id }) => id));
}

/** An SQL condition on an announcement: it is no bulletin, or something in it is on the noticeboard at an instant. */
export function carriesOpenItems(now: Temporal.Instant): SQL {
  const bulletin = sql`select 1 from bulletins c where c.announcement_id = ${announcements.id}`;
  return sql`(not exists (${bulletin}) or exists (
    select 1 from bulletin_items b join items i on i.id = b.item_id
    where b.announcement_id = ${announcements.id} and i.state = 'approved'
      and i.open_until > ${now.toString()}::timestamptz
  ))`;
}

/** Whether the item `i` is on the noticeboard when a bulletin goes out: at its time, or now if that has passed. */
function openAt({ sendAt }: Target, now: Temporal.Instant) {
  const at = Temporal.Instant.compare(sendAt, now) > 0 ? sendAt : now;
  return sql`i.state = 'approved' and i.open_until > ${at.toString()}::timestamptz`;
}
