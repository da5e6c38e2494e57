import { and, desc, eq, gte, inArray, ne } from 'drizzle-orm';
import { toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { items } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Item } from './items.ts';
import { ALIKE, likeness, type Comparable } from './similarity.ts';

/** How far back and among how many items a repeat is looked for. */
const LOOK_BACK = Temporal.Duration.from({ hours: 24 * 180 });
const MOST_COMPARED = 500;
const MOST_SHOWN = 5;

type Described = Pick<
  Item,
  | 'id'
  | 'kind'
  | 'title'
  | 'organisation'
  | 'place'
  | 'online'
  | 'text'
  | 'link'
  | 'startsAt'
  | 'closesOn'
  | 'zone'
>;

export interface PossibleDuplicate {
  readonly item: Item;
  /** 0 to 1. */
  readonly likeness: number;
}

/**
 * Earlier items that an item seems to repeat, the most alike first. What was never confirmed or was taken down by
 * whoever handed it in does not count.
 */
export async function possibleDuplicates(
  tx: Tx,
  item: Described,
  { clock }: { clock: Clock },
): Promise<PossibleDuplicate[]> {
  const earlier = await tx
    .select()
    .from(items)
    .where(
      and(
        eq(items.kind, item.kind),
        ne(items.id, item.id),
        inArray(items.state, ['awaiting_review', 'asked', 'approved', 'rejected', 'expired']),
        gte(items.createdAt, clock.now().subtract(LOOK_BACK)),
      ),
    )
    .orderBy(desc(items.id))
    .limit(MOST_COMPARED);
  const wanted = comparable(item);
  return earlier
    .map((other) => ({ item: other, likeness: likeness(wanted, comparable(other)) }))
    .filter((found) => found.likeness >= ALIKE)
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, MOST_SHOWN);
}

/** The earlier item that is most like this one, if any is alike enough. */
export async function mostAlike(
  tx: Tx,
  item: Described,
  { clock }: { clock: Clock },
): Promise<Item | undefined> {
  return (await possibleDuplicates(tx, item, { clock }))[0]?.item;
}

function comparable(item: Described): Comparable {
  return { ...item, day: item.startsAt ? toWall(item.startsAt, item.zone).toPlainDate() : item.closesOn };
}
