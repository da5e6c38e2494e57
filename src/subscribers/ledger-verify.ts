import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { GENESIS, hashEvidence, hashLedgerRow, type LedgerRow } from './consent-ledger.ts';

export interface LedgerReport {
  readonly ok: boolean;
  /** Rows that were checked. */
  readonly events: number;
  /** Hash of the last row: written down elsewhere, it proves later that nothing was cut off. */
  readonly head: string;
  /** The first thing that does not agree. `seq` is the row of the ledger, where there is one. */
  readonly fault?: { readonly seq?: number; readonly subscriberId: string; readonly problem: string };
}

interface StoredRow extends Omit<LedgerRow, 'seq' | 'at'> {
  readonly seq: string | number;
  readonly at: string;
  readonly hash: string;
  readonly salt: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

const BATCH = 5_000;

/**
 * Checks the ledger from its first row: numbers without a gap, each hash, each link to the row before, and the
 * evidence that is still kept. Then replays it and compares with the folded state that mailing relies on.
 * Reads in batches, so memory stays flat.
 *
 * @param onProgress called after each batch with the number of rows checked.
 */
export async function verifyLedger(
  tx: Tx,
  { onProgress }: { onProgress?: (checked: number) => void } = {},
): Promise<LedgerReport> {
  let seq = 0;
  let hash = GENESIS;
  for (;;) {
    const batch = await readBatch(tx, seq);
    for (const row of batch) {
      const problem = problemOf(row, seq, hash);
      if (problem !== undefined) {
        return {
          ok: false,
          events: seq,
          head: hash,
          fault: { seq: Number(row.seq), subscriberId: row.subscriberId, problem },
        };
      }
      seq = Number(row.seq);
      hash = row.hash;
    }
    onProgress?.(seq);
    if (batch.length < BATCH) break;
  }
  const fault = await foldFault(tx);
  return { ok: fault === undefined, events: seq, head: hash, ...(fault === undefined ? {} : { fault }) };
}

function readBatch(tx: Tx, after: number): Promise<StoredRow[]> {
  return rows<StoredRow>(
    tx,
    sql`select e.seq, e.at, e.subscriber_id as "subscriberId", e.topic, e.act, e.source, e.wording, e.note,
        e.evidence_hash as "evidenceHash", e.previous_hash as "previousHash", e.hash,
        v.salt, v.ip, v.user_agent as "userAgent"
      from consent_events e left join consent_evidence v on v.seq = e.seq
      where e.seq > ${after}
      order by e.seq
      limit ${BATCH}`,
  );
}

function problemOf(row: StoredRow, previousSeq: number, previousHash: string): string | undefined {
  const seq = Number(row.seq);
  if (seq !== previousSeq + 1) {
    const missing = seq - previousSeq - 1;
    return `${missing === 1 ? 'One row is' : `${missing} rows are`} missing before this one.`;
  }
  if (row.previousHash !== previousHash) return 'It does not follow from the row before it.';
  const expected = hashLedgerRow({ ...row, seq, at: Temporal.Instant.from(row.at).toString() });
  if (row.hash !== expected) return 'Its content was changed after it was written.';
  // Evidence may be gone (erasure, retention), but what is there must be what was recorded.
  if (row.salt !== null && hashEvidence({ ...row, salt: row.salt }) !== row.evidenceHash) {
    return 'The evidence kept for it was changed.';
  }
  return undefined;
}

/** Compares the state that follows from the ledger with the folded one, for everybody who was not erased. */
async function foldFault(tx: Tx): Promise<LedgerReport['fault']> {
  const [found] = await rows<{
    seq: string | number | null;
    subscriberId: string;
    topic: string;
    folded: boolean | null;
    replayed: boolean | null;
  }>(
    tx,
    sql`with replayed as (
        select distinct on (e.subscriber_id, e.topic) e.subscriber_id, e.topic, e.act = 'given' as subscribed, e.seq
        from consent_events e join subscribers s on s.id = e.subscriber_id
        order by e.subscriber_id, e.topic, e.seq desc
      )
      select coalesce(r.seq, t.event_seq) as seq, coalesce(r.subscriber_id, t.subscriber_id) as "subscriberId",
        coalesce(r.topic, t.topic) as topic, t.subscribed as folded, r.subscribed as replayed
      from replayed r
      full outer join topic_subscriptions t on t.subscriber_id = r.subscriber_id and t.topic = r.topic
      where r.seq is null or t.event_seq is null or r.seq <> t.event_seq or r.subscribed <> t.subscribed
      order by 1
      limit 1`,
  );
  if (found === undefined) return undefined;
  const says = (value: boolean | null) =>
    value === null ? 'nothing' : value ? '"subscribed"' : '"not subscribed"';
  return {
    ...(found.seq === null ? {} : { seq: Number(found.seq) }),
    subscriberId: found.subscriberId,
    problem: `For the topic ${found.topic} the ledger says ${says(found.replayed)}, but the list says ${says(found.folded)}.`,
  };
}
