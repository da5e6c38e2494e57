import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { wantPush } from '../subscribers/mailerlite-wanted.ts';
import { readPeople, topicsToMail, type Person } from './people.ts';
import { readTopicGroups } from './topic-groups.ts';
import type { ThereChange, TopicGroups } from './types.ts';

/** The most changes that MailerLite takes in one request. */
export const BATCH = 50;

/** One person's part of a batch. */
export interface PlannedPerson {
  readonly subscriberId: string;
  /** The wanted version that the changes bring about. */
  readonly version: number;
  readonly changes: readonly ThereChange[];
}

/** What goes to MailerLite in one request. */
export interface PushBatch {
  readonly people: readonly PlannedPerson[];
  /** MailerLite ids of people to be forgotten. */
  readonly forgets: readonly string[];
  /** All changes in their order: those of the people, then the forgets, then what was added. */
  readonly changes: readonly ThereChange[];
  /** Somebody in it has opted out. */
  readonly urgent: boolean;
  readonly plannedAt: Temporal.Instant;
}

/** How many people are looked at in one go: most need one change, some none. */
const LOOK = 100;

/** Whether there is anything to push at this moment. */
export async function pushIsDue(
  tx: Tx,
  { clock }: { clock: Clock },
): Promise<{ urgent: boolean; normal: boolean }> {
  const now = sql`${clock.now().toString()}::timestamptz`;
  const [row] = await rows<{ urgent: boolean; normal: boolean }>(
    tx,
    sql`select
        exists (select 1 from mailerlite_links l where l.wanted_version > l.done_version and l.urgent
          and (l.retry_at is null or l.retry_at <= ${now})) as urgent,
        exists (select 1 from mailerlite_links l where l.wanted_version > l.done_version and not l.urgent
          and (l.retry_at is null or l.retry_at <= ${now}))
        or exists (select 1 from mailerlite_links l where l.paused_until <= ${now})
        or exists (select 1 from mailerlite_forgets f where f.done_at is null) as normal`,
  );
  return row!;
}

/**
 * The next changes for MailerLite, opt-outs first, as few requests as it allows: fifty changes each. A batch
 * of nothing but new people would count as an import, of which MailerLite allows five a minute; it is given a
 * question about the number of subscribers, which keeps it from being one.
 *
 * People on whom nothing has to change there are settled at once, without a request.
 *
 * @param options `urgentOnly`: opt-outs alone.
 * @returns undefined when there is nothing (more) to push.
 */
export async function planPush(
  tx: Tx,
  { clock, urgentOnly = false }: { clock: Clock; urgentOnly?: boolean },
): Promise<PushBatch | undefined> {
  const plannedAt = clock.now();
  if (!urgentOnly) await wakePaused(tx, { clock });
  const groups = await readTopicGroups(tx);
  const planned: PlannedPerson[] = [];
  let size = 0;
  let urgent = false;
  for (;;) {
    const waiting = await readWaiting(
      tx,
      plannedAt,
      planned.map(({ subscriberId }) => subscriberId),
      urgentOnly,
    );
    const settled: { subscriberId: string; version: number }[] = [];
    const takenOut: string[] = [];
    let full = false;
    for (const person of waiting) {
      const changes = changesFor(person, groups, plannedAt);
      const version = person.link!.wantedVersion;
      if (changes.length === 0) settled.push({ subscriberId: person.subscriberId, version });
      else if (size + changes.length > BATCH) {
        full = true;
        break;
      } else {
        planned.push({ subscriberId: person.subscriberId, version, changes });
        size += changes.length;
        urgent ||= person.urgent;
        if (isTakenOut(person, changes, groups)) takenOut.push(person.subscriberId);
      }
    }
    await settleQuietly(tx, settled, plannedAt);
    await noteTakenOut(tx, takenOut, plannedAt);
    if (full || waiting.length < LOOK) break;
  }
  const forgets = urgentOnly ? [] : await readForgets(tx, BATCH - size);
  const onlyNew = forgets.length === 0 && planned.every((person) => person.changes[0]!.kind === 'create');
  if (onlyNew && size === BATCH) planned.pop();
  const changes: ThereChange[] = [
    ...planned.flatMap((person) => person.changes),
    ...forgets.map((id) => ({ kind: 'forget' as const, id })),
  ];
  if (changes.length === 0) return undefined;
  if (onlyNew) changes.push({ kind: 'count' });
  return { people: planned, forgets, changes, urgent, plannedAt };
}

/**
 * What has to change in MailerLite so that it mails the person what they agreed to, and nothing else. Nobody is
 * brought back: for somebody whom MailerLite holds as having left, it is asked without a status, and refuses.
 */
