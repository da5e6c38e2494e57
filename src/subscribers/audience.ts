import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { TOPICS, type Topic } from '../db/schema.ts';

/**
 * Why the subscriber `s` of the surrounding statement gets no mail about a topic at an instant: an SQL
 * expression that gives a sentence for the administrator, or null when the mail may go. Every statement that
 * decides on a delivery uses this one expression, so that planning and sending never disagree.
 *
 * @param topic a topic, or an SQL expression for one (`a.topic`).
 * @param now the instant, or an SQL expression for it.
 */
export function exclusionReason(topic: Topic | SQL, now: Temporal.Instant | SQL): SQL {
  const at = now instanceof Temporal.Instant ? sql`${now.toString()}::timestamptz` : now;
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

/**
 * That nothing keeps a mail about a topic from the subscriber `s` at an instant: an SQL condition that is true
 * exactly where `exclusionReason` is null, in a form that the database can answer for many people at once.
 */
export function mayBeMailed(topic: Topic, at: Temporal.Instant): SQL {
  return sql`${meantFor(topic)}
    and (s.paused_until is null or s.paused_until <= ${at.toString()}::timestamptz)
    and not exists (select 1 from suppressions x where x.email_normalised = s.email_normalised)`;
}

/** Numbers of people by topic; a topic that nobody agreed to may be missing. */
export type TopicSizes = ReadonlyMap<Topic, number>;

/**
 * How many people would get a mail about each topic at an instant: those who agreed, a number that the database keeps,
 * without the few who agreed and still get nothing, who are looked up; nobody who has left agrees to anything
 * (`followConsent`). Exact in every transaction, and as quick for a hundred thousand people as for ten.
 */
export async function audienceCounts(tx: Tx, at: Temporal.Instant): Promise<TopicSizes> {
  const found = await rows<{ topic: Topic; n: number }>(
    tx,
    sql`select c.topic, sum(c.n)::int as n from (
        select counted as topic, sum(change) as n from list_size_changes
        where counted in (select jsonb_array_elements_text(${JSON.stringify(TOPICS)}::text::jsonb)) group by counted
        union all
        select t.topic, -1 from (
          select s.id from subscribers s where s.state in ('unconfirmed', 'removed')
          union
          select s.id from subscribers s where s.paused_until > ${at.toString()}::timestamptz
          union
          select s.id from suppressions x cross join lateral (
            select p.id from subscribers p where p.email_normalised = x.email_normalised offset 0
          ) s
        ) silent
        -- This one and the one above look up a few people each, where a join would go through everybody.
        cross join lateral (
          select ts.topic from topic_subscriptions ts where ts.subscriber_id = silent.id and ts.subscribed offset 0
        ) t
      ) c group by c.topic`,
  );
  return new Map(found.map(({ topic, n }) => [topic, n]));
}

/** How many people would get a mail about one topic at an instant. */
export async function audienceCount(tx: Tx, topic: Topic, at: Temporal.Instant): Promise<number> {
  return (await audienceCounts(tx, at)).get(topic) ?? 0;
}
