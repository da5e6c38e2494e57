import { and, eq, inArray, lte, notExists, sql } from 'drizzle-orm';
import { isQuiet } from '../calendar/quiet-hours.ts';
import type { Tx } from '../db/open.ts';
import { announcements, bulletinItems, deliveries, items } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import { lockAnnouncement, type Announcement } from './announcements.ts';
import { keepBooks } from './books.ts';
import type { PlanningRules } from './planning.ts';
import { settleRemembered } from './sending-hold.ts';

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
}

const WORDS: Readonly<Record<Announcement['state'], string>> = {
  draft: 'is a draft',
  awaiting_approval: 'waits for approval',
  approved: 'has not begun to go out',
  sending: 'is going out',
  sent: 'has gone out',
  held: 'is on hold',
  cancelled: 'was cancelled',
  missed: 'was missed',
  failed: 'has failed',
};

/**
 * Stops an announcement for now. No delivery is claimed after this returns; messages that a worker is handing
 * over at this moment are finished.
 *
 * @throws ConvenorError `not_found`, `wrong_state`.
 */
export async function holdAnnouncement(
  tx: Tx,
  id: string,
  reason: string | null,
  { clock, actor }: Context,
): Promise<Announcement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(
      inner,
      id,
      ['approved', 'sending'],
      ({ state }) => `It ${WORDS[state]}, so it cannot be put on hold.`,
    );
    const heldFrom = row.state as 'approved' | 'sending';
    return setState(inner, row, { state: 'held', stateReason: reason, heldFrom }, { clock, actor });
  });
}

/**
 * Lets a held announcement go on from where it stopped. Deliveries that had been put off are due at once.
 *
 * @throws ConvenorError `not_found`, `wrong_state` also when its late limit has passed.
 */
export async function resumeAnnouncement(
  tx: Tx,
  id: string,
  { clock, actor }: Context,
): Promise<Announcement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(
      inner,
      id,
      ['held'],
      ({ state }) => `It ${WORDS[state]}; only an announcement on hold can be resumed.`,
    );
    if (Temporal.Instant.compare(row.lateAfter, clock.now()) <= 0) {
      throw new ConvenorError(
        'wrong_state',
        'It is too late for this announcement to be of use. Cancel it instead.',
      );
    }
    await inner
      .update(deliveries)
      .set({ nextAttemptAt: null, attempts: 0 })
      .where(and(eq(deliveries.announcementId, id), eq(deliveries.state, 'pending')));
    return setState(
      inner,
      row,
      { state: row.heldFrom ?? 'approved', stateReason: null, heldFrom: null, senderFaults: 0 },
      { clock, actor },
    );
  });
}

/**
 * Cancels an announcement for good: nobody who has not got it will.
 *
 * @throws ConvenorError `not_found`, `wrong_state`.
 */
export async function cancelAnnouncement(
  tx: Tx,
  id: string,
  reason: string | null,
  { clock, actor }: Context,
): Promise<Announcement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(
      inner,
      id,
      ['draft', 'awaiting_approval', 'approved', 'sending', 'held'],
      ({ state }) => `It ${WORDS[state]}, so it cannot be cancelled.`,
    );
    const now = clock.now();
    await inner
      .update(deliveries)
      .set({ state: 'cancelled', reason: 'The announcement was cancelled.', settledAt: now })
      .where(and(eq(deliveries.announcementId, id), eq(deliveries.state, 'pending')));
    return setState(
      inner,
      row,
      { state: 'cancelled', stateReason: reason, heldFrom: null },
      { clock, actor },
    );
  });
}

/**
 * Starts an announcement whose time has come: it is frozen, neither too late nor in the quiet hours.
 *
 * @returns false when another worker was faster or it may not start now.
 */
export async function startAnnouncement(
  tx: Tx,
  id: string,
  { clock, settings }: { clock: Clock; settings: PlanningRules },
): Promise<boolean> {
  const now = clock.now();
  if (isQuiet(now, settings.timeZone, settings.quietHours)) return false;
  // After a restore something outside may know of people who got it before.
  await settleRemembered(tx, { announcementId: id, now });
  const started = await tx
    .update(announcements)
    .set({ state: 'sending', stateReason: null, stateAt: now, stateBy: 'system', updatedAt: now })
    .where(
      and(
        eq(announcements.id, id),
        eq(announcements.state, 'approved'),
        sql`${announcements.frozenAt} is not null`,
        lte(announcements.sendAt, now),
        sql`${announcements.lateAfter} > ${now.toString()}::timestamptz`,
        notExists(endedItems(tx, now)),
      ),
    )
    .returning({ id: announcements.id });
  return started.length > 0;
}

