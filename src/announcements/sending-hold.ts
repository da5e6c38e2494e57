import { isNull, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { rememberedDeliveries, sendingHolds, serviceMails } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';

export type SendingHold = typeof sendingHolds.$inferSelect;

/** A message of which something outside the database knows. `deliveryId` is the left side of its Message-ID. */
export interface Remembered {
  readonly deliveryId: string;
  readonly outcome: 'sent' | 'unknown';
  readonly at?: Temporal.Instant | undefined;
}

/** Why nothing is sent at the moment; `undefined` when sending is free. */
export async function openSendingHold(tx: Tx): Promise<SendingHold | undefined> {
  const [hold] = await tx.select().from(sendingHolds).where(isNull(sendingHolds.releasedAt)).limit(1);
  return hold;
}

/** A condition for statements that claim what is to be sent. */
export const NOT_HELD = sql`not exists (select 1 from sending_holds where released_at is null)`;

/**
 * Holds all sending, until a person has compared the ledger with what went out. Mail to single people that waits is
 * not repeated afterwards either: whether it went out is not known.
 *
 * @param restoredTo the moment that the database was taken back to, where it is known.
 * @returns false when sending is held already.
 */
export async function holdSending(
  tx: Tx,
  { reason, restoredTo = null }: { reason: string; restoredTo?: Temporal.Instant | null },
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<boolean> {
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const held = await inner
      .insert(sendingHolds)
      .values({ id: newId(now), reason, restoredTo, since: now })
      .onConflictDoNothing()
      .returning({ id: sendingHolds.id });
    if (held.length === 0) return false;
    await inner
      .update(serviceMails)
      .set({
        state: 'unknown',
        reason: 'The database was restored; whether this went out before is not known.',
        settledAt: now,
      })
      .where(sql`${serviceMails.state} in ('pending', 'sending')`);
    await recordAudit(
      inner,
      { actor, action: 'sending.held', subject: 'sending', after: { reason } },
      { clock },
    );
    return true;
  });
}

/** What a comparison finds for one announcement. */
export interface ForgottenAnnouncement {
  readonly announcementId: string;
  readonly title: string;
  readonly sendAt: Temporal.Instant;
  readonly zone: string;
  readonly state: string;
  /** Messages that went out and of which the ledger does not know. */
  readonly forgotten: number;
}

export interface Comparison {
  readonly announcements: readonly ForgottenAnnouncement[];
  /** Messages that the ledger knows to have gone out. */
  readonly known: number;
  /** Messages of announcements that this database does not have: they cannot go out again from here. */
  readonly foreign: number;
}

/**
 * Notes what is known from outside and compares it with the ledger. Nothing else changes: what was forgotten is
 * settled when sending is released.
 *
 * @param source where it is known from, for the record: `journal`, `provider log`.
 */
export async function rememberDeliveries(
  tx: Tx,
  remembered: readonly Remembered[],
  source: string,
): Promise<void> {
  for (let start = 0; start < remembered.length; start += 1000) {
    const values = remembered
      .slice(start, start + 1000)
      .map(({ deliveryId, outcome, at }) => ({ deliveryId, outcome, at: at ?? null, source }));
    await tx
      .insert(rememberedDeliveries)
      .values(values)
      .onConflictDoUpdate({
        target: rememberedDeliveries.deliveryId,
        // A server's word that it took a message outweighs that somebody began to hand it over.
        set: { outcome: sql`excluded.outcome`, at: sql`excluded.at`, source: sql`excluded.source` },
        setWhere: sql`${rememberedDeliveries.outcome} = 'unknown'`,
      });
  }
}

/** Every pair of an announcement that may still send and a person, under the id that their delivery has or would get. */
const MAY_GO_OUT = sql`
  select a.id as announcement_id, d.id as delivery_id from announcements a
    join deliveries d on d.announcement_id = a.id
    where d.state in ('pending', 'sending')
  union
  select a.id, delivery_id(a.id, s.id) from announcements a cross join subscribers s
    where a.frozen_at is null and a.state in ('awaiting_approval', 'approved', 'held', 'draft')
      and a.send_at < (select since from sending_holds where released_at is null) + interval '1 day'`;

