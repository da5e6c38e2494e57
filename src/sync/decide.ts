import { TOPICS, type Topic } from '../db/schema.ts';
import type { SubscriberState } from '../subscribers/consent-state.ts';
import type { DifferenceKind, ThereStatus } from './types.ts';

/** What the ledger says about one topic. */
export interface TopicHere {
  readonly subscribed: boolean;
  /** When the person did it; for an agreement that MailerLite holds, when it was heard of here. */
  readonly at: Temporal.Instant;
  /** It was heard of from MailerLite. */
  readonly fromThere: boolean;
  /** The person did it themselves, here: not an import, an administrator or MailerLite on their behalf. */
  readonly byPerson: boolean;
}

/** A person on our side. */
export interface Here {
  readonly state: SubscriberState;
  /** When they left here once more, having left before. */
  readonly leftAgainAt: Temporal.Instant | null;
  /** A topic that was never spoken of is absent. */
  readonly topics: ReadonlyMap<Topic, TopicHere>;
  /** Nothing is mailed at present: a pause, or an address on the do-not-mail list. */
  readonly silent: boolean;
  readonly suppressed: boolean;
  /** MailerLite has still to be told something. */
  readonly pushPending: boolean;
}

/** The same person in MailerLite. */
export interface There {
  readonly status: ThereStatus;
  /** The topics whose group they are in. */
  readonly topics: ReadonlySet<Topic>;
  readonly unsubscribedAt: Temporal.Instant | null;
  readonly updatedAt: Temporal.Instant | null;
  readonly optedInAt: Temporal.Instant | null;
}

/** What both sides last agreed on, as MailerLite showed or confirmed it. */
export interface Base {
  readonly status: ThereStatus;
  readonly topics: ReadonlySet<Topic>;
  readonly seenAt: Temporal.Instant;
  /** Topics whose group was chosen since: what it held before is not known. */
  readonly unknown: ReadonlySet<Topic>;
}

/** What follows from a comparison. */
export interface Decision {
  readonly give: readonly Topic[];
  readonly withdraw: readonly Topic[];
  readonly suppress: 'bounced' | 'complained' | undefined;
  readonly push: 'none' | 'normal' | 'urgent';
  readonly differences: readonly DifferenceKind[];
  /** When they opted out there, where that is what turns something off. */
  readonly optedOutAt: Temporal.Instant | undefined;
}

const NOTHING: Decision = {
  give: [],
  withdraw: [],
  suppress: undefined,
  push: 'none',
  differences: [],
  optedOutAt: undefined,
};

/**
 * Compares a person on both sides. The rules: the newest explicit act by the person wins; an opt-out on either
 * side beats every older opt-in; nothing that MailerLite holds turns on again what was turned off here, unless
 * the person confirmed a form there afterwards. Where an order cannot be known, the opt-out wins.
 *
 * @param base undefined when the person is compared for the first time.
 * @param mapped the topics that have a group.
 */
export function decide(
  here: Here,
  there: There,
  base: Base | undefined,
  mapped: readonly Topic[],
  now: Temporal.Instant,
): Decision {
  switch (there.status) {
    case 'bounced':
      return base?.status === 'bounced' ? NOTHING : { ...NOTHING, suppress: 'bounced' };
    case 'junk':
      if (base?.status === 'junk') return NOTHING;
      return { ...leave(here, there.updatedAt ?? now, mapped), suppress: 'complained' };
    case 'unsubscribed':
      return whoLeft(here, there, base, mapped, now);
    case 'unconfirmed':
      if (isOut(here)) return { ...NOTHING, push: pending(here, 'urgent') };
      return isWanted(here, mapped) ? { ...NOTHING, differences: ['unconfirmed_there'] } : NOTHING;
    case 'active':
      return whoIsActive(here, there, base, mapped, now);
  }
}

/** The times of MailerLite have no fractions: an act may have been up to a second later than it says. */
export function upTo(time: Temporal.Instant): Temporal.Instant {
  return time.add({ milliseconds: 999 });
}

/**
 * What an opt-out of everything at `leftAt` turns off: all that is not newer. Somebody with nothing on who has
 * not left gets the refusal on record, unless they are just about to join.
 */
export function allOlder(here: Here, leftAt: Temporal.Instant, mapped: readonly Topic[]): Topic[] {
  const on = TOPICS.filter((topic) => here.topics.get(topic)?.subscribed === true);
  if (on.length > 0) return on.filter((topic) => !isNewer(here.topics.get(topic)!, leftAt));
  if (here.state !== 'active') return [];
  return (mapped.length > 0 ? mapped : TOPICS).filter((topic) => !here.topics.has(topic));
}

function leave(here: Here, at: Temporal.Instant, mapped: readonly Topic[]): Decision {
  const withdraw = allOlder(here, upTo(at), mapped);
  return { ...NOTHING, withdraw, optedOutAt: withdraw.length > 0 ? at : undefined };
}

