import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { TOPICS, type ConsentSource, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { recordConsent, type Evidence } from './consent-ledger.ts';
import { excludePending, followConsent, lockSubscriber, type LockedSubscriber } from './consent-state.ts';
import { noteLeftAgain } from './mailerlite-wanted.ts';

export interface OptOutResult {
  /** The topics that this act turned off; none when they were off already. */
  readonly withdrawn: readonly Topic[];
  /** The topics that are still on. */
  readonly remaining: readonly Topic[];
  /** Messages that were still to go out and now do not. */
  readonly excluded: number;
}

/** How long an answer to an opt-out waits for a message that is in the hands of a worker, and how often it looks. */
const PATIENCE_MS = 3_000;
const LOOK_EVERY_MS = 50;

/** How long an undo takes back the last act of leaving. Later the preferences page does. */
const UNDO_WITHIN = Temporal.Duration.from({ hours: 24 });

/**
 * Turns a topic, or everything, off for a person. When the transaction ends it holds in the ledger, in the list
 * and for every message not yet handed over. Doing it again changes nothing, and somebody who was erased is no
 * error: there is nothing left to turn off.
 */
export async function unsubscribe(
  tx: Tx,
  {
    subscriberId,
    topic,
    source,
    note,
    evidence,
  }: {
    subscriberId: string;
    topic: Topic | 'all';
    source: ConsentSource;
    note?: string;
    evidence?: Evidence;
  },
  { clock }: { clock: Clock },
): Promise<OptOutResult> {
  return tx.transaction(async (inner) => {
    const subscriber = await lockSubscriber(inner, subscriberId);
    if (subscriber === undefined) return { withdrawn: [], remaining: [], excluded: 0 };
    const withdrawn = toWithdraw(subscriber, topic);
    if (withdrawn.length > 0) {
      await recordConsent(
        inner,
        withdrawn.map((each) => ({
          subscriberId,
          topic: each,
          act: 'withdrawn',
          source,
          ...(note === undefined ? {} : { note }),
          ...(evidence === undefined ? {} : { evidence }),
        })),
        { clock },
      );
      await followConsent(inner, [subscriberId], { clock });
    } else if (topic === 'all' && subscriber.state === 'left') {
      await noteLeftAgain(inner, subscriberId, { clock });
    }
    return {
      withdrawn,
      remaining: TOPICS.filter((each) => subscriber.topics.get(each) === true && !withdrawn.includes(each)),
      excluded: await excludePending(inner, subscriberId, { clock }),
    };
  });
}

/**
 * Waits until no message to a person is being handed over. Called after the transaction of an opt-out and before
 * its answer, so that nothing arrives after the answer; a hand-over that takes longer than that is not waited for.
 *
 * @returns whether nothing is under way any more.
 */
export async function whenNothingIsUnderWay(
  tx: Tx,
  subscriberId: string,
  { patienceMs = PATIENCE_MS }: { patienceMs?: number } = {},
): Promise<boolean> {
  for (let waited = 0; await isUnderWay(tx, subscriberId); waited += LOOK_EVERY_MS) {
    if (waited >= patienceMs) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}

async function isUnderWay(tx: Tx, subscriberId: string): Promise<boolean> {
  const found = await rows(
    tx,
    sql`select d.id from deliveries d where d.subscriber_id = ${subscriberId} and d.state = 'sending' limit 1`,
  );
  return found.length > 0;
}

/**
 * What an opt-out has to write down. From everything: what is on; for somebody with nothing on who has not left
 * (they never confirmed), every topic, so that the refusal is on record.
 */
function toWithdraw(subscriber: LockedSubscriber, topic: Topic | 'all'): Topic[] {
  if (topic !== 'all') return subscriber.topics.get(topic) === false ? [] : [topic];
  const on = TOPICS.filter((each) => subscriber.topics.get(each) === true);
  if (on.length > 0 || subscriber.state === 'left' || subscriber.state === 'removed') return on;
  return TOPICS.filter((each) => subscriber.topics.get(each) !== false);
}

/**
 * Takes back a person's last act of leaving, on their own click within a day: what it turned off is on again,
 * under the wording they had agreed to.
 *
 * @returns the topics that were turned on; none when they are on already.
 * @throws ConvenorError `wrong_state` when there is nothing of the last day to take back, or an administrator
 *   removed the person.
 */
export async function undoUnsubscribe(
  tx: Tx,
  {
    subscriberId,
    source,
    evidence,
  }: { subscriberId: string; source: 'unsubscribe_page' | 'preferences'; evidence?: Evidence },
  { clock }: { clock: Clock },
): Promise<Topic[]> {
  return tx.transaction(async (inner) => {
    const subscriber = await lockSubscriber(inner, subscriberId);
    if (subscriber === undefined || subscriber.state === 'removed') {
      throw new ConvenorError('wrong_state', 'This cannot be taken back here. Please write to us.');
    }
    const last = await lastWithdrawal(inner, subscriberId, clock.now().subtract(UNDO_WITHIN));
    const restored = last.filter(({ topic }) => subscriber.topics.get(topic) !== true);
    if (last.length === 0) {
      throw new ConvenorError(
        'wrong_state',
        'There is nothing of the last day to take back. Choose what you want on the preferences page.',
      );
    }
    await recordConsent(
      inner,
      restored.map(({ topic, wording }) => ({
        subscriberId,
        topic,
        act: 'given',
        source,
        note: 'took back leaving',
        ...(wording === null ? {} : { wording }),
        ...(evidence === undefined ? {} : { evidence }),
      })),
      { clock },
    );
    if (restored.length > 0) await followConsent(inner, [subscriberId], { clock });
    return restored.map(({ topic }) => topic);
  });
}

/** The topics that the person's newest act of leaving turned off, if it was theirs and is recent enough. */
function lastWithdrawal(
  tx: Tx,
  subscriberId: string,
  since: Temporal.Instant,
): Promise<{ topic: Topic; wording: string | null }[]> {
  return rows(
    tx,
    sql`with newest as (
        select max(e.at) as at from consent_events e
        where e.subscriber_id = ${subscriberId} and e.act = 'withdrawn'
      )
      select e.topic, (
          select g.wording from consent_events g
          where g.subscriber_id = e.subscriber_id and g.topic = e.topic and g.act = 'given' and g.seq < e.seq
          order by g.seq desc limit 1
        ) as wording
      from consent_events e join newest on newest.at = e.at
      where e.subscriber_id = ${subscriberId} and e.act = 'withdrawn'
        and e.source in ('one_click', 'unsubscribe_page', 'preferences')
        and e.at >= ${since.toString()}::timestamptz
        and exists (
          select 1 from consent_events g
          where g.subscriber_id = e.subscriber_id and g.topic = e.topic and g.act = 'given' and g.seq < e.seq
        )
        -- An agreement that the new text does not cover would have lapsed.
        and not exists (
          select 1 from consent_wordings w
          where w.key = e.topic and not w.covers_earlier and w.created_at >= e.at
        )
      order by e.seq`,
  );
}
