import { and, eq, gt, inArray, lte, or, sql, type SQL } from 'drizzle-orm';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import type { Tx } from '../db/open.ts';
import { items, type ItemKind, type ItemState } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Item } from './items.ts';

export interface ItemFilter {
  readonly kinds?: readonly ItemKind[] | undefined;
  readonly states?: readonly ItemState[] | undefined;
  /** True: what is on the noticeboard now. False: what is not, or no more. */
  readonly open?: boolean | undefined;
  readonly online?: boolean | undefined;
  /** A part of the place, in any case. */
  readonly place?: string | undefined;
  /** Words that all have to occur in title, employer or provider, place or text. */
  readonly text?: string | undefined;
}

/** `soonest`: by the day of the event or the closing date. `newest`: what was handed in last comes first. */
export type ItemOrder = 'soonest' | 'newest' | 'title';

const ORDERS: Readonly<Record<ItemOrder, ListOrder>> = {
  soonest: { by: items.sortAt },
  // Ids rise with time.
  newest: { by: items.id, descending: true },
  title: { by: sql`lower(${items.title})` },
};

/**
 * Items that a filter lets through, page by page.
 *
 * @param after id of the last row of the page before.
 */
export async function listItems(
  tx: Tx,
  {
    order = 'soonest',
    after,
    limit = 50,
    ...filter
  }: ItemFilter & {
    order?: ItemOrder;
    after?: string | undefined;
    limit?: number;
  },
  { clock }: { clock: Clock },
): Promise<Item[]> {
  const { behind, orderBy } = keyset(items, ORDERS[order], after);
  return tx
    .select()
    .from(items)
    .where(and(...conditions(filter, clock.now()), behind))
    .orderBy(...orderBy)
    .limit(limit);
}

function conditions({ kinds, states, open, online, place, text }: ItemFilter, now: Temporal.Instant) {
  const found: (SQL | undefined)[] = [];
  if (kinds) found.push(inArray(items.kind, [...kinds]));
  if (states) found.push(inArray(items.state, [...states]));
  if (open === true) found.push(eq(items.state, 'approved'), gt(items.openUntil, now));
  if (open === false) found.push(or(sql`${items.state} <> 'approved'`, lte(items.openUntil, now)));
  if (online !== undefined) found.push(eq(items.online, online));
  found.push(containing(items.place, place ?? ''), containing(items.search, text ?? ''));
  return found;
}