function whoLeft(
  here: Here,
  there: There,
  base: Base | undefined,
  mapped: readonly Topic[],
  now: Temporal.Instant,
): Decision {
  const decision = leave(here, there.unsubscribedAt ?? there.updatedAt ?? now, mapped);
  const stays = mapped.some(
    (topic) => here.topics.get(topic)?.subscribed === true && !decision.withdraw.includes(topic),
  );
  if (!stays || here.silent) return decision;
  // They agreed here after they left there: MailerLite is asked once, and says what it says.
  return base?.status === 'unsubscribed' && !here.pushPending
    ? { ...decision, differences: ['not_taken_back'] }
    : { ...decision, push: pending(here, 'normal') };
}

function whoIsActive(
  here: Here,
  there: There,
  base: Base | undefined,
  mapped: readonly Topic[],
  now: Temporal.Instant,
): Decision {
  const give: Topic[] = [];
  const withdraw: Topic[] = [];
  const differences = new Set<DifferenceKind>();
  let push: Decision['push'] = 'none';
  let optedOutAt: Temporal.Instant | undefined;
  const want = (wanted: 'normal' | 'urgent') => {
    if (push !== 'urgent') push = pending(here, wanted);
  };
  const mayReturn = here.state !== 'removed' && !here.suppressed;
  const lastOff = lastTurnedOff(here);
  const confirmedSince = (at: Temporal.Instant | undefined) =>
    mayReturn &&
    at !== undefined &&
    there.optedInAt !== null &&
    isAfter(there.optedInAt, at) &&
    (here.leftAgainAt === null || isAfter(there.optedInAt, here.leftAgainAt));

  for (const topic of mapped) {
    const ours = here.topics.get(topic);
    const before = base === undefined || base.unknown.has(topic) ? undefined : base.topics.has(topic);
    if (there.topics.has(topic)) {
      if (ours?.subscribed === true) {
        if (here.silent) want('normal');
      } else if (ours === undefined && mayReturn && (here.state !== 'left' || confirmedSince(lastOff))) {
        give.push(topic);
      } else if (ours !== undefined && confirmedSince(ours.at)) {
        give.push(topic);
      } else {
        want('urgent');
        const wasOff = before === false || ours?.fromThere === true;
        if (wasOff && !here.pushPending) differences.add('came_back_there');
      }
    } else if (ours?.subscribed === true && !here.silent) {
      const leftAt = before === true ? leftGroupAt(there, base!, now) : undefined;
      if (leftAt === undefined || isNewer(ours, leftAt)) want('normal');
      else {
        withdraw.push(topic);
        optedOutAt = leftAt;
      }
    }
  }
  if (isOut(here) && give.length === 0) {
    if (confirmedSince(lastOff)) differences.add('came_back_there');
    else {
      want('urgent');
      const wasOff =
        base?.status !== 'active' ||
        [...here.topics.values()].some(({ subscribed, fromThere }) => !subscribed && fromThere);
      if (base !== undefined && wasOff && !here.pushPending) differences.add('came_back_there');
    }
  }
  return { ...NOTHING, give, withdraw, push, differences: [...differences], optedOutAt };
}

/**
 * When somebody who was in the group left it. MailerLite tells no time; the subscriber's last change is it, if
 * it came after the last look. Otherwise it is any time until now.
 */
function leftGroupAt(there: There, base: Base, now: Temporal.Instant): Temporal.Instant {
  const changed = there.updatedAt === null ? undefined : upTo(there.updatedAt);
  return changed !== undefined && isAfter(changed, base.seenAt) ? changed : now;
}

/** Whether the person themselves agreed after an opt-out in MailerLite, so that the agreement outlives it. */
export function isNewer(given: TopicHere, optOut: Temporal.Instant): boolean {
  return given.byPerson && isAfter(given.at, optOut);
}

function isOut(here: Here): boolean {
  return here.state === 'left' || here.state === 'removed';
}

function isWanted(here: Here, mapped: readonly Topic[]): boolean {
  return !here.silent && mapped.some((topic) => here.topics.get(topic)?.subscribed === true);
}

function lastTurnedOff(here: Here): Temporal.Instant | undefined {
  const times = [...here.topics.values()].filter(({ subscribed }) => !subscribed).map(({ at }) => at);
  return times.toSorted((a, b) => Temporal.Instant.compare(a, b)).at(-1);
}

function pending(here: Here, wanted: 'normal' | 'urgent'): Decision['push'] {
  return here.pushPending ? 'none' : wanted;
}

export function isAfter(a: Temporal.Instant, b: Temporal.Instant): boolean {
  return Temporal.Instant.compare(a, b) > 0;
}
