import { and, eq, sql, type SQL } from 'drizzle-orm';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import { rows, type Tx } from '../db/open.ts';
import { announcements, deliveries, type DeliveryState } from '../db/schema.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { findAnnouncement, type Announcement } from './announcements.ts';

/**
 * The books of one announcement. They balance:
 * `audience = sent + excluded + failed + unknown + cancelled + pending`, where `pending` takes in messages that
 * are being handed over at this moment.
 */
export interface Books {
  readonly audience: number;
  readonly sent: number;
  readonly excluded: number;
  readonly failed: number;
  readonly unknown: number;
  readonly pending: number;
  readonly cancelled: number;
}

const EMPTY: Books = { audience: 0, sent: 0, excluded: 0, failed: 0, unknown: 0, pending: 0, cancelled: 0 };

/** The books of several announcements, by id; one without deliveries has zeros. */
export async function readBooks(tx: Tx, ids: readonly string[]): Promise<Map<string, Books>> {
  const kept = await keptBooks(tx, ids);
  return new Map([
    ...kept,
    ...(await countBooks(
      tx,
      ids.filter((id) => !kept.has(id)),
    )),
  ]);
}

async function countBooks(tx: Tx, ids: readonly string[]): Promise<Map<string, Books>> {
  const books = new Map<string, Books>(ids.map((id) => [id, EMPTY]));
  if (ids.length === 0) return books;
  const counts = await rows<{ id: string; state: DeliveryState; n: number }>(
    tx,
    sql`select announcement_id as id, state, count(*)::int as n from deliveries
      where announcement_id in (${idList(ids)})
      group by announcement_id, state`,
  );
  for (const { id, state, n } of counts) {
    const sofar = books.get(id) ?? EMPTY;
    const key = state === 'sending' ? 'pending' : state;
    books.set(id, { ...sofar, audience: sofar.audience + n, [key]: sofar[key] + n });
  }
  return books;
}

async function keptBooks(tx: Tx, ids: readonly string[]): Promise<Map<string, Books>> {
  if (ids.length === 0) return new Map();
  const kept = await rows<{ id: string; books: Books }>(
    tx,
    sql`select id, books from announcements where books is not null and id in (${idList(ids)})`,
  );
  return new Map(kept.map(({ id, books }) => [id, books]));
}

/**
 * Keeps the books of an announcement that has gone out, so that they are not counted from its deliveries again
 * and again. Only where nothing can change any more: over our own mail server, with no delivery open or unknown.
 */
export async function keepBooks(tx: Tx, id: string): Promise<void> {
  const books = (await countBooks(tx, [id])).get(id)!;
  if (books.pending > 0 || books.unknown > 0) return;
  await tx
    .update(announcements)
    .set({ books })
    .where(and(eq(announcements.id, id), eq(announcements.state, 'sent'), eq(announcements.channel, 'smtp')));
}

/** Mails that arrived, of announcements due from an instant on, by month on the clock of `zone`. */
export async function sentByMonth(
  tx: Tx,
  { from, zone }: { from: Temporal.Instant; zone: string },
): Promise<{ month: string; sent: number }[]> {
  return rows(
    tx,
    sql`select to_char(a.send_at at time zone ${zone}, 'YYYY-MM') as month, sum(coalesce(
          (a.books ->> 'sent')::int,
          (select count(*) from deliveries d where d.announcement_id = a.id and d.state = 'sent')
        ))::int as sent
      from announcements a
      where a.send_at >= ${from.toString()}::timestamptz and a.audience is not null
      group by 1 order by 1`,
  );
}

