import type { Tx } from '../db/open.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { recordConsent } from '../subscribers/consent-ledger.ts';
import { excludePending, followConsent, lockSubscribers } from '../subscribers/consent-state.ts';
import { wantPush } from '../subscribers/mailerlite-wanted.ts';
import { suppressAddress } from '../subscribers/suppressions.ts';
import { decide, type Decision, type There } from './decide.ts';
import { noteDifferences, openDifferences, settleDifferences, type FoundDifference } from './differences.ts';
import { saveSeen, type SeenLink } from './links.ts';
import { addNewcomers } from './newcomers.ts';
import { baseOf, hereOf, knownBy, readPeople, theseIds, type Person } from './people.ts';
import { actsFor, type Pair, type SeenContext, type SeenSummary } from './seen.ts';
import type { DifferenceKind, ThereSubscriber, TopicGroups } from './types.ts';

/** So many people leaving a group at once may mean that the group is gone. */
export const MANY_LEAVING = 10;

/**
 * Many people have left a group at once. Nothing was changed: look whether the groups still exist, and if so come
 * again with `groupsVerified`.
 */
export class ManyLeftGroup extends Error {
  override readonly name = 'ManyLeftGroup';
}

/**
 * Compares people of MailerLite with ours and does what follows on our side: agreements, opt-outs, people who
 * are new; what has to change there is noted as wanted. One transaction; the number of statements does not
 * depend on the number of people, but for those on whom something changes.
 *
 * @param seen each person once.
 */
export async function applySeen(
  tx: Tx,
  seen: readonly ThereSubscriber[],
  context: SeenContext,
): Promise<SeenSummary> {
  const summary: SeenSummary = {
    added: 0,
    given: 0,
    withdrawn: 0,
    pushes: 0,
    differences: 0,
    unreadable: 0,
    stale: [],
  };
  const pairs = readable(seen, context.groups, summary);
  if (pairs.length === 0) return summary;
  await tx.transaction(async (inner) => {
    const { known, duplicates } = await match(inner, pairs);
    const newcomers = pairs.filter(({ there }) => !known.has(there.id));
    await addNewcomers(inner, newcomers, context, summary);
    const ours = pairs.filter(({ there }) => known.has(there.id) && !duplicates.has(there.id));
    await compareKnown(inner, ours, known, context, summary);
  });
  return summary;
}

function readable(seen: readonly ThereSubscriber[], groups: TopicGroups, summary: SeenSummary): Pair[] {
  return seen.flatMap((there) => {
    try {
      if (there.groupIds === undefined) throw new ConvenorError('internal', 'the groups are missing');
      const topics = there.groupIds.flatMap((id) => groups.topicOf.get(id) ?? []);
      return [{ there, address: parseEmailAddress(there.email), topics: new Set(topics) }];
    } catch {
      summary.unreadable += 1;
      return [];
    }
  });
}

/** Our person for each MailerLite id: the one that is linked with it, else the one who has the address. */
async function match(
  tx: Tx,
  pairs: readonly Pair[],
): Promise<{ known: Map<string, Person>; duplicates: Set<string> }> {
  const people = await readPeople(
    tx,
    knownBy(
      pairs.map(({ there }) => there.id),
      pairs.map(({ address }) => address.normalised),
    ),
  );
  const byLink = new Map(
    people.flatMap((person) => (person.link?.mailerliteId ? [[person.link.mailerliteId, person]] : [])),
  );
  const byAddress = new Map(people.map((person) => [person.emailNormalised, person]));
  const known = new Map<string, Person>();
  const taken = new Set<string>();
  for (const { there, address } of pairs) {
    const person = byLink.get(there.id) ?? byAddress.get(address.normalised);
    if (person === undefined) continue;
    known.set(there.id, person);
    if (person.link?.mailerliteId === there.id) taken.add(person.subscriberId);
  }
  return { known, duplicates: duplicatesOf(known, taken) };
}

/**
 * MailerLite can hold two spellings of what is one address for us. The one that is linked speaks for the person,
 * the other is left alone.
 */
function duplicatesOf(known: ReadonlyMap<string, Person>, taken: Set<string>): Set<string> {
  const duplicates = new Set<string>();
  for (const [mailerliteId, { subscriberId, link }] of known) {
    if (link?.mailerliteId === mailerliteId) continue;
    const free = !taken.has(subscriberId) && (!link?.mailerliteId || link.status === 'gone');
    if (free) taken.add(subscriberId);
    else duplicates.add(mailerliteId);
  }
  return duplicates;
}

interface Compared {
  readonly pair: Pair;
  readonly person: Person;
  readonly decision: Decision;
}

async function compareKnown(
  tx: Tx,
  pairs: readonly Pair[],
  known: ReadonlyMap<string, Person>,
  context: SeenContext,
  summary: SeenSummary,
): Promise<void> {
  const first = compare(pairs, known, context, summary);
  const busy = first.filter(({ decision }) => changesSomething(decision));
  // Most people are as they were. Only the others are locked, read again and compared again.
  const ids = busy.map(({ person }) => person.subscriberId);
  await lockSubscribers(tx, ids);
  const now = new Map((await readPeople(tx, theseIds(ids))).map((person) => [person.subscriberId, person]));
  const again = busy.flatMap(({ pair, person }) => {
    const fresh = now.get(person.subscriberId);
    return fresh === undefined ? [] : [[pair, fresh] as const];
  });
  const second = compare(
    again.map(([pair]) => pair),
    new Map(again.map(([pair, person]) => [pair.there.id, person])),
    context,
    summary,
  );
  const quiet = first.filter(({ decision }) => !changesSomething(decision));
  const leaving = second.filter(
    ({ pair, decision }) => pair.there.status === 'active' && decision.withdraw.length > 0,
  );
  if (leaving.length >= MANY_LEAVING && context.groupsVerified !== true) {
    throw new ManyLeftGroup(`${leaving.length} people have left a group in MailerLite at once.`);
  }
  await act(tx, second, context, summary);
  await saveSeen(tx, [...quiet, ...second].map(linkOf), context);
  await follow(tx, [...quiet, ...second], context, summary);
}

