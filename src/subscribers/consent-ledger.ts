import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { CONSENT_ACTS, ConsentSource, Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { wantPush } from './mailerlite-wanted.ts';

/** What a browser told about an act: kept apart from the ledger, which holds only its salted hash. */
export interface Evidence {
  readonly ip?: string;
  readonly userAgent?: string;
}

/** One act of agreeing to, or withdrawing from, one topic. */
export interface ConsentAct {
  readonly subscriberId: string;
  readonly topic: Topic;
  /** `lapsed`: the wording changed and the earlier agreement does not cover the new one. */
  readonly act: (typeof CONSENT_ACTS)[number];
  readonly source: ConsentSource;
  /** The wording that was shown, as `key@version`. */
  readonly wording?: string;
  /** Where it comes from, in words; never a name or an address, since the ledger outlives an erasure. */
  readonly note?: string;
  readonly evidence?: Evidence;
}

/** A row of the ledger, as its hash sees it. */
export interface LedgerRow {
  readonly seq: number;
  /** ISO 8601 in UTC, as `Temporal.Instant` prints it. */
  readonly at: string;
  readonly subscriberId: string;
  readonly topic: string;
  readonly act: string;
  readonly source: string;
  readonly wording: string | null;
  readonly note: string | null;
  readonly evidenceHash: string | null;
  readonly previousHash: string;
}

/** What the first row names as the one before it. */
export const GENESIS = '0'.repeat(64);

const LEDGER_LOCK = 726_011_002;
const BATCH = 2_000;
const LONGEST_USER_AGENT = 400;

/** SHA-256 over the row as a JSON array in this order: the canonical form of the chain. */
export function hashLedgerRow(row: LedgerRow): string {
  const canonical = JSON.stringify([
    row.seq,
    row.at,
    row.subscriberId,
    row.topic,
    row.act,
    row.source,
    row.wording,
    row.note,
    row.evidenceHash,
    row.previousHash,
  ]);
  return createHash('sha256').update(canonical).digest('hex');
}

export function hashEvidence(evidence: {
  ip: string | null;
  userAgent: string | null;
  salt: string;
}): string {
  return createHash('sha256')
    .update(JSON.stringify([evidence.salt, evidence.ip, evidence.userAgent]))
    .digest('hex');
}

/**
 * Appends acts to the ledger in their order, and in the same transaction folds them into
 * `topic_subscriptions`, keeps their evidence and notes what MailerLite must be told (unless it told us).
 * Writers wait for each other until their transactions end: do it last and keep the transaction short.
 */
export async function recordConsent(
  tx: Tx,
  acts: readonly ConsentAct[],
  { clock }: { clock: Clock },
): Promise<void> {
  if (acts.length === 0) return;
  await tx.transaction(async (inner) => {
    await inner.execute(sql`select pg_advisory_xact_lock(${LEDGER_LOCK}::bigint)`);
    let head = await ledgerHead(inner);
    for (let start = 0; start < acts.length; start += BATCH) {
      head = await append(inner, acts.slice(start, start + BATCH), head, clock.now());
    }
    await wantPush(inner, pushesFor(acts), { clock });
  });
}

/** The last row's number and hash; number 0 and the genesis hash for an empty ledger. */
export async function ledgerHead(tx: Tx): Promise<{ seq: number; hash: string }> {
  const [last] = await rows<{ seq: number; hash: string }>(
    tx,
    sql`select seq::int as seq, hash from consent_events order by consent_events.seq desc limit 1`,
  );
  return last ?? { seq: 0, hash: GENESIS };
}

async function append(
  tx: Tx,
  acts: readonly ConsentAct[],
  head: { seq: number; hash: string },
  now: Temporal.Instant,
): Promise<{ seq: number; hash: string }> {
  const events: (LedgerRow & { hash: string })[] = [];
  const evidence: { seq: number; ip: string | null; userAgent: string | null; salt: string }[] = [];
  let { seq, hash } = head;
  for (const act of acts) {
    seq += 1;
    const kept = evidenceOf(act);
    if (kept !== undefined) evidence.push({ seq, ...kept });
    const row: LedgerRow = {
      seq,
      at: now.toString(),
      subscriberId: act.subscriberId,
      topic: act.topic,
      act: act.act,
      source: act.source,
      wording: act.wording ?? null,
      note: act.note ?? null,
      evidenceHash: kept === undefined ? null : hashEvidence(kept),
      previousHash: hash,
    };
    hash = hashLedgerRow(row);
    events.push({ ...row, hash });
  }
  await tx.execute(sql`
    insert into consent_events (
      seq, at, subscriber_id, topic, act, source, wording, note, evidence_hash, previous_hash, hash
    )
    select e.seq, e.at, e."subscriberId", e.topic, e.act, e.source, e.wording, e.note, e."evidenceHash",
      e."previousHash", e.hash
    from jsonb_to_recordset(${JSON.stringify(events)}::text::jsonb) as e(
      seq bigint, at timestamptz, "subscriberId" uuid, topic text, act text, source text, wording text, note text,
      "evidenceHash" text, "previousHash" text, hash text
    )
    order by e.seq`);
  if (evidence.length > 0) {
    await tx.execute(sql`
      insert into consent_evidence (seq, ip, user_agent, salt)
      select e.seq, e.ip, e."userAgent", e.salt
      from jsonb_to_recordset(${JSON.stringify(evidence)}::text::jsonb)
        as e(seq bigint, ip text, "userAgent" text, salt text)`);
  }
  await fold(tx, head.seq);
  return { seq, hash };
}

/** Brings the folded state up to the ledger's end: per person and topic the newest row decides. */
async function fold(tx: Tx, after: number): Promise<void> {
  await tx.execute(sql`
    insert into topic_subscriptions (subscriber_id, topic, subscribed, changed_at, event_seq)
    select distinct on (e.subscriber_id, e.topic) e.subscriber_id, e.topic, e.act = 'given', e.at, e.seq
    from consent_events e
    where e.seq > ${after}
    order by e.subscriber_id, e.topic, e.seq desc
    on conflict (subscriber_id, topic) do update set
      subscribed = excluded.subscribed, changed_at = excluded.changed_at, event_seq = excluded.event_seq`);
}

function evidenceOf(
  act: ConsentAct,
): { ip: string | null; userAgent: string | null; salt: string } | undefined {
  const ip = act.evidence?.ip ?? null;
  const userAgent = act.evidence?.userAgent?.slice(0, LONGEST_USER_AGENT) ?? null;
  if (ip === null && userAgent === null) return undefined;
  return { ip, userAgent, salt: randomBytes(16).toString('hex') };
}

function pushesFor(acts: readonly ConsentAct[]): { subscriberId: string; urgent: boolean }[] {
  return acts
    .filter((act) => act.source !== 'mailerlite_webhook' && act.source !== 'mailerlite_sync')
    .map((act) => ({ subscriberId: act.subscriberId, urgent: act.act === 'withdrawn' }));
}
