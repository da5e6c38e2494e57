import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { SUBSCRIBER_STATES, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { exclusionReason } from './audience.ts';

export type SubscriberState = (typeof SUBSCRIBER_STATES)[number];

/** A subscriber whose row is locked until the transaction ends, with what the ledger says about each topic. */
export interface LockedSubscriber {
  readonly id: string;
  readonly emailNormalised: string;
  readonly state: SubscriberState;
  /** `false`: was on once, or was refused outright; absent: never spoken of. */
  readonly topics: ReadonlyMap<Topic, boolean>;
}

/**
 * Reads and locks people, in the order of their ids so that two transactions never wait for each other. The
 * lock leaves room for the foreign keys of rows that other transactions write about the same person.
 */
export async function lockSubscribers(tx: Tx, ids: readonly string[]): Promise<LockedSubscriber[]> {
  if (ids.length === 0) return [];
  const among = sql`(select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)::uuid)`;
  const locked = await rows<Omit<LockedSubscriber, 'topics'>>(
    tx,
    sql`select s.id, s.email_normalised as "emailNormalised", s.state from subscribers s
      where s.id in ${among} order by s.id for no key update`,
  );
  // A statement of its own: the one above may have waited, and saw the topics as they were before.
  const folded = await rows<{ id: string; topic: Topic; subscribed: boolean }>(
    tx,
    sql`select t.subscriber_id as id, t.topic, t.subscribed from topic_subscriptions t
      where t.subscriber_id in ${among}`,
  );
  const topics = new Map(locked.map(({ id }) => [id, new Map<Topic, boolean>()]));
  for (const { id, topic, subscribed } of folded) topics.get(id)?.set(topic, subscribed);
  return locked.map((row) => ({ ...row, topics: topics.get(row.id)! }));
}

export async function lockSubscriber(tx: Tx, id: string): Promise<LockedSubscriber | undefined> {
  return (await lockSubscribers(tx, [id]))[0];
}

/** The topics that somebody gets mail about. */
export function topicsOn(subscriber: LockedSubscriber): Topic[] {
  return [...subscriber.topics].filter(([, subscribed]) => subscribed).map(([topic]) => topic);
}

/**
 * What follows from acts of consent: somebody with no topic left has left, somebody with one is on the list. Who
 * was removed stays removed.
 */
export async function followConsent(
  tx: Tx,
  ids: readonly string[],
  { clock }: { clock: Clock },
): Promise<void> {
  if (ids.length === 0) return;
  const now = sql`${clock.now().toString()}::timestamptz`;
  await tx.execute(sql`
    update subscribers s set state = n.state, left_at = case when n.state = 'left' then ${now} end, updated_at = ${now}
    from (
      select p.id, case
        when exists (select 1 from topic_subscriptions t where t.subscriber_id = p.id and t.subscribed) then 'active'
        else 'left' end as state
      from (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)::uuid as id) p
    ) n
    where s.id = n.id and s.state <> n.state and s.state <> 'removed'`);
}

/**
 * Takes what is still to go out to somebody out of every run that no longer may reach them, with the reason.
 *
 * @returns the number of deliveries excluded.
 */
export async function excludePending(
  tx: Tx,
  subscriberId: string,
  { clock }: { clock: Clock },
): Promise<number> {
  const now = clock.now();
  const excluded = await rows(
    tx,
    sql`update deliveries d set state = 'excluded', reason = j.reason, settled_at = ${now.toString()}::timestamptz
      from (
        select p.id, ${exclusionReason(sql`a.topic`, now)} as reason
        from announcements a
        join deliveries p on p.id = delivery_id(a.id, ${subscriberId}::uuid)
        join subscribers s on s.id = p.subscriber_id
        where p.state = 'pending'
      ) j
      where d.id = j.id and d.state = 'pending' and j.reason is not null
      returning d.id`,
  );
  return excluded.length;
}
