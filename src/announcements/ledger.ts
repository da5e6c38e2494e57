import { eq, sql, type Placeholder, type SQL } from 'drizzle-orm';
import { databaseTime, preparedRows, rows, type Tx } from '../db/open.ts';
import { announcements, deliveries } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { AddressHash } from '../subscribers/address-hash.ts';
import { exclusionReason } from '../subscribers/audience.ts';
import { suppressAddress } from '../subscribers/suppressions.ts';
import { NOT_HELD } from './sending-hold.ts';

/** A delivery that this worker may hand over, and nobody else. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly subscriberId: string;
  readonly email: string;
  readonly name: string | null;
  readonly messageId: string;
  /** How often it has been tried before. */
  readonly attempts: number;
}

/** How one claimed delivery ended, in the ledger's words. */
export type Settlement =
  | { readonly id: string; readonly state: 'sent'; readonly reason: string }
  | { readonly id: string; readonly state: 'failed'; readonly reason: string; readonly suppress?: true }
  | { readonly id: string; readonly state: 'unknown'; readonly reason: string }
  | {
      readonly id: string;
      readonly state: 'pending';
      readonly reason: string;
      readonly retryAt: Temporal.Instant;
      /** The refusal would meet every recipient: it counts towards pausing the run. */
      readonly senderFault: boolean;
    };

/** Refusals in a row that are the sender's fault and pause a run. */
export const SENDER_FAULT_LIMIT = 5;

/** What is claimed next. */
export interface Claim {
  readonly announcementId: string;
  readonly chunk: number;
  readonly limit: number;
  /** Names this one claim: `<worker id>/<unique>`. By it the claim is settled or given back. */
  readonly claim: string;
}

/**
 * Claims up to `limit` deliveries of a chunk. One statement decides: the announcement is going out and not too
 * late, the delivery is due, and the person may be mailed at this moment; who may not is excluded with the
 * reason. The share lock on the announcement's row, taken before those on the deliveries, makes a hold or cancel wait
 * for claims under way, and claims that come after it find the new state.
 */
export async function claimDeliveries(
  tx: Tx,
  { announcementId, chunk, limit, claim }: Claim,
  { clock }: { clock: Clock },
): Promise<ClaimedDelivery[]> {
  return claimStatement(limit)(tx, { announcementId, chunk, claim, now: databaseTime(clock.now()) });
}

/**
 * As `settleDeliveries` and then `claimDeliveries` for the same announcement, where everything was taken, in one statement:
 * half of what a run costs in the database is the coming and going of statements.
 *
 * @param settled a claim whose deliveries were all taken.
 */
export async function settleSentAndClaim(
  tx: Tx,
  settled: { claim: string; settlements: readonly Settlement[] },
  { announcementId, chunk, limit, claim }: Claim,
  { clock }: { clock: Clock },
): Promise<ClaimedDelivery[]> {
  const claimed = await settleAndClaimStatement(limit)(tx, {
    announcementId,
    chunk,
    claim,
    ...asSent(settled),
    now: databaseTime(clock.now()),
  });
  const [first] = claimed;
  if (first === undefined || first.senderFaults > 0) await clearSenderFaults(tx, { announcementId });
  return claimed;
}

type ClaimValues = { announcementId: string; chunk: number; claim: string; now: string };
type SentValues = { settledClaim: string; ids: string[]; reasons: string[]; now: string };

/** One statement for each limit, made when it is first needed. */
function byLimit<T, Values extends Readonly<Record<string, unknown>>>(
  make: (limit: number) => (tx: Tx, values: Values) => Promise<T[]>,
): (limit: number) => (tx: Tx, values: Values) => Promise<T[]> {
  const made = new Map<number, (tx: Tx, values: Values) => Promise<T[]>>();
  return (limit) => {
    const known = made.get(limit) ?? make(limit);
    made.set(limit, known);
    return known;
  };
}

const claimStatement = byLimit<ClaimedDelivery, ClaimValues>((limit) =>
  preparedRows(`claim_${limit}_deliveries`, (place) => sql`with ${claiming(limit, place)}`),
);

const settleAndClaimStatement = byLimit<ClaimedDelivery & { senderFaults: number }, ClaimValues & SentValues>(
  (limit) =>
    preparedRows(
      `settle_and_claim_${limit}`,
      (place) => sql`with settled as (${settlingSent(place)}), ${claiming(limit, place)}`,
    ),
);

/**
 * The parts of a claim. Its limit is written out: only so does the server see that one plan is right for all its values.
 * The deliveries of a chunk are read in the order of `deliveries_pending`, and only as many as are claimed.
 */
