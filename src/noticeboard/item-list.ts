import { and, asc, desc, eq, gt, inArray, lt, lte, or, sql, type SQL } from 'drizzle-orm';
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
export type ItemOrder = 'soonest' | 'newest';

const MOST_WORDS = 10;

/**
 * Items that a filter lets through, page by page.
 *
 * @param after the last row of the page before.
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
    after?: Pick<Item, 'sortAt' | 'id'> | undefined;
    limit?: number;
  },
  { clock }: { clock: Clock },
): Promise<Item[]> {
  const further =
    after &&
    (order === 'newest'
      ? lt(items.id, after.id)
      : or(gt(items.sortAt, after.sortAt), and(eq(items.sortAt, after.sortAt), gt(items.id, after.id))));
  return tx
    .select()
    .from(items)
    .where(and(...conditions(filter, clock.now()), further))
    .orderBy(...(order === 'newest' ? [desc(items.id)] : [asc(items.sortAt), asc(items.id)]))
    .limit(limit);
}

function conditions({ kinds, states, open, online, place, text }: ItemFilter, now: Temporal.Instant) {
  const found: (SQL | undefined)[] = [];
  if (kinds) found.push(inArray(items.kind, [...kinds]));
  if (states) found.push(inArray(items.state, [...states]));
  if (open === true) found.push(eq(items.state, 'approved'), gt(items.openUntil, now));
  if (open === false) found.push(or(sql`${items.state} <> 'approved'`, lte(items.openUntil, now)));
  if (online !== undefined) found.push(eq(items.online, online));
  if (place) found.push(containing(sql`lower(${items.place})`, place));
  for (const word of (text ?? '').split(/\s+/).filter(Boolean).slice(0, MOST_WORDS)) {
    found.push(containing(sql`${items.search}`, word));
  }
  return found;
}

function containing(column: SQL, text: string): SQL {
  return sql`${column} like ${`%${text
    .trim()
    .toLowerCase()
    .replace(/[\\%_]/g, '\\$&')}%`}`;
}
