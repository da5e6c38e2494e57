import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { admins, serviceMails } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';

export type ServiceMail = typeof serviceMails.$inferSelect;

/** How one claimed service mail ended. */
export type ServiceMailSettlement =
  | { readonly state: 'sent' | 'failed' | 'unknown' | 'cancelled'; readonly reason: string }
  | { readonly state: 'pending'; readonly reason: string; readonly retryAt: Temporal.Instant };

/**
 * Claims a service mail for this worker, if it is still to be sent. One for the administrators becomes one for
 * each of them, in the same transaction.
 *
 * @returns the mail to send, or `undefined` when there is nothing to do for the caller.
 */
export async function claimServiceMail(
  tx: Tx,
  id: string,
  { clock }: { clock: Clock },
): Promise<ServiceMail | undefined> {
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const [claimed] = await inner
      .update(serviceMails)
      .set({ state: 'sending', claimedAt: now, attempts: sql`${serviceMails.attempts} + 1` })
      .where(and(eq(serviceMails.id, id), eq(serviceMails.state, 'pending')))
      .returning();
    if (!claimed || claimed.recipientKind !== 'administrators') return claimed;
    const people = await inner.select().from(admins).where(isNull(admins.disabledAt));
    const copies = people.map((admin) => ({
      ...claimed,
      id: newId(now),
      recipientKind: 'address' as const,
      recipient: admin.email,
      dedupeKey: `${claimed.dedupeKey}:${admin.id}`,
      state: 'pending' as const,
      attempts: 0,
      claimedAt: null,
      nextAttemptAt: now,
      createdAt: now,
    }));
    if (copies.length > 0) await inner.insert(serviceMails).values(copies).onConflictDoNothing();
    await inner
      .update(serviceMails)
      .set({
        state: copies.length > 0 ? 'sent' : 'failed',
        reason: copies.length > 0 ? 'Passed on to each administrator.' : 'There is no administrator yet.',
        settledAt: now,
      })
      .where(eq(serviceMails.id, id));
    return undefined;
  });
}

/** Records how a claimed service mail ended. */
export async function settleServiceMail(
  tx: Tx,
  id: string,
  settlement: ServiceMailSettlement,
  { clock }: { clock: Clock },
): Promise<void> {
  const { state, reason } = settlement;
  await tx
    .update(serviceMails)
    .set({
      state,
      reason,
      nextAttemptAt: settlement.state === 'pending' ? settlement.retryAt : null,
      settledAt: settlement.state === 'pending' ? null : clock.now(),
    })
    .where(and(eq(serviceMails.id, id), eq(serviceMails.state, 'sending')));
}

/** Service mails that were claimed before an instant and never settled: their outcome is unknown. */
export async function rescueServiceMails(
  tx: Tx,
  { claimedBefore }: { claimedBefore: Temporal.Instant },
  { clock }: { clock: Clock },
): Promise<void> {
  await tx
    .update(serviceMails)
    .set({
      state: 'unknown',
      reason: 'Convenor stopped while this mail was being handed over, so it may or may not have arrived.',
      settledAt: clock.now(),
    })
    .where(and(eq(serviceMails.state, 'sending'), lt(serviceMails.claimedAt, claimedBefore)));
}
