import { eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { mailerliteTopics, TOPICS, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { wantPush } from '../subscribers/mailerlite-wanted.ts';
import type { TopicGroups } from './types.ts';

/** How a topic's group is called when Convenor looks for it or makes it. */
export const GROUP_NAMES: Readonly<Record<Topic, string>> = {
  meetings: 'Meetings',
  training: 'Training',
  vacancies: 'Vacancies',
  news: 'News',
};

const CHUNK = 5_000;

export interface TopicGroup {
  readonly topic: Topic;
  readonly groupId: string;
  readonly groupName: string;
}

/** The topics that have a group, in the order of the topics. */
export async function listTopicGroups(tx: Tx): Promise<TopicGroup[]> {
  const mapped = await tx.select().from(mailerliteTopics);
  return TOPICS.flatMap((topic) => mapped.filter((row) => row.topic === topic));
}

/** The same as a pair of maps. */
export async function readTopicGroups(tx: Tx): Promise<TopicGroups> {
  const mapped = await tx.select().from(mailerliteTopics);
  return {
    groupOf: new Map(mapped.map(({ topic, groupId, mappedAt }) => [topic, { id: groupId, mappedAt }])),
    topicOf: new Map(mapped.map(({ topic, groupId }) => [groupId, topic])),
  };
}

/**
 * Lets a group stand for a topic. Everybody who gets mail about it is put into the group; who is in the group
 * and has never spoken of the topic gets it with the next comparison.
 *
 * @throws ConvenorError `conflict` when the group stands for another topic.
 */
export async function mapTopic(
  tx: Tx,
  { topic, groupId, groupName }: TopicGroup,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    const mapped = await listTopicGroups(inner);
    const other = mapped.find((row) => row.groupId === groupId && row.topic !== topic);
    if (other !== undefined) {
      throw new ConvenorError('conflict', `The group “${groupName}” stands for ${other.topic} already.`);
    }
    const before = mapped.find((row) => row.topic === topic);
    if (before?.groupId === groupId) return;
    const values = { groupId, groupName, mappedAt: clock.now() };
    await inner
      .insert(mailerliteTopics)
      .values({ topic, ...values })
      .onConflictDoUpdate({ target: mailerliteTopics.topic, set: values });
    await recordAudit(
      inner,
      { actor, action: 'mailerlite_group.chosen', subject: topic, before: before?.groupId, after: groupId },
      { clock },
    );
    await wantTopic(inner, topic, { clock });
  });
}

/** Stops comparing a topic. Nobody's agreement changes, and nobody leaves the group. */
export async function unmapTopic(
  tx: Tx,
  topic: Topic,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    const removed = await inner.delete(mailerliteTopics).where(eq(mailerliteTopics.topic, topic)).returning();
    if (removed.length === 0) return;
    await recordAudit(
      inner,
      { actor, action: 'mailerlite_group.dropped', subject: topic, before: removed[0]!.groupId },
      { clock },
    );
  });
}

/** The topics that somebody gets mail about and that have no group yet. */
export async function topicsWithoutGroup(tx: Tx): Promise<Topic[]> {
  const found = await rows<{ topic: Topic }>(
    tx,
    sql`select distinct t.topic from topic_subscriptions t
      where t.subscribed and not exists (select 1 from mailerlite_topics m where m.topic = t.topic)`,
  );
  return TOPICS.filter((topic) => found.some((row) => row.topic === topic));
}

async function wantTopic(tx: Tx, topic: Topic, { clock }: { clock: Clock }): Promise<void> {
  const people = await rows<{ subscriberId: string }>(
    tx,
    sql`select t.subscriber_id as "subscriberId" from topic_subscriptions t
      where t.topic = ${topic} and t.subscribed`,
  );
  for (let start = 0; start < people.length; start += CHUNK) {
    const chunk = people.slice(start, start + CHUNK);
    await wantPush(
      tx,
      chunk.map((person) => ({ ...person, urgent: false })),
      { clock },
    );
  }
}