function claiming(limit: number, place: (value: keyof ClaimValues) => Placeholder): SQL {
  const now = sql`${place('now')}::timestamptz`;
  return sql`running as materialized (
      select a.id, a.topic, a.sender_faults from announcements a
      where a.id = ${place('announcementId')}::uuid
        and a.channel = 'smtp' and a.state = 'sending' and a.late_after > ${now}
        and ${NOT_HELD}
      for share
    ), picked as materialized (
      select d.id, d.subscriber_id
      from deliveries d
      where d.announcement_id = ${place('announcementId')}::uuid and exists (select 1 from running)
        and d.chunk = ${place('chunk')}::int and d.state = 'pending'
        and (d.next_attempt_at is null or d.next_attempt_at <= ${now})
      order by d.attempts, d.id
      limit ${sql.raw(String(limit))}
      for update of d skip locked
    ), judged as materialized (
      select p.id, ${exclusionReason(sql`r.topic`, now)} as reason, r.sender_faults
      from picked p cross join running r left join subscribers s on s.id = p.subscriber_id
    ), claimed as (
      update deliveries d set
        state = case when j.reason is null then 'sending' else 'excluded' end,
        reason = j.reason,
        attempts = d.attempts + case when j.reason is null then 1 else 0 end,
        claimed_at = case when j.reason is null then ${now} end,
        claimed_by = case when j.reason is null then ${place('claim')}::text end,
        settled_at = case when j.reason is null then null else ${now} end
      from judged j where j.id = d.id
      returning d.id, d.state, d.subscriber_id, d.email, d.name, d.message_id, d.attempts, j.sender_faults
    )
    select id, subscriber_id as "subscriberId", email, name, message_id as "messageId",
      (attempts - 1)::int as attempts, sender_faults as "senderFaults"
    from claimed where state = 'sending'`;
}

/** Marks deliveries of a claim as taken. */
function settlingSent(place: (value: keyof SentValues) => Placeholder): SQL {
  return sql`update deliveries d set
      state = 'sent', reason = v.reason, next_attempt_at = null, settled_at = ${place('now')}::timestamptz
    from unnest(${place('ids')}::uuid[], ${place('reasons')}::text[]) as v(id, reason)
    where d.id = v.id and d.claimed_by = ${place('settledClaim')}::text and d.state in ('sending', 'unknown')`;
}

/**
 * Records how claimed deliveries ended: in one transaction with what follows from it (an address that does not
 * exist is suppressed, a run that meets refusal after refusal pauses itself and the administrator is told).
 * Only deliveries of this claim are settled; one that was given up meanwhile (`unknown`) is corrected, since the
 * worker knows what became of it.
 */
export async function settleDeliveries(
  tx: Tx,
  {
    announcementId,
    claim,
    settlements,
  }: { announcementId: string; claim: string; settlements: readonly Settlement[] },
  { clock, addressHash }: { clock: Clock; addressHash: AddressHash },
): Promise<void> {
  if (settlements.length === 0) return;
  const now = clock.now();
  if (allSent(settlements)) {
    await settleSent(tx, { ...asSent({ claim, settlements }), now: databaseTime(now) });
    await clearSenderFaults(tx, { announcementId });
    return;
  }
  const values = settlements.map((settlement) => ({
    id: settlement.id,
    state: settlement.state,
    reason: settlement.reason,
    retryAt: settlement.state === 'pending' ? settlement.retryAt.toString() : null,
  }));
  await tx.transaction(async (inner) => {
    await lockRun(inner, announcementId);
    await inner.execute(sql`
      update deliveries d set
        state = case
          when v.state = 'pending' and a.state = 'cancelled' then 'cancelled'
          else v.state end,
        reason = v.reason,
        next_attempt_at = v."retryAt"::timestamptz,
        settled_at = case when v.state = 'pending' then null else ${now.toString()}::timestamptz end
      from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb) as v(id uuid, state text, reason text, "retryAt" text),
        announcements a
      where d.id = v.id and a.id = d.announcement_id
        and d.claimed_by = ${claim}::text and d.state in ('sending', 'unknown')`);
    for (const settlement of settlements) {
      if (settlement.state === 'failed' && settlement.suppress) {
        await suppressRecipient(inner, settlement, { clock, addressHash });
      }
    }
    await reopenRun(inner, announcementId, now);
    await countSenderFaults(inner, announcementId, settlements, { clock });
  });
}

/**
 * Holds the state of an announcement for the rest of the transaction. Whoever makes deliveries pending again does this
 * first: otherwise the announcement could be cancelled or finished at the same moment, without seeing them.
 */
async function lockRun(tx: Tx, announcementId: string): Promise<void> {
  await tx.execute(sql`select 1 from announcements where id = ${announcementId}::uuid for update`);
}

/**
 * A run that was finished while a worker stood still goes on when that worker says that it did not hand over what it
 * held, which had been given up as unknown.
 */
async function reopenRun(tx: Tx, announcementId: string, now: Temporal.Instant): Promise<void> {
  await tx.execute(sql`
    update announcements a set state = 'sending', state_at = ${now.toString()}::timestamptz, state_by = 'system',
      updated_at = ${now.toString()}::timestamptz, books = null
    where a.id = ${announcementId}::uuid and a.state = 'sent'
      and exists (select 1 from deliveries d where d.announcement_id = a.id and d.state = 'pending')`);
}

