import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { recordConsent } from '../subscribers/consent-ledger.ts';
import { excludePending, followConsent, lockSubscribers } from '../subscribers/consent-state.ts';
import { wantPush } from '../subscribers/mailerlite-wanted.ts';
import { MANY_LEAVING, ManyLeftGroup } from './apply-seen.ts';
import { allOlder, isAfter, isNewer, upTo, type Here } from './decide.ts';
import { hereOf, knownBy, readPeople, theseIds, type Person } from './people.ts';
import { readTopicGroups } from './topic-groups.ts';
import type { ThereSubscriber, TopicGroups } from './types.ts';

/** Events by which a person says no to everything, or their mail program does it for them. */
const LEFT_LIST = ['subscriber.unsubscribed', 'subscriber.spam_reported'];
const LEFT_GROUP = 'subscriber.removed_from_group';

/**
 * How long after we set out to take somebody out of a group MailerLite may have done it: as long as a request
 * takes. The seconds before allow for clocks that do not quite agree.
 */
const OURS = { before: { seconds: 5 }, after: { minutes: 2 } };

/** What waits to be dealt with about one person. */
interface Reports {
  left: { at: Temporal.Instant; spam: boolean } | undefined;
  /** When they left which group, by its id. */
  readonly groups: Map<string, Temporal.Instant>;
}

interface OptOut {
  readonly subscriberId: string;
  readonly topic: Topic;
  readonly at: Temporal.Instant;
  readonly note: string;
}

/**
 * Lets people's leaving of the whole list take effect from the event itself, without waiting for MailerLite to be
 * asked: every agreement that is not newer than the act ends. Doing it again changes nothing.
 *
 * @returns how many topics were turned off.
 */
export async function applyReportsOfLeaving(
  tx: Tx,
  mailerliteIds: readonly string[],
  { clock }: { clock: Clock },
): Promise<number> {
  const reports = await readReports(tx, mailerliteIds);
  const leaving = [...reports].filter(([, { left }]) => left !== undefined).map(([id]) => id);
  if (leaving.length === 0) return 0;
  return tx.transaction(async (inner) => {
    const people = await lockKnown(inner, leaving);
    const mapped = [...(await readTopicGroups(inner)).groupOf.keys()];
    const now = clock.now();
    const optOuts = people.flatMap((person) => {
      const { left } = reports.get(person.link!.mailerliteId!)!;
      return isKnown(left!.at, person) ? [] : fromList(person, left!, asHeard(hereOf(person, now)), mapped);
    });
    await record(inner, optOuts, { clock });
    return optOuts.length;
  });
}

/**
 * Holds the reports of opt-outs against people as they were just seen. What is to be found in no state counts here:
 * somebody left, and somebody else put them back before anybody looked; or they left a group of which it was not
 * known here that they were in it. An opt-out beats every agreement but the person's own newer one, here or by
 * confirming a form there.
 *
 * @throws ManyLeftGroup when the groups have to be verified first.
 */
export async function applyReports(
  tx: Tx,
  seen: readonly ThereSubscriber[],
  { clock, groups, groupsVerified }: { clock: Clock; groups: TopicGroups; groupsVerified: boolean },
): Promise<void> {
  const theirs = new Map(seen.map((there) => [there.id, there]));
  const reports = await readReports(tx, [...theirs.keys()]);
  if (reports.size === 0) return;
  await tx.transaction(async (inner) => {
    const people = await lockKnown(inner, [...reports.keys()]);
    const mapped = [...groups.groupOf.keys()];
    const now = clock.now();
    const fromGroups = people.flatMap((person) => {
      const id = person.link!.mailerliteId!;
      return leftGroups(person, reports.get(id)!, theirs.get(id)!, hereOf(person, now), groups);
    });
    if (fromGroups.length >= MANY_LEAVING && !groupsVerified) {
      throw new ManyLeftGroup(`${fromGroups.length} people have left a group in MailerLite at once.`);
    }
    await record(inner, fromGroups, { clock });
    const fromLists = (
      await readPeople(inner, theseIds(people.map((person) => person.subscriberId)))
    ).flatMap((person) => {
      const id = person.link!.mailerliteId!;
      const { left } = reports.get(id)!;
      const { optedInAt } = theirs.get(id)!;
      const cameBack = left !== undefined && optedInAt !== null && isAfter(optedInAt, left.at);
      return left === undefined || cameBack ? [] : fromList(person, left, hereOf(person, now), mapped);
    });
    await record(inner, fromLists, { clock });
    const changed = new Set([...fromGroups, ...fromLists].map(({ subscriberId }) => subscriberId));
    await wantPush(
      inner,
      [...changed].map((subscriberId) => ({ subscriberId, urgent: true })),
      { clock },
    );
  });
}

