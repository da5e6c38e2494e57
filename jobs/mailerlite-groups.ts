import type { Topic } from '../src/db/schema.ts';
import type { MailerLiteClient } from '../src/mailerlite/client.ts';
import type { MailerLiteGroup } from '../src/mailerlite/schemas.ts';
import type { Services } from './services.ts';
import { ManyLeftGroup } from '../src/sync/apply-seen.ts';
import { GROUP_NAMES, listTopicGroups, mapTopic, topicsWithoutGroup } from '../src/sync/topic-groups.ts';

type GroupServices = Pick<Services, 'db' | 'clock'> & { readonly signal: AbortSignal };

/**
 * Looks whether every group that stands for a topic still exists. A group that is gone must never read as if all
 * its members had left.
 *
 * @returns what is wrong, in a sentence; undefined when all is well.
 */
export async function missingGroups(
  mailerlite: MailerLiteClient,
  { db, signal }: GroupServices,
): Promise<{ problem: string | undefined; groups: readonly MailerLiteGroup[] }> {
  const groups = await mailerlite.listGroups({ signal });
  const present = new Set(groups.map(({ id }) => id));
  const gone = (await listTopicGroups(db)).filter(({ groupId }) => !present.has(groupId));
  const problem =
    gone.length === 0
      ? undefined
      : `The MailerLite group for ${gone.map(({ topic, groupName }) => `${topic} (“${groupName}”)`).join(', ')} no ` +
        'longer exists. Choose another group; until then nothing is compared.';
  return { problem, groups };
}

/** Lets groups that are called like a topic stand for it, where none does. */
export async function adoptGroups(
  groups: readonly MailerLiteGroup[],
  topics: readonly Topic[],
  { db, clock }: GroupServices,
): Promise<void> {
  const mapped = await listTopicGroups(db);
  for (const topic of topics) {
    if (mapped.some((row) => row.topic === topic)) continue;
    const group = groups.find(({ id, name }) => {
      const taken = mapped.some(({ groupId }) => groupId === id);
      return !taken && name.trim().toLowerCase() === GROUP_NAMES[topic].toLowerCase();
    });
    if (group === undefined) continue;
    await mapTopic(db, { topic, groupId: group.id, groupName: group.name }, { clock, actor: 'system' });
  }
}

/** Makes the groups of topics that somebody gets mail about, where there is none of that name. */
export async function makeGroups(mailerlite: MailerLiteClient, services: GroupServices): Promise<void> {
  const { db, clock, signal } = services;
  const wanted = await topicsWithoutGroup(db);
  if (wanted.length === 0) return;
  await adoptGroups(await mailerlite.listGroups({ signal }), wanted, services);
  for (const topic of await topicsWithoutGroup(db)) {
    const group = await mailerlite.createGroup(GROUP_NAMES[topic], { signal });
    await mapTopic(db, { topic, groupId: group.id, groupName: group.name }, { clock, actor: 'system' });
  }
}

/** Runs what compares people; when many have left a group at once, makes sure first that the group exists. */
export async function withGroupsVerified<T>(
  services: GroupServices & { readonly mailerlite: MailerLiteClient },
  compare: (groupsVerified: boolean) => Promise<T>,
): Promise<T> {
  try {
    return await compare(false);
  } catch (error) {
    if (!(error instanceof ManyLeftGroup)) throw error;
    const { problem } = await missingGroups(services.mailerlite, services);
    if (problem !== undefined) throw new GroupsGone(problem);
    return compare(true);
  }
}

/** A group that stands for a topic does not exist any more. */
export class GroupsGone extends Error {
  override readonly name = 'GroupsGone';
}