/** Items of a bulletin that ended after it was frozen: it is frozen afresh without them before it starts. */
function endedItems(tx: Tx, now: Temporal.Instant) {
  return tx
    .select({ one: sql`1` })
    .from(bulletinItems)
    .innerJoin(items, eq(items.id, bulletinItems.itemId))
    .where(and(eq(bulletinItems.announcementId, announcements.id), lte(items.openUntil, now)));
}

/**
 * Closes an announcement that is past its late limit. One that has not begun is `missed`, and the administrator
 * is told. What is still pending has failed.
 */
export async function closeLateAnnouncement(tx: Tx, id: string, { clock }: { clock: Clock }): Promise<void> {
  await tx.transaction(async (inner) => {
    const now = clock.now();
    const [row] = await inner
      .select()
      .from(announcements)
      .where(and(eq(announcements.id, id), lte(announcements.lateAfter, now)))
      .for('update');
    if (!row) return;
    // One that never began may have been frozen already.
    await inner
      .update(deliveries)
      .set({
        state: 'failed',
        reason: sql`'Too late to be of use. ' || coalesce(${deliveries.reason}, '')`,
        settledAt: now,
      })
      .where(and(eq(deliveries.announcementId, id), eq(deliveries.state, 'pending')));
    const begun = row.state === 'sending' || row.heldFrom === 'sending';
    if (begun) {
      if (row.state === 'held') {
        await setState(inner, row, { state: 'sending', heldFrom: null }, { clock, actor: 'system' });
      }
      return;
    }
    const waiting = ['awaiting_approval', 'approved', 'held'];
    if (!waiting.includes(row.state)) return;
    await setState(
      inner,
      row,
      { state: 'missed', heldFrom: null, stateReason: missedReason(row) },
      { clock, actor: 'system' },
    );
    await queueServiceMail(
      inner,
      {
        kind: 'missed',
        to: { kind: 'administrators' },
        data: { announcementId: id },
        dedupeKey: `missed:${id}:${row.lateAfter.toString()}`,
      },
      { clock },
    );
  });
}

function missedReason(row: Announcement): string {
  if (row.state === 'held') return 'It was on hold until it was too late to be of use.';
  if (row.state === 'awaiting_approval') {
    return `Nobody decided in time. ${row.stateReason ?? ''}`.trim();
  }
  return 'Convenor was not able to send it before it was too late to be of use.';
}

/** Closes a run in which nothing is pending or under way any more. */
export async function finishAnnouncement(tx: Tx, id: string, { clock }: { clock: Clock }): Promise<boolean> {
  return tx.transaction(async (inner) => {
    // By a statement of its own, so that the next one sees what whoever held the row has made of the deliveries.
    const [run] = await inner
      .select({ state: announcements.state })
      .from(announcements)
      .where(eq(announcements.id, id))
      .for('update');
    if (run?.state !== 'sending') return false;
    const [open] = await inner
      .select({ one: sql`1` })
      .from(deliveries)
      .where(and(eq(deliveries.announcementId, id), inArray(deliveries.state, ['pending', 'sending'])))
      .limit(1);
    if (open) return false;
    const now = clock.now();
    await inner
      .update(announcements)
      .set({ state: 'sent', stateReason: null, stateAt: now, stateBy: 'system', updatedAt: now })
      .where(eq(announcements.id, id));
    await keepBooks(inner, id);
    return true;
  });
}

async function setState(
  tx: Tx,
  row: Announcement,
  values: Partial<Announcement>,
  { clock, actor }: Context,
): Promise<Announcement> {
  const now = clock.now();
  const [updated] = await tx
    .update(announcements)
    .set({ ...values, stateAt: now, stateBy: actor, updatedAt: now })
    .where(eq(announcements.id, row.id))
    .returning();
  await recordAudit(
    tx,
    {
      actor,
      action: `announcement.${values.state}`,
      subject: row.id,
      before: row.state,
      after: { state: values.state, reason: values.stateReason ?? null },
    },
    { clock },
  );
  return updated!;
}