/** Whether everything was taken. */
export function allSent(settlements: readonly Settlement[]): boolean {
  return settlements.every(({ state }) => state === 'sent');
}

function asSent(settled: { claim: string; settlements: readonly Settlement[] }): Omit<SentValues, 'now'> {
  return {
    settledClaim: settled.claim,
    ids: settled.settlements.map(({ id }) => id),
    reasons: settled.settlements.map(({ reason }) => reason),
  };
}

const settleSent = preparedRows<never, SentValues>('settle_sent', settlingSent);

/** Something was taken, so there are no refusals in a row any more. */
const clearSenderFaults = preparedRows<never, { announcementId: string }>(
  'clear_sender_faults',
  (place) =>
    sql`update announcements set sender_faults = 0 where id = ${place('announcementId')}::uuid and sender_faults > 0`,
);

async function suppressRecipient(
  tx: Tx,
  { id, reason }: Settlement,
  context: { clock: Clock; addressHash: AddressHash },
): Promise<void> {
  const [delivery] = await tx
    .select({ normalised: deliveries.emailNormalised })
    .from(deliveries)
    .where(eq(deliveries.id, id));
  if (!delivery) return;
  await suppressAddress(tx, { normalised: delivery.normalised, reason: 'bounced', detail: reason }, context);
}

async function countSenderFaults(
  tx: Tx,
  announcementId: string,
  settlements: readonly Settlement[],
  { clock }: { clock: Clock },
): Promise<void> {
  const faults = settlements.filter((s) => s.state === 'pending' && s.senderFault);
  const anySent = settlements.some((settlement) => settlement.state === 'sent');
  if (anySent) {
    await clearSenderFaults(tx, { announcementId });
    return;
  }
  if (faults.length === 0) return;
  const [run] = await tx
    .select()
    .from(announcements)
    .where(eq(announcements.id, announcementId))
    .for('update');
  if (run?.state !== 'sending') return;
  const senderFaults = run.senderFaults + faults.length;
  const now = clock.now();
  if (senderFaults < SENDER_FAULT_LIMIT) {
    await tx.update(announcements).set({ senderFaults }).where(eq(announcements.id, announcementId));
    return;
  }
  await tx
    .update(announcements)
    .set({
      senderFaults,
      state: 'held',
      heldFrom: 'sending',
      stateReason: `Paused after ${senderFaults} refusals in a row. ${faults.at(-1)!.reason}`,
      stateAt: now,
      stateBy: 'system',
      updatedAt: now,
    })
    .where(eq(announcements.id, announcementId));
  await queueServiceMail(
    tx,
    {
      kind: 'run-held',
      to: { kind: 'administrators' },
      data: { announcementId },
      dedupeKey: `run-held:${announcementId}:${now.toString()}`,
    },
    { clock },
  );
}

/**
 * Gives back what a claim holds when the answer to the claim was lost: the worker never saw these deliveries, so
 * none of them was handed over.
 */
export async function giveBackClaim(
  tx: Tx,
  { announcementId, claim }: { announcementId: string; claim: string },
  { clock }: { clock: Clock },
): Promise<void> {
  await tx.transaction(async (inner) => {
    await lockRun(inner, announcementId);
    await inner.execute(sql`
      update deliveries d set state = case when a.state = 'cancelled' then 'cancelled' else 'pending' end,
        attempts = d.attempts - 1, claimed_at = null, claimed_by = null
      from announcements a
      where a.id = d.announcement_id and d.claimed_by = ${claim}::text and d.state in ('sending', 'unknown')`);
    await reopenRun(inner, announcementId, clock.now());
  });
}

/**
 * Finds deliveries whose worker is gone: claimed, never settled, and the worker gives no sign of life. Whether
 * their message was handed over nobody knows, so they become `unknown` and are not repeated.
 *
 * @param silentSince workers whose last heartbeat is before this instant are gone.
 * @param lostSince claims older than this are given up even if their worker lives: it could not record them.
 * @returns how many there were.
 */
export async function rescueDeliveries(
  tx: Tx,
  { silentSince, lostSince }: { silentSince: Temporal.Instant; lostSince: Temporal.Instant },
  { clock }: { clock: Clock },
): Promise<number> {
  const found = await rows<{ id: string }>(
    tx,
    sql`update deliveries d set
        state = 'unknown', settled_at = ${clock.now().toString()}::timestamptz,
        reason = 'Convenor stopped while this message was being handed over, so it may or may not have arrived.'
      where d.state = 'sending' and d.claimed_at < ${silentSince.toString()}::timestamptz
        and (d.claimed_at < ${lostSince.toString()}::timestamptz or not exists (
          select 1 from heartbeats h
          where h.name = 'worker:' || split_part(d.claimed_by, '/', 1) and h.at >= ${silentSince.toString()}::timestamptz
        ))
      returning d.id`,
  );
  return found.length;
}
