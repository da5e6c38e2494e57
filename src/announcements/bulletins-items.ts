import { eq } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { announcements, bulletinItems, bulletins, bulletinSchedules } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ItemInput } from '../noticeboard/item-input.ts';
import { CHANGEABLE, lockItem, markExpired, writeItemChange, type Item } from '../noticeboard/items.ts';
import { markWithdrawn, type ModerationContext } from '../noticeboard/moderation.ts';
import { recordAudit } from '../organisation/audit.ts';
import { isWaiting, tellDrafted } from './bulletins.ts';
import { PLANNER, unfreeze } from './planning.ts';

const CHANGED = 'An item in it was changed after it was approved. Please look at it again.';

/**
 * Changes what an item says. A bulletin that is about to carry it is made afresh, and waits again for whoever has
 * approved it.
 *
 * @param input as `parseItemInput` gives it.
 * @param seen the `sequence` of the item as the administrator saw it; left out, any will do.
 * @throws ConvenorError `not_found`, `wrong_state`, `conflict`.
 */
export async function editItem(
  tx: Tx,
  id: string,
  { input, seen }: { input: ItemInput; seen?: number | undefined },
  context: ModerationContext,
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const before = await lockItem(inner, id, {
      allowed: CHANGEABLE,
      toDo: 'changed',
      seen,
    });
    const after = await writeItemChange(inner, before, input, context);
    if (after === before) return before;
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: 'item.changed',
        subject: id,
        before: { title: before.title, sequence: before.sequence },
        after: { title: after.title, sequence: after.sequence },
      },
      context,
    );
    await followItem(inner, id, { edited: true }, context.clock);
    return after;
  });
}

/**
 * Takes an item down: by an administrator, or by whoever handed it in (`SUBMITTER`). A bulletin that is about to
 * carry it leaves it out.
 *
 * @param reason a sentence for whoever handed it in, or empty.
 * @throws ConvenorError `not_found`, `wrong_state`.
 */
export async function withdrawItem(
  tx: Tx,
  id: string,
  reason: string,
  context: ModerationContext,
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const locked = await lockItem(inner, id, {
      allowed: CHANGEABLE,
      toDo: 'taken down',
    });
    const item = await markWithdrawn(inner, locked, reason, context);
    await followItem(inner, id, { edited: false }, context.clock);
    return item;
  });
}

/**
 * Ends items whose last day is over, a few at a time. A bulletin that is about to carry one leaves it out.
 *
 * @returns how many ended; call it again until it gives 0.
 */
export async function expireItems(tx: Tx, { clock }: { clock: Clock }): Promise<number> {
  return tx.transaction(async (inner) => {
    const ended = await markExpired(inner, { clock });
    for (const { id } of ended) await followItem(inner, id, { edited: false }, clock);
    return ended.length;
  });
}

/** Lets the bulletin that is about to carry an item follow its change. One that has begun to go out stays as it is. */
async function followItem(
  tx: Tx,
  itemId: string,
  { edited }: { edited: boolean },
  clock: Clock,
): Promise<void> {
  const [found] = await tx
    .select({ row: announcements, approval: bulletinSchedules.approval })
    .from(bulletinItems)
    .innerJoin(announcements, eq(announcements.id, bulletinItems.announcementId))
    .innerJoin(bulletins, eq(bulletins.announcementId, announcements.id))
    .innerJoin(bulletinSchedules, eq(bulletinSchedules.id, bulletins.scheduleId))
    .where(eq(bulletinItems.itemId, itemId))
    .for('update', { of: announcements });
  if (!found || !isWaiting(found.row)) return;
  const { row, approval } = found;
  const now = clock.now();
  const askAgain = edited && approval === 'wait' && row.state !== 'awaiting_approval';
  await unfreeze(tx, row.id);
  await tx
    .update(announcements)
    .set({
      updatedAt: now,
      ...(askAgain
        ? { state: 'awaiting_approval', heldFrom: null, stateReason: CHANGED, stateAt: now, stateBy: PLANNER }
        : {}),
    })
    .where(eq(announcements.id, row.id));
  if (askAgain) await tellDrafted(tx, row.id, clock, now);
}
