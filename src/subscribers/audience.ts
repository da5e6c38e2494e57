import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';

/**
 * Why the subscriber `s` of the surrounding statement gets no mail about a topic at an instant: an SQL
 * expression that gives a sentence for the administrator, or null when the mail may go. Every statement that
 * decides on a delivery uses this one expression, so that planning and sending never disagree.
 *
 * @param topic a topic, or an SQL expression for one (`a.topic`).
 */
export function exclusionReason(topic: Topic | SQL, now: Temporal.Instant): SQL {
  const at = sql`${now.toString()}::timestamptz`;
  return sql`case
    when s.id is null then 'The person was erased.'
    when s.state = 'unconfirmed' then 'Has not confirmed the address yet.'
    when s.state = 'removed' then 'Was removed by the administrator.'
    when s.state = 'left' then 'Has left the list.'
    when not exists (
      select 1 from topic_subscriptions ts where ts.subscriber_id = s.id and ts.topic = ${topic} and ts.subscribed
    ) then 'Does not get mail about this topic.'
    when s.paused_until > ${at} then 'Has paused mail for a while.'
    when exists (
      select 1 from suppressions x where x.email_normalised = s.email_normalised
    ) then 'The address is on the do-not-mail list.'
  end`;
}

/**
 * The subscribers that an announcement about a topic is meant for: an SQL condition on the subscriber `s`. It
 * takes in people who are paused or suppressed; `exclusionReason` tells them apart, so that the books name them.
 */
export function meantFor(topic: Topic | SQL): SQL {
  return sql`s.state = 'active' and exists (
    select 1 from topic_subscriptions ts where ts.subscriber_id = s.id and ts.topic = ${topic} and ts.subscribed
  )`;
}

/** How many people would get a mail about a topic at an instant. */
export async function audienceCount(tx: Tx, topic: Topic, at: Temporal.Instant): Promise<number> {
  const [row] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int as n from topic_subscriptions t join subscribers s on s.id = t.subscriber_id
      where t.topic = ${topic} and t.subscribed and ${exclusionReason(topic, at)} is null`,
  );
  return row!.n;
}
