import { sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';
import { applySeen } from './apply-seen.ts';
import { noteDifferences, type FoundDifference } from './differences.ts';
import type { PlannedPerson, PushBatch } from './push-plan.ts';
import { readTopicGroups } from './topic-groups.ts';
import type {
  SyncContext,
  ThereChange,
  ThereResult,
  ThereStatus,
  ThereSubscriber,
  TopicGroups,
} from './types.ts';

export interface PushSummary {
  /** People for whom MailerLite now holds what it should. */
  done: number;
  /** People whom it refuses; each is among the differences. */
  refused: number;
  /** People who are tried again. */
  later: number;
  forgotten: number;
  /** All subscribers of the account, where the batch asked. */
  total: number | undefined;
}

/** Faults that are over by themselves. */
const PASSING = new Set(['unavailable', 'timeout', 'rate_limited', 'malformed', 'unauthenticated']);

/** After so many times that a person is there and yet cannot be moved, somebody has to look. */
const MOST_ATTEMPTS = 4;

type Failure = Extract<ThereResult, { ok: false }>['error'];

/** What becomes of one person's link. */
interface Settlement {
  readonly subscriberId: string;
  readonly version: number;
  readonly done: boolean;
  readonly mailerliteId: string | null;
  readonly status: ThereStatus | 'gone' | 'unknown' | null;
  readonly joined: readonly Topic[];
  readonly left: readonly Topic[];
  /** Added to the tries so far; `null` starts counting anew. */
  readonly attempts: 0 | 1 | null;
  readonly retryAfterSeconds: number | null;
  /** Another subscriber there than before, who is to be compared from the start. */
  readonly relinked: boolean;
}

/**
 * Takes down what MailerLite answered to a batch: one person who is refused does not touch the others. What
 * changed here meanwhile stays wanted.
 *
 * @param results in the order of the batch's changes.
 */
export async function settlePush(
  tx: Tx,
  batch: PushBatch,
  results: readonly ThereResult[],
  context: SyncContext,
): Promise<PushSummary> {
  const summary: PushSummary = { done: 0, refused: 0, later: 0, forgotten: 0, total: undefined };
  await tx.transaction(async (inner) => {
    const groups = await readTopicGroups(inner);
    const settlements: Settlement[] = [];
    const found: FoundDifference[] = [];
    const seen: ThereSubscriber[] = [];
    let start = 0;
    for (const person of batch.people) {
      const own = results.slice(start, start + person.changes.length);
      start += person.changes.length;
      const settlement = settle(person, own, groups, found);
      settlements.push(settlement);
      if (!settlement.done) summary.later += 1;
      else if (found.at(-1)?.subscriberId === person.subscriberId) summary.refused += 1;
      else summary.done += 1;
      seen.push(...seenBy(person, own));
    }
    await save(inner, settlements, context);
    await noteDifferences(inner, found, context);
    // The answers are as new as can be: nothing was settled since they were asked for but what stands in them.
    await applySeen(inner, seen, { ...context, source: 'mailerlite_sync', groups, askedAt: batch.plannedAt });
    await stamp(inner, settlements, context);
    const forgets = results.slice(start, start + batch.forgets.length);
    summary.forgotten = await settleForgets(inner, batch.forgets, forgets, context);
  });
  const last = results.at(-1);
  summary.total = last?.ok === true ? last.total : undefined;
  return summary;
}

/** People whom an answer shows as they are: they are compared at once. */
function seenBy({ changes }: PlannedPerson, results: readonly ThereResult[]): ThereSubscriber[] {
  return results.flatMap((result, index) => {
    const { kind } = changes[index]!;
    return result.ok && result.subscriber !== undefined && (kind === 'create' || kind === 'find')
      ? [result.subscriber]
      : [];
  });
}

function settle(
  person: PlannedPerson,
  results: readonly ThereResult[],
  groups: TopicGroups,
  found: FoundDifference[],
): Settlement {
  const { subscriberId, version, changes } = person;
  let settlement: Settlement = {
    subscriberId,
    version,
    done: true,
    mailerliteId: null,
    status: null,
    joined: [],
    left: [],
    attempts: null,
    retryAfterSeconds: null,
    relinked: false,
  };
  for (const [index, change] of changes.entries()) {
    const result = results[index]!;
    settlement = result.ok
      ? succeeded(settlement, change, result, groups)
      : failed(settlement, change, result.error, found);
  }
  return settlement;
}

function succeeded(
  before: Settlement,
  change: ThereChange,
  result: Extract<ThereResult, { ok: true }>,
  { topicOf }: TopicGroups,
): Settlement {
  const topicsOf = (groupId: string): Topic[] => {
    const topic = topicOf.get(groupId);
    return topic === undefined ? [] : [topic];
  };
  switch (change.kind) {
    case 'join':
      return { ...before, joined: [...before.joined, ...topicsOf(change.groupId)] };
    case 'leave':
      return { ...before, left: [...before.left, ...topicsOf(change.groupId)] };
    case 'unsubscribe': {
      const status = result.subscriber?.status ?? 'unsubscribed';
      // Only the answer counts: somebody who is still active has not left.
      return status === 'unsubscribed'
        ? { ...before, status }
        : { ...before, status, done: false, attempts: 1, retryAfterSeconds: 60 };
    }
    case 'create':
      return { ...before, mailerliteId: result.subscriber?.id ?? null, status: 'unknown', relinked: true };
    case 'find':
      return { ...before, attempts: 0 };
    default:
      return before;
  }
}

function failed(
  before: Settlement,
  change: ThereChange,
  error: Failure,
  found: FoundDifference[],
): Settlement {
  const { subscriberId } = before;
  if (PASSING.has(error.kind)) return { ...before, done: false, attempts: 1, retryAfterSeconds: 10 };
  if (error.kind === 'opted_out') {
    found.push({ kind: 'not_taken_back', subscriberId, mailerliteId: error.subscriberId ?? null });
    return { ...before, mailerliteId: error.subscriberId ?? null, status: 'unsubscribed' };
  }
  if (error.kind === 'not_found') {
    switch (change.kind) {
      case 'unsubscribe':
        return { ...before, status: 'gone' };
      case 'find':
        // Looked for by address, the person was never there. By id, they were.
        if (change.idOrEmail.includes('@')) return before;
        found.push({ kind: 'gone_there', subscriberId, mailerliteId: change.idOrEmail });
        return { ...before, status: 'gone' };
      default:
        // Either the person or the group is missing: look who it is.
        return { ...before, status: 'unknown', done: false, attempts: 1 };
    }
  }
  found.push({ kind: 'refused', subscriberId, detail: error.message });
  return before;
}

async function save(tx: Tx, settlements: readonly Settlement[], { clock }: SyncContext): Promise<void> {
  if (settlements.length === 0) return;
  const now = clock.now().toString();
  const given = sql`jsonb_to_recordset(${JSON.stringify(settlements)}::text::jsonb) as p(
    "subscriberId" uuid, version integer, done boolean, "mailerliteId" text, status text, joined jsonb, "left" jsonb,
    attempts integer, "retryAfterSeconds" integer, relinked boolean)`;
  await tx.execute(sql`
    insert into mailerlite_forgets (mailerlite_id, requested_at)
    select l.mailerlite_id, ${now}::timestamptz
    from ${given} join mailerlite_links l on l.subscriber_id = p."subscriberId"
    where p.relinked and l.mailerlite_id <> p."mailerliteId"
    on conflict (mailerlite_id) do nothing`);
  await tx.execute(sql`
    update mailerlite_links l set mailerlite_id = null, status = null, topics = '{}'
    from ${given}
    where l.mailerlite_id = p."mailerliteId" and l.subscriber_id <> p."subscriberId"`);
  await tx.execute(sql`
    update mailerlite_links l set
      mailerlite_id = coalesce(p."mailerliteId", l.mailerlite_id),
      email = case when p.relinked then s.email_normalised else l.email end,
      status = case p.status when 'unknown' then null else coalesce(p.status, l.status) end,
      topics = case when p.relinked then '{}' else array(
        select distinct x.topic from (
          select unnest(l.topics) union select jsonb_array_elements_text(p.joined)
        ) as x(topic)
        where x.topic not in (select jsonb_array_elements_text(p."left"))
      ) end,
      attempts = coalesce(l.attempts + p.attempts, 0),
      done_version = case when p.done or (p.status = 'unknown' and l.attempts + p.attempts >= ${MOST_ATTEMPTS})
        then greatest(l.done_version, p.version) else l.done_version end,
      urgent = l.urgent and not (p.done and l.wanted_version <= p.version),
      retry_at = ${now}::timestamptz + make_interval(secs => p."retryAfterSeconds" * power(2, least(l.attempts, 6))),
      paused_until = case when s.paused_until > ${now}::timestamptz then s.paused_until end
    from ${given} join subscribers s on s.id = p."subscriberId"
    where l.subscriber_id = p."subscriberId"`);
  await giveUp(tx, settlements, { clock });
}

/** Says so when somebody was given up after too many answers that made no sense. */
async function giveUp(
  tx: Tx,
  settlements: readonly Settlement[],
  { clock }: Pick<SyncContext, 'clock'>,
): Promise<void> {
  const ids = settlements
    .filter(({ done, status }) => !done && status === 'unknown')
    .map(({ subscriberId }) => subscriberId);
  if (ids.length === 0) return;
  await tx.execute(sql`
    insert into sync_differences (id, kind, subscriber_id, mailerlite_id, detail, found_at)
    select gen_random_uuid(), 'refused', l.subscriber_id, l.mailerlite_id,
      'MailerLite could not be told after several tries.', ${clock.now().toString()}::timestamptz
    from mailerlite_links l
    where l.attempts >= ${MOST_ATTEMPTS}
      and l.subscriber_id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)::uuid)
    on conflict do nothing`);
}

/** From now on answers that were asked for earlier are out of date for these people. */
async function stamp(tx: Tx, settlements: readonly Settlement[], { clock }: SyncContext): Promise<void> {
  const ids = JSON.stringify(settlements.map(({ subscriberId }) => subscriberId));
  await tx.execute(sql`
    update mailerlite_links l set done_at = ${clock.now().toString()}::timestamptz
    where l.subscriber_id in (select jsonb_array_elements_text(${ids}::text::jsonb)::uuid)`);
}

async function settleForgets(
  tx: Tx,
  ids: readonly string[],
  results: readonly ThereResult[],
  { clock }: SyncContext,
): Promise<number> {
  const done = ids.filter((_, index) => {
    const result = results[index];
    return result !== undefined && (result.ok || result.error.kind === 'not_found');
  });
  if (done.length === 0) return 0;
  await tx.execute(sql`
    update mailerlite_forgets f set done_at = ${clock.now().toString()}::timestamptz
    where f.mailerlite_id in (select jsonb_array_elements_text(${JSON.stringify(done)}::text::jsonb))`);
  return done.length;
}
