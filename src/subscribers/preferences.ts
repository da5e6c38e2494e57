import { eq } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { subscribers, TOPICS, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import type { AddressHash } from './address-hash.ts';
import { recordConsent, type ConsentAct, type Evidence } from './consent-ledger.ts';
import { excludePending, followConsent, lockSubscriber, type LockedSubscriber } from './consent-state.ts';
import { wantPush } from './mailerlite-wanted.ts';
import { parseName } from './members.ts';
import { liftSuppression } from './suppressions.ts';

export interface PreferenceChange {
  readonly subscriberId: string;
  /** What each named topic shall be; the others stay. */
  readonly topics?: Partial<Readonly<Record<Topic, boolean>>>;
  /** No mail before this instant; `null` ends a pause. */
  readonly pausedUntil?: Temporal.Instant | null;
  readonly name?: string;
  /** The person on their page, or an administrator on their behalf. */
  readonly source: 'preferences' | 'administrator';
  /** The wording shown beside each topic, as `key@version`. */
  readonly wordings?: Partial<Readonly<Record<Topic, string>>>;
  readonly note?: string;
  readonly evidence?: Evidence;
}

const LONGEST_PAUSE = Temporal.Duration.from({ hours: 24 * 366 });

/**
 * Changes what somebody gets. What is turned off holds when the transaction ends, also for messages that are
 * about to go out. Saying what is so already changes nothing.
 *
 * @returns the topics that were turned on and off.
 * @throws ConvenorError `not_found`; `invalid_input` for a pause in the past or beyond a year; `wrong_state` when
 *   topics are turned on for somebody who was removed or has not confirmed; `conflict` when an administrator turns
 *   on what the person turned off.
 */
export async function changePreferences(
  tx: Tx,
  change: PreferenceChange,
  { clock, addressHash }: { clock: Clock; addressHash: AddressHash },
): Promise<{ on: Topic[]; off: Topic[] }> {
  const details = checkedDetails(change, clock.now());
  return tx.transaction(async (inner) => {
    const { subscriberId } = change;
    const subscriber = await lockSubscriber(inner, subscriberId);
    if (subscriber === undefined) throw notFound('subscriber', subscriberId);
    const differing = (wanted: boolean) =>
      TOPICS.filter(
        (topic) => change.topics?.[topic] === wanted && (subscriber.topics.get(topic) ?? false) !== wanted,
      );
    const [on, off] = [differing(true), differing(false)];
    if (on.length > 0) refuseTurningOn(subscriber, on, change.source);
    if (Object.keys(details).length > 0) {
      await inner
        .update(subscribers)
        .set({ ...details, updatedAt: clock.now() })
        .where(eq(subscribers.id, subscriberId));
      await wantPush(inner, [{ subscriberId, urgent: false }], { clock });
    }
    await recordConsent(inner, [...actsFor(change, off, 'withdrawn'), ...actsFor(change, on, 'given')], {
      clock,
    });
    if (on.length + off.length > 0) await followConsent(inner, [subscriberId], { clock });
    if (on.length > 0 && change.source === 'preferences') {
      await liftSuppression(
        inner,
        { normalised: subscriber.emailNormalised, reasons: ['complained'] },
        { addressHash },
      );
    }
    await excludePending(inner, subscriberId, { clock });
    return { on, off };
  });
}

function checkedDetails(change: PreferenceChange, now: Temporal.Instant) {
  const { pausedUntil } = change;
  if (pausedUntil != null) {
    if (Temporal.Instant.compare(pausedUntil, now) <= 0) {
      throw invalidInput({ field: 'pausedUntil', message: 'must be a date in the future' });
    }
    if (Temporal.Instant.compare(pausedUntil, now.add(LONGEST_PAUSE)) > 0) {
      throw invalidInput({ field: 'pausedUntil', message: 'must be within a year' });
    }
  }
  return {
    ...(pausedUntil === undefined ? {} : { pausedUntil }),
    ...(change.name === undefined ? {} : { name: parseName(change.name) ?? null }),
  };
}

function refuseTurningOn(
  subscriber: LockedSubscriber,
  on: readonly Topic[],
  source: PreferenceChange['source'],
): void {
  if (subscriber.state === 'removed') {
    throw new ConvenorError('wrong_state', 'This address was removed from the list. Please write to us.');
  }
  if (subscriber.state === 'unconfirmed') {
    throw new ConvenorError(
      'wrong_state',
      'The address is not confirmed yet: the link is in the first mail.',
    );
  }
  if (
    source === 'administrator' &&
    (subscriber.state === 'left' || on.some((t) => subscriber.topics.has(t)))
  ) {
    throw new ConvenorError(
      'conflict',
      'The person turned this off themselves; only they can turn it on again.',
    );
  }
}

function actsFor(
  change: PreferenceChange,
  topics: readonly Topic[],
  act: 'given' | 'withdrawn',
): ConsentAct[] {
  const { subscriberId, source, note, evidence } = change;
  return topics.map((topic) => {
    const wording = change.wordings?.[topic];
    return {
      subscriberId,
      topic,
      act,
      source,
      ...(wording === undefined ? {} : { wording }),
      ...(note === undefined ? {} : { note }),
      ...(evidence === undefined ? {} : { evidence }),
    };
  });
}