/** Compares what was noted with the ledger. */
export async function compareWithLedger(tx: Tx): Promise<Comparison> {
  const found = await rows<Omit<ForgottenAnnouncement, 'sendAt'> & { sendAt: string }>(
    tx,
    sql`select a.id as "announcementId", a.title, a.send_at as "sendAt", a.zone, a.state, count(*)::int as forgotten
      from (${MAY_GO_OUT}) m
      join remembered_deliveries r on r.delivery_id = m.delivery_id
      join announcements a on a.id = m.announcement_id
      group by a.id order by a.send_at`,
  );
  const [counts] = await rows<{ known: number; total: number }>(
    tx,
    sql`select count(d.id) filter (where d.state not in ('pending', 'sending'))::int as known, count(*)::int as total
      from remembered_deliveries r left join deliveries d on d.id = r.delivery_id`,
  );
  const forgotten = found.reduce((sum, each) => sum + each.forgotten, 0);
  return {
    announcements: found.map((each) => ({ ...each, sendAt: Temporal.Instant.from(each.sendAt) })),
    known: counts!.known,
    foreign: Math.max(0, counts!.total - counts!.known - forgotten),
  };
}

/**
 * Settles deliveries that went out before the database forgot them, so that they are not sent again.
 *
 * @param announcementId of this announcement alone, right before it begins to go out.
 * @returns how many there were.
 */
export async function settleRemembered(
  tx: Tx,
  { announcementId, now }: { announcementId?: string; now: Temporal.Instant },
): Promise<number> {
  const settled = await rows<{ id: string }>(
    tx,
    sql`update deliveries d set state = r.outcome, settled_at = coalesce(r.at, ${now.toString()}::timestamptz),
        reason = 'Known from the ' || r.source || ' after the database was restored.'
      from remembered_deliveries r
      where r.delivery_id = d.id and d.state in ('pending', 'sending')
        and ${announcementId === undefined ? sql`true` : sql`d.announcement_id = ${announcementId}`}
      returning d.id`,
  );
  return settled.length;
}

/**
 * Lets sending go on. What was found to have gone out is settled first and does not go out again.
 *
 * @returns how many deliveries were settled.
 * @throws ConvenorError `wrong_state` when nothing is held.
 */
export async function releaseSending(
  tx: Tx,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<number> {
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const released = await inner
      .update(sendingHolds)
      .set({ releasedAt: now, releasedBy: actor })
      .where(isNull(sendingHolds.releasedAt))
      .returning({ id: sendingHolds.id });
    if (released.length === 0) throw new ConvenorError('wrong_state', 'Sending is not held.');
    const settled = await settleRemembered(inner, { now });
    await recordAudit(
      inner,
      { actor, action: 'sending.released', subject: 'sending', after: { settled } },
      { clock },
    );
    return settled;
  });
}

const MESSAGE_ID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@/gi;

/** The deliveries whose Message-IDs stand in the log of a mail server or provider, in whatever form it has. */
export function readProviderLog(text: string): Remembered[] {
  const ids = new Set([...text.matchAll(MESSAGE_ID)].map((match) => match[1]!.toLowerCase()));
  return [...ids].map((deliveryId) => ({ deliveryId, outcome: 'sent' as const }));
}

/** Of these deliveries, those that the ledger does not know to have left: a sign that it was taken back. */
export async function unknownToLedger(tx: Tx, deliveryIds: readonly string[]): Promise<string[]> {
  if (deliveryIds.length === 0) return [];
  const found = await rows<{ id: string }>(
    tx,
    sql`select j.id::text as id from jsonb_array_elements_text(${JSON.stringify(deliveryIds)}::text::jsonb) as j(id)
      left join deliveries d on d.id = j.id::uuid
      left join remembered_deliveries r on r.delivery_id = j.id::uuid
      where r.delivery_id is null and (d.id is null or d.state = 'pending')`,
  );
  return found.map(({ id }) => id);
}
