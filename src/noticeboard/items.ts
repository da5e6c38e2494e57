import { and, desc, eq, inArray, lte } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { itemReviews, items, itemSubmitters, type ItemReviewKind, type ItemState } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Actor } from '../organisation/audit.ts';
import { mostAlike } from './duplicates.ts';
import type { ItemInput } from './item-input.ts';

export type Item = typeof items.$inferSelect;
export type ItemReview = typeof itemReviews.$inferSelect;
export type ItemSubmitter = typeof itemSubmitters.$inferSelect;

/** Who does something with the link from a mail to whoever handed the item in. */
export const SUBMITTER: Actor = 'submitter';

const EXPIRED_AT_ONCE = 100;

/** What state an item is in, as the second half of a sentence that begins with "It". */
const WORDS: Readonly<Record<ItemState, string>> = {
  submitted: 'waits for whoever handed it in to confirm the address',
  awaiting_review: 'waits for a decision',
  asked: 'waits for an answer from whoever handed it in',
  approved: 'was approved',
  rejected: 'was rejected',
  withdrawn: 'was taken down',
  expired: 'is past its last day',
};

/** @throws ConvenorError `not_found`. */
export async function findItem(tx: Tx, id: string): Promise<Item> {
  const [item] = await tx.select().from(items).where(eq(items.id, id));
  if (!item) throw notFound('item', id);
  return item;
}

/** Who handed an item in; `undefined` for an administrator's own item, and once the address has been forgotten. */
export async function findSubmitter(tx: Tx, itemId: string): Promise<ItemSubmitter | undefined> {
  const [submitter] = await tx.select().from(itemSubmitters).where(eq(itemSubmitters.itemId, itemId));
  return submitter;
}

/** Everything that was done with an item, the newest first. */
export async function itemHistory(tx: Tx, itemId: string): Promise<ItemReview[]> {
  return tx.select().from(itemReviews).where(eq(itemReviews.itemId, itemId)).orderBy(desc(itemReviews.id));
}

/** One act of an item's history. @throws ConvenorError `not_found`. */
export async function findReview(tx: Tx, id: string): Promise<ItemReview> {
  const [review] = await tx.select().from(itemReviews).where(eq(itemReviews.id, id));
  if (!review) throw notFound('decision about an item', id);
  return review;
}

/** Whether an item is on the noticeboard at an instant. */
export function isOpen(item: Pick<Item, 'state' | 'openUntil'>, at: Temporal.Instant): boolean {
  return item.state === 'approved' && Temporal.Instant.compare(item.openUntil, at) > 0;
}

/** The states in which an item can be changed or taken down. */
export const CHANGEABLE: readonly ItemState[] = ['awaiting_review', 'asked', 'approved'];

export function isChangeable({ state }: Pick<Item, 'state'>): boolean {
  return CHANGEABLE.includes(state);
}

/**
 * Locks an item's row for the rest of the transaction and checks its state, so that two people who decide at once
 * do not both succeed.
 *
 * @param seen the `sequence` of the item as the person saw it; left out, any will do.
 * @throws ConvenorError `not_found`; `wrong_state`; `conflict` when it was changed since it was seen.
 */
export async function lockItem(
  tx: Tx,
  id: string,
  { allowed, toDo, seen }: { allowed: readonly ItemState[]; toDo: string; seen?: number | undefined },
): Promise<Item> {
  const [item] = await tx.select().from(items).where(eq(items.id, id)).for('update');
  if (!item) throw notFound('item', id);
  if (!allowed.includes(item.state)) {
    throw new ConvenorError('wrong_state', `It ${WORDS[item.state]}, so it cannot be ${toDo}.`);
  }
  if (seen !== undefined && seen !== item.sequence) {
    throw new ConvenorError(
      'conflict',
      'Somebody changed this item just now. Look at it again, then repeat.',
    );
  }
  return item;
}

/** Writes a new item with the first act of its history. */
export async function insertItem(
  tx: Tx,
  input: ItemInput,
  values: Pick<Item, 'state'> & Partial<Item>,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<{ item: Item; reviewId: string }> {
  const now = clock.now();
  const id = newId(now);
  const [item] = await tx
    .insert(items)
    .values({
      id,
      ...input,
      stateAt: now,
      stateBy: actor,
      createdAt: now,
      updatedAt: now,
      ...values,
    })
    .returning();
  const kind = values.state === 'approved' ? 'approved' : 'submitted';
  const reviewId = await writeReview(
    tx,
    { itemId: id, kind, text: values.agreement ?? '' },
    { clock, actor },
  );
  return { item: item!, reviewId };
}

/** Writes new details of a locked item; SEQUENCE rises (RFC 5546 section 2.1.4). What is the same changes nothing. */
export async function writeItemChange(
  tx: Tx,
  item: Item,
  input: ItemInput,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<Item> {
  const changed = changedDetails(item, input);
  if (changed.length === 0) return item;
  const [updated] = await tx
    .update(items)
    .set({
      ...input,
      sequence: item.sequence + 1,
      duplicateOf: (await mostAlike(tx, { ...item, ...input }, { clock }))?.id ?? null,
      updatedAt: clock.now(),
    })
    .where(eq(items.id, item.id))
    .returning();
  await writeReview(tx, { itemId: item.id, kind: 'edited', text: changed.join(', ') }, { clock, actor });
  return updated!;
}

function changedDetails(item: Item, input: ItemInput): string[] {
  const text = (value: unknown) => JSON.stringify(value);
  return Object.entries(input)
    .filter(([key, value]) => text(item[key as keyof ItemInput]) !== text(value))
    .map(([key]) => key);
}

/** Moves a locked item on, with a line in its history. */
export async function moveItem(
  tx: Tx,
  item: Item,
  {
    act,
    text = '',
    values,
  }: { act: ItemReviewKind; text?: string; values: Pick<Item, 'state'> & Partial<Item> },
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<{ item: Item; reviewId: string }> {
  const now = clock.now();
  const [moved] = await tx
    .update(items)
    .set({ stateReason: text === '' ? null : text, stateAt: now, stateBy: actor, updatedAt: now, ...values })
    .where(eq(items.id, item.id))
    .returning();
  const reviewId = await writeReview(tx, { itemId: item.id, kind: act, text }, { clock, actor });
  return { item: moved!, reviewId };
}

async function writeReview(
  tx: Tx,
  { itemId, kind, text }: { itemId: string; kind: ItemReviewKind; text: string },
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<string> {
  const now = clock.now();
  const id = newId(now);
  await tx.insert(itemReviews).values({ id, itemId, at: now, actor, kind, text });
  return id;
}

/** Ends items whose last day is over, a few at a time; gives those that it ended. */
export async function markExpired(tx: Tx, { clock }: { clock: Clock }): Promise<Item[]> {
  const over = await tx
    .select()
    .from(items)
    .where(
      and(inArray(items.state, ['awaiting_review', 'asked', 'approved']), lte(items.openUntil, clock.now())),
    )
    .orderBy(items.openUntil, items.id)
    .limit(EXPIRED_AT_ONCE)
    .for('update');
  const ended: Item[] = [];
  for (const item of over) {
    const moved = await moveItem(
      tx,
      item,
      { act: 'expired', values: { state: 'expired' } },
      { clock, actor: 'system' },
    );
    ended.push(moved.item);
  }
  return ended;
}

/** How many items wait for an administrator to decide. */
export async function countItemsToDecide(tx: Tx): Promise<number> {
  return tx.$count(items, eq(items.state, 'awaiting_review'));
}