async function readReports(tx: Tx, mailerliteIds: readonly string[]): Promise<Map<string, Reports>> {
  const names = [...LEFT_LIST, LEFT_GROUP];
  const found = await rows<{ id: string; name: string; groupId: string | null; at: string }>(
    tx,
    sql`select e.mailerlite_id as id, e.name, e.group_id as "groupId",
        to_jsonb(coalesce(case when e.name = ${LEFT_GROUP} then e.changed_at else e.unsubscribed_at end,
          e.received_at)) #>> '{}' as at
      from mailerlite_events e
      where e.handled_at is null
        and e.name in (select jsonb_array_elements_text(${JSON.stringify(names)}::text::jsonb))
        and e.mailerlite_id in (select jsonb_array_elements_text(${JSON.stringify(mailerliteIds)}::text::jsonb))`,
  );
  const reports = new Map<string, Reports>();
  for (const { id, name, groupId, at: text } of found) {
    const at = Temporal.Instant.from(text);
    const report = reports.get(id) ?? { left: undefined, groups: new Map() };
    reports.set(id, report);
    if (name !== LEFT_GROUP) {
      const { left } = report;
      const spam = name === 'subscriber.spam_reported';
      report.left =
        left === undefined
          ? { at, spam }
          : { at: isAfter(at, left.at) ? at : left.at, spam: spam || left.spam };
    } else if (groupId !== null) {
      const before = report.groups.get(groupId);
      if (before === undefined || isAfter(at, before)) report.groups.set(groupId, at);
    }
  }
  return reports;
}

/** The people of ours with these MailerLite ids, locked. */
async function lockKnown(tx: Tx, mailerliteIds: readonly string[]): Promise<Person[]> {
  const ids = (await readPeople(tx, knownBy(mailerliteIds, []))).map(({ subscriberId }) => subscriberId);
  await lockSubscribers(tx, ids);
  const people = await readPeople(tx, theseIds(ids));
  return people.filter(({ link }) => link?.mailerliteId != null && mailerliteIds.includes(link.mailerliteId));
}

function fromList(
  { subscriberId }: Person,
  { at, spam }: NonNullable<Reports['left']>,
  here: Here,
  mapped: readonly Topic[],
): OptOut[] {
  const note = spam
    ? 'reported mail of MailerLite as spam'
    : `left the list in MailerLite on ${at.toString().slice(0, 10)}`;
  return allOlder(here, upTo(at), mapped).map((topic) => ({ subscriberId, topic, at, note }));
}

function leftGroups(
  { subscriberId, link }: Person,
  report: Reports,
  { optedInAt, groupIds }: ThereSubscriber,
  here: Here,
  { topicOf }: TopicGroups,
): OptOut[] {
  return [...report.groups].flatMap(([groupId, at]) => {
    const topic = topicOf.get(groupId);
    if (topic === undefined || link!.takenOutAt.some((out) => isOurs(at, out))) return [];
    const cameBack = optedInAt !== null && isAfter(optedInAt, at) && groupIds?.includes(groupId) === true;
    const ours = here.topics.get(topic);
    // Of a topic that was never spoken of the refusal goes on record.
    const stands = ours === undefined ? here.state === 'active' : ours.subscribed && !isNewer(ours, upTo(at));
    return cameBack || !stands ? [] : [{ subscriberId, topic, at, note: 'left the group in MailerLite' }];
  });
}

function isOurs(at: Temporal.Instant, takenOutAt: Temporal.Instant): boolean {
  return !isAfter(takenOutAt.subtract(OURS.before), at) && !isAfter(at, takenOutAt.add(OURS.after));
}

async function record(
  tx: Tx,
  optOuts: readonly OptOut[],
  { clock }: { readonly clock: Clock },
): Promise<void> {
  if (optOuts.length === 0) return;
  await recordConsent(
    tx,
    optOuts.map(({ subscriberId, topic, note }) => ({
      subscriberId,
      topic,
      act: 'withdrawn',
      source: 'mailerlite_webhook',
      note,
    })),
    { clock },
  );
  const times = optOuts.map(({ subscriberId, at }) => ({ id: subscriberId, at: at.toString() }));
  await tx.execute(sql`
    update mailerlite_links l set opted_out_at = greatest(l.opted_out_at, p.at)
    from (
      select g.id, max(g.at) as at
      from jsonb_to_recordset(${JSON.stringify(times)}::text::jsonb) as g(id uuid, at timestamptz) group by g.id
    ) p
    where l.subscriber_id = p.id`);
  const left = [...new Set(optOuts.map(({ subscriberId }) => subscriberId))];
  await followConsent(tx, left, { clock });
  for (const id of left) await excludePending(tx, id, { clock });
}

/** Whether MailerLite was looked at since: then what it showed counts, and the look that follows. */
function isKnown(at: Temporal.Instant, { link }: Person): boolean {
  return link?.seenAt != null && !isAfter(at, link.seenAt);
}

/**
 * An event can be late and older than what MailerLite showed since, so that here an agreement heard of from
 * MailerLite counts with the time at which it was heard of. The look at the person that follows knows better.
 */
function asHeard(here: Here): Here {
  return {
    ...here,
    topics: new Map(
      [...here.topics].map(([topic, ours]) => [
        topic,
        { ...ours, byPerson: ours.byPerson || ours.fromThere },
      ]),
    ),
  };
}