function idList(ids: readonly string[]): SQL {
  return sql.join(
    ids.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
}

export interface DeliveryRow {
  readonly id: string;
  readonly subscriberId: string | null;
  readonly email: string;
  readonly state: DeliveryState;
  readonly reason: string | null;
  readonly messageId: string;
  /** When the delivery was settled, or claimed; null while it waits. */
  readonly at: Temporal.Instant | null;
}

export const DELIVERY_ORDERS = ['address', 'latest'] as const;
export type DeliveryOrder = (typeof DELIVERY_ORDERS)[number];

const ORDERS: Readonly<Record<DeliveryOrder, ListOrder>> = {
  address: { by: deliveries.emailNormalised },
  latest: {
    by: sql`coalesce(${deliveries.settledAt}, ${deliveries.claimedAt}, '-infinity')`,
    descending: true,
  },
};

/**
 * The deliveries of an announcement, by address unless another order is asked for.
 *
 * @param query `after`: id of the last row of the page before; `state` and `text`, a part of the address, narrow
 *   the list.
 */
export async function listDeliveries(
  tx: Tx,
  announcementId: string,
  {
    state,
    after,
    text = '',
    order = 'address',
    limit = 100,
  }: {
    state?: DeliveryState;
    after?: string | undefined;
    text?: string;
    order?: DeliveryOrder;
    limit?: number;
  } = {},
): Promise<DeliveryRow[]> {
  const { behind, orderBy } = keyset(deliveries, ORDERS[order], after);
  return tx
    .select({
      id: deliveries.id,
      subscriberId: deliveries.subscriberId,
      email: deliveries.email,
      state: deliveries.state,
      reason: deliveries.reason,
      messageId: deliveries.messageId,
      settledAt: deliveries.settledAt,
      claimedAt: deliveries.claimedAt,
    })
    .from(deliveries)
    .where(
      and(
        eq(deliveries.announcementId, announcementId),
        state && eq(deliveries.state, state),
        containing(deliveries.emailNormalised, text),
        behind,
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
    .then((found) =>
      found.map(({ settledAt, claimedAt, ...row }) => ({ ...row, at: settledAt ?? claimedAt })),
    );
}

/** An announcement with its books. @throws ConvenorError `not_found`. */
export async function announcementBooks(
  tx: Tx,
  id: string,
): Promise<{ announcement: Announcement; books: Books }> {
  const announcement = await findAnnouncement(tx, id);
  return { announcement, books: (await readBooks(tx, [id])).get(id)! };
}

/**
 * Resolves deliveries with an uncertain outcome, after a person looked into it: `sent` when the message arrived,
 * `failed` when it did not. Nothing is sent by this.
 *
 * @param deliveryIds ids of deliveries, or `all` of the announcement.
 * @returns how many were resolved.
 * @throws ConvenorError `not_found` for an announcement that does not exist; `wrong_state` when none is unknown.
 */
export async function resolveUnknown(
  tx: Tx,
  {
    announcementId,
    deliveryIds,
    outcome,
  }: { announcementId: string; deliveryIds: readonly string[] | 'all'; outcome: 'sent' | 'failed' },
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<number> {
  return tx.transaction(async (inner) => {
    await findAnnouncement(inner, announcementId);
    const some =
      deliveryIds === 'all'
        ? sql`true`
        : deliveryIds.length === 0
          ? sql`false`
          : sql`id in (${idList(deliveryIds)})`;
    const resolved = await rows<{ id: string }>(
      inner,
      sql`update deliveries set
          state = ${outcome}, reason = ${
            outcome === 'sent'
              ? 'The administrator found that it arrived.'
              : 'The administrator found that it did not arrive.'
          },
          settled_at = ${clock.now().toString()}::timestamptz
        where announcement_id = ${announcementId} and state = 'unknown' and ${some}
        returning id`,
    );
    if (resolved.length === 0) {
      throw new ConvenorError('wrong_state', 'None of these deliveries has an unknown outcome any more.');
    }
    await keepBooks(inner, announcementId);
    await recordAudit(
      inner,
      {
        actor,
        action: 'deliveries.resolved',
        subject: announcementId,
        after: { outcome, deliveries: resolved.map((row) => row.id) },
      },
      { clock },
    );
    return resolved.length;
  });
}