export function changesFor(person: Person, groups: TopicGroups, now: Temporal.Instant): ThereChange[] {
  const { link } = person;
  if (link === undefined || link.status === 'gone') return [];
  const wanted = new Set(topicsToMail(person, now).filter((topic) => groups.groupOf.has(topic)));
  const { mailerliteId: id, status } = link;
  if (hasOptedOut(person)) {
    if (id === null) return [{ kind: 'find', idOrEmail: person.emailNormalised }];
    return status === null || status === 'active' || status === 'unconfirmed'
      ? [{ kind: 'unsubscribe', id }]
      : [];
  }
  const create = (): ThereChange[] => (wanted.size === 0 ? [] : [createFor(person, wanted, groups)]);
  if (id === null) return create();
  if (status === null) return [{ kind: 'find', idOrEmail: id }];
  // Another address is another subscriber there; the old one is forgotten once the new one is made.
  const moved = link.email !== null && link.emailThere === null && link.email !== person.emailNormalised;
  if (moved && wanted.size > 0) return create();
  if (status !== 'active') return create();
  const move = (kind: 'join' | 'leave', topics: Iterable<Topic>): ThereChange[] =>
    [...topics].flatMap((topic) => {
      const group = groups.groupOf.get(topic);
      return group === undefined ? [] : [{ kind, id, groupId: group.id }];
    });
  return [
    ...move(
      'leave',
      [...link.topics].filter((topic) => !wanted.has(topic)),
    ),
    ...move(
      'join',
      [...wanted].filter((topic) => !link.topics.has(topic)),
    ),
  ];
}

/** Everything is off by somebody's act. What only lapsed with a new wording is no opt-out: the groups are enough. */
export function hasOptedOut({ state, topics }: Person): boolean {
  if (state === 'removed') return true;
  return state === 'left' && (topics.size === 0 || [...topics.values()].some(({ lapsed }) => !lapsed));
}

function createFor(person: Person, wanted: ReadonlySet<Topic>, groups: TopicGroups): ThereChange {
  return {
    kind: 'create',
    email: person.emailNormalised,
    name: person.name,
    groupIds: [...wanted].map((topic) => groups.groupOf.get(topic)!.id),
    subscribedAt: person.createdAt,
  };
}

async function readWaiting(
  tx: Tx,
  now: Temporal.Instant,
  except: readonly string[],
  urgentOnly: boolean,
): Promise<(Person & { urgent: boolean })[]> {
  const order = await rows<{ id: string; urgent: boolean }>(
    tx,
    sql`select l.subscriber_id as id, l.urgent from mailerlite_links l
      where l.wanted_version > l.done_version
        and (l.urgent or ${!urgentOnly})
        and (l.retry_at is null or l.retry_at <= ${now.toString()}::timestamptz)
        and l.subscriber_id not in (select jsonb_array_elements_text(${JSON.stringify(except)}::text::jsonb)::uuid)
      order by l.urgent desc, l.wanted_at, l.subscriber_id
      limit ${LOOK}`,
  );
  const ids = JSON.stringify(order.map(({ id }) => id));
  const people = await readPeople(tx, sql`select jsonb_array_elements_text(${ids}::text::jsonb)::uuid`);
  const byId = new Map(people.map((person) => [person.subscriberId, person]));
  return order.flatMap(({ id, urgent }) => {
    const person = byId.get(id);
    return person === undefined ? [] : [{ ...person, urgent }];
  });
}

async function settleQuietly(
  tx: Tx,
  settled: readonly { subscriberId: string; version: number }[],
  now: Temporal.Instant,
): Promise<void> {
  if (settled.length === 0) return;
  await tx.execute(sql`
    update mailerlite_links l set
      done_version = p.version, attempts = 0, retry_at = null,
      urgent = l.urgent and l.wanted_version > p.version,
      paused_until = case when s.paused_until > ${now.toString()}::timestamptz then s.paused_until end
    from jsonb_to_recordset(${JSON.stringify(settled)}::text::jsonb) as p("subscriberId" uuid, version integer)
    join subscribers s on s.id = p."subscriberId"
    where l.subscriber_id = p."subscriberId" and l.done_version < p.version`);
}

/** Whether this takes somebody out of a group whose mail they have not refused: a pause, the do-not-mail list. */
function isTakenOut(person: Person, changes: readonly ThereChange[], { topicOf }: TopicGroups): boolean {
  return changes.some((change) => {
    const topic = change.kind === 'leave' ? topicOf.get(change.groupId) : undefined;
    return topic !== undefined && person.topics.get(topic)?.subscribed !== false;
  });
}

/** Written down before MailerLite is asked, since it reports the change like one of the person's own. */
async function noteTakenOut(tx: Tx, ids: readonly string[], now: Temporal.Instant): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    update mailerlite_links l set taken_out_at =
      l.taken_out_at[greatest(1, cardinality(l.taken_out_at) - 3):] || ${now.toString()}::timestamptz
    where l.subscriber_id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)::uuid)`);
}

/** A pause that has ended is a wish like any other: the groups are due again. */
async function wakePaused(tx: Tx, { clock }: { clock: Clock }): Promise<void> {
  const woken = await rows<{ subscriberId: string }>(
    tx,
    sql`update mailerlite_links l set paused_until = null
      where l.paused_until <= ${clock.now().toString()}::timestamptz
      returning l.subscriber_id as "subscriberId"`,
  );
  await wantPush(
    tx,
    woken.map((person) => ({ ...person, urgent: false })),
    { clock },
  );
}

async function readForgets(tx: Tx, most: number): Promise<string[]> {
  if (most <= 0) return [];
  const found = await rows<{ id: string }>(
    tx,
    sql`select f.mailerlite_id as id from mailerlite_forgets f
      where f.done_at is null order by f.requested_at, f.mailerlite_id limit ${most}`,
  );
  return found.map(({ id }) => id);
}