function compare(
  pairs: readonly Pair[],
  known: ReadonlyMap<string, Person>,
  { clock, groups, askedAt }: SeenContext,
  summary: SeenSummary,
): Compared[] {
  const now = clock.now();
  return pairs.flatMap((pair) => {
    const person = known.get(pair.there.id)!;
    if (isStale(person, askedAt)) {
      summary.stale.push(pair.there.id);
      return [];
    }
    const decision = decide(
      hereOf(person, now),
      thereOf(pair),
      baseOf(person, groups),
      [...groups.groupOf.keys()],
      now,
    );
    return [{ pair, person, decision }];
  });
}

function isStale({ link }: Person, askedAt: Temporal.Instant): boolean {
  return [link?.seenAt, link?.doneAt].some((at) => at != null && Temporal.Instant.compare(at, askedAt) > 0);
}

function thereOf({ there, topics }: Pair): There {
  const { status, unsubscribedAt, updatedAt, optedInAt } = there;
  return { status, topics, unsubscribedAt, updatedAt, optedInAt };
}

function changesSomething({ give, withdraw, suppress, push, differences }: Decision): boolean {
  return give.length + withdraw.length + differences.length > 0 || suppress !== undefined || push !== 'none';
}

async function act(
  tx: Tx,
  compared: readonly Compared[],
  context: SeenContext,
  summary: SeenSummary,
): Promise<void> {
  const { clock, addressHash } = context;
  const acts = compared.flatMap(({ pair, person, decision }) =>
    actsFor(pair, person.subscriberId, decision, context),
  );
  await recordConsent(tx, acts, { clock });
  const changed = compared.filter(({ decision }) => decision.give.length + decision.withdraw.length > 0);
  if (changed.length > 0) {
    await followConsent(
      tx,
      changed.map(({ person }) => person.subscriberId),
      { clock },
    );
  }
  for (const { pair, person, decision } of compared) {
    if (decision.suppress !== undefined) {
      await suppressAddress(
        tx,
        {
          normalised: person.emailNormalised,
          reason: decision.suppress,
          detail: `MailerLite: ${pair.there.status}`,
        },
        { clock, addressHash },
      );
    }
    if (decision.withdraw.length > 0 || decision.suppress !== undefined) {
      await excludePending(tx, person.subscriberId, { clock });
    }
  }
  summary.given += acts.filter(({ act: kind }) => kind === 'given').length;
  summary.withdrawn += acts.filter(({ act: kind }) => kind === 'withdrawn').length;
}

function linkOf({ pair, person, decision }: Compared): SeenLink {
  const { there, address, topics } = pair;
  const same = address.normalised === person.emailNormalised;
  const moved = person.link?.email != null && person.link.email !== address.normalised && !same;
  return {
    subscriberId: person.subscriberId,
    mailerliteId: there.id,
    status: there.status,
    topics: [...topics],
    email: moved ? person.link.email : address.normalised,
    emailThere: moved ? address.normalised : null,
    optedOutAt: decision.optedOutAt?.toString() ?? null,
  };
}

/** What is left to note once the state is saved: wishes to MailerLite, and differences that opened or closed. */
async function follow(
  tx: Tx,
  compared: readonly Compared[],
  context: SeenContext,
  summary: SeenSummary,
): Promise<void> {
  const pushes = compared.flatMap(({ person, decision }) =>
    decision.push === 'none'
      ? []
      : [{ subscriberId: person.subscriberId, urgent: decision.push === 'urgent' }],
  );
  await wantPush(tx, pushes, context);
  summary.pushes += pushes.length;

  const found: FoundDifference[] = compared.flatMap((one) =>
    kindsNow(one).map((kind) => ({
      kind,
      subscriberId: one.person.subscriberId,
      mailerliteId: one.pair.there.id,
      ...(kind === 'address_differs'
        ? { detail: context.addressHash(one.pair.address.normalised).slice(0, 16) }
        : {}),
    })),
  );
  summary.differences += await noteDifferences(tx, found, context);

  const open = await openDifferences(
    tx,
    compared.map(({ person }) => person.subscriberId),
  );
  const settled = compared.flatMap((one) => {
    const holds = kindsNow(one);
    const kinds = (open.get(one.person.subscriberId) ?? []).filter(
      (kind) => !holds.includes(kind) && isOver(kind, one),
    );
    return kinds.length === 0 ? [] : [{ subscriberId: one.person.subscriberId, kinds }];
  });
  await settleDifferences(tx, settled, context);
}

function kindsNow(compared: Compared): DifferenceKind[] {
  return [
    ...compared.decision.differences,
    ...(linkOf(compared).emailThere === null ? [] : (['address_differs'] as const)),
  ];
}

/** Whether what made the difference is over, now that the person was seen. */
function isOver(kind: DifferenceKind, { pair, decision }: Compared): boolean {
  switch (kind) {
    case 'gone_there':
    case 'address_differs':
      return true;
    case 'unconfirmed_there':
      return pair.there.status !== 'unconfirmed';
    case 'not_taken_back':
      return pair.there.status === 'active' || decision.push === 'none';
    case 'refused':
      return pair.there.status === 'active' && decision.push === 'none';
    case 'came_back_there':
    case 'erased_returned':
      // Something that happened, for a person to know.
      return false;
  }
}
