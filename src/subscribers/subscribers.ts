import { asc, eq, getTableColumns, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { subscribers, TOPICS, topicSubscriptions, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import type { AddressHash } from './address-hash.ts';
import { recordConsent } from './consent-ledger.ts';
import { excludePending, lockSubscriber, topicsOn } from './consent-state.ts';
import { enrol } from './enrol.ts';
import { wantPush } from './mailerlite-wanted.ts';
import { parseHcpcNumber, parseMemberKind, parseName } from './members.ts';
import {
  liftSuppression,
  SUPPRESSION_WORDS,
  suppressAddress,
  suppressedAmong,
  type SuppressionReason,
} from './suppressions.ts';
import { parseTopics } from './topics.ts';

const { search: _, ...COLUMNS } = getTableColumns(subscribers);

/** A person on the list, or who was: with the topics they get mail about. */
export type Subscriber = Omit<typeof subscribers.$inferSelect, 'search'> & {
  readonly topics: readonly Topic[];
  /** Why nothing is mailed to the address, whatever the topics say. */
  readonly suppressed: SuppressionReason | null;
};

export interface SubscriberContext {
  readonly clock: Clock;
  readonly actor: Actor;
  readonly addressHash: AddressHash;
}

/**
 * The subscriber with this id or address, whatever the state.
 *
 * @param idOrEmail a UUID, or an address in any spelling.
 */
export async function findSubscriber(tx: Tx, idOrEmail: string): Promise<Subscriber | undefined> {
  const [row] = await tx.select(COLUMNS).from(subscribers).where(whereIs(idOrEmail));
  if (row === undefined) return undefined;
  const topics = await tx
    .select({ topic: topicSubscriptions.topic })
    .from(topicSubscriptions)
    .where(sql`${topicSubscriptions.subscriberId} = ${row.id} and ${topicSubscriptions.subscribed}`)
    .orderBy(asc(topicSubscriptions.topic));
  const [suppression] = await rows<{ reason: SuppressionReason }>(
    tx,
    sql`select x.reason from suppressions x where x.email_normalised = ${row.emailNormalised}`,
  );
  const on = new Set(topics.map(({ topic }) => topic));
  return { ...row, topics: TOPICS.filter((topic) => on.has(topic)), suppressed: suppression?.reason ?? null };
}

/** Like `findSubscriber`. @throws ConvenorError `not_found`. */
export async function getSubscriber(tx: Tx, idOrEmail: string): Promise<Subscriber> {
  const found = await findSubscriber(tx, idOrEmail);
  if (found === undefined) throw notFound('subscriber', idOrEmail);
  return found;
}

/**
 * Puts one person on the list on the administrator's word.
 *
 * @param input `note` says how the person agreed ("signed the sheet at the meeting of 2 June"); topics default to
 *   meetings.
 * @throws ConvenorError `invalid_input`; `conflict` when the address is on the list, or may not be put on it.
 */
export async function addSubscriber(
  tx: Tx,
  input: {
    email: string;
    name?: string;
    memberKind?: string;
    hcpcNumber?: string;
    topics?: readonly string[];
    note?: string;
  },
  { clock, actor, addressHash }: SubscriberContext,
): Promise<Subscriber> {
  const address = parseEmailAddress(input.email);
  const name = parseName(input.name ?? '');
  const topics = parseTopics(input.topics ?? ['meetings']);
  return tx.transaction(async (inner) => {
    const before = (await findSubscriber(inner, address.normalised))?.state;
    const [outcome] = await enrol(
      inner,
      [
        {
          address,
          topics,
          note: input.note ?? 'entered by an administrator',
          ...(name === undefined ? {} : { name }),
          ...(input.memberKind ? { memberKind: parseMemberKind(input.memberKind) } : {}),
          ...(input.hcpcNumber ? { hcpcNumber: parseHcpcNumber(input.hcpcNumber) } : {}),
        },
      ],
      { source: 'administrator', clock, addressHash },
    );
    if (outcome!.result === 'rejected') {
      throw new ConvenorError('conflict', `This address cannot be added: ${outcome!.reason}.`);
    }
    // Whoever adds the same address at the same moment finds it here, after waiting for the other.
    if (outcome!.result !== 'added' && before !== 'unconfirmed') {
      throw new ConvenorError('conflict', 'This address is on the list already.');
    }
    await recordAudit(
      inner,
      { actor, action: 'subscriber.added', subject: outcome!.subscriberId, after: { topics } },
      { clock },
    );
    return getSubscriber(inner, outcome!.subscriberId);
  });
}

/**
 * Corrects what is known of a person. Their agreement stays with them when the address changes.
 *
 * @throws ConvenorError `invalid_input`, `not_found`; `conflict` when the new address belongs to somebody else or
 *   is on the do-not-mail list.
 */
export async function updateSubscriber(
  tx: Tx,
  { id, ...change }: { id: string; email?: string; name?: string; memberKind?: string; hcpcNumber?: string },
  { clock, actor, addressHash }: SubscriberContext,
): Promise<Subscriber> {
  const address = change.email === undefined ? undefined : parseEmailAddress(change.email);
  const values = {
    ...(address === undefined ? {} : { email: address.email, emailNormalised: address.normalised }),
    ...(change.name === undefined ? {} : { name: parseName(change.name) ?? null }),
    ...(change.memberKind === undefined
      ? {}
      : { memberKind: change.memberKind === '' ? null : parseMemberKind(change.memberKind) }),
    ...(change.hcpcNumber === undefined
      ? {}
      : { hcpcNumber: change.hcpcNumber === '' ? null : parseHcpcNumber(change.hcpcNumber) }),
  };
  return tx.transaction(async (inner) => {
    const before = await lockSubscriber(inner, id);
    if (before === undefined) throw notFound('subscriber', id);
    if (address !== undefined && address.normalised !== before.emailNormalised) {
      await refuseTaken(inner, address.normalised, addressHash);
    }
    await inner
      .update(subscribers)
      .set({ ...values, updatedAt: clock.now() })
      .where(eq(subscribers.id, id));
    await wantPush(inner, [{ subscriberId: id, urgent: false }], { clock });
    await recordAudit(
      inner,
      { actor, action: 'subscriber.changed', subject: id, after: { fields: Object.keys(change) } },
      { clock },
    );
    return getSubscriber(inner, id);
  });
}

/**
 * Removes somebody at once: every topic is withdrawn, nothing that is still to go out reaches them, and the
 * address cannot come back by import, synchronisation or form. Their record stays until it is erased.
 *
 * @throws ConvenorError `invalid_input` without a reason; `not_found`.
 */
export async function removeSubscriber(
  tx: Tx,
  { id, reason }: { id: string; reason: string },
  { clock, actor, addressHash }: SubscriberContext,
): Promise<Subscriber> {
  const detail = reason.trim();
  if (detail === '') throw invalidInput({ field: 'reason', message: 'must say why the person is removed' });
  return tx.transaction(async (inner) => {
    const subscriber = await lockSubscriber(inner, id);
    if (subscriber === undefined) throw notFound('subscriber', id);
    if (subscriber.state !== 'removed') {
      const now = clock.now();
      await recordConsent(
        inner,
        topicsOn(subscriber).map((topic) => ({
          subscriberId: id,
          topic,
          act: 'withdrawn',
          source: 'administrator',
          note: 'removed by an administrator',
        })),
        { clock },
      );
      await inner
        .update(subscribers)
        .set({ state: 'removed', leftAt: now, updatedAt: now })
        .where(eq(subscribers.id, id));
      await suppressAddress(
        inner,
        { normalised: subscriber.emailNormalised, reason: 'removed', detail },
        { clock, addressHash },
      );
      await excludePending(inner, id, { clock });
      await wantPush(inner, [{ subscriberId: id, urgent: true }], { clock });
      const before = { state: subscriber.state, topics: topicsOn(subscriber) };
      const after = { state: 'removed', topics: [] };
      await recordAudit(
        inner,
        { actor, action: 'subscriber.removed', subject: id, before, after },
        { clock },
      );
    }
    return getSubscriber(inner, id);
  });
}

/**
 * Takes back a removal or says that an address takes mail again. It gives no agreement: who was removed counts
 * as having left and may join again.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when nothing an administrator may lift stands in the way.
 */
export async function allowAgain(
  tx: Tx,
  { id }: { id: string },
  { clock, actor, addressHash }: SubscriberContext,
): Promise<Subscriber> {
  return tx.transaction(async (inner) => {
    const subscriber = await lockSubscriber(inner, id);
    if (subscriber === undefined) throw notFound('subscriber', id);
    const lifted = await liftSuppression(
      inner,
      { normalised: subscriber.emailNormalised, reasons: ['removed', 'bounced'] },
      { addressHash },
    );
    if (!lifted) {
      throw new ConvenorError('wrong_state', 'There is no removal or bounce that could be taken back.');
    }
    if (subscriber.state === 'removed') {
      await inner
        .update(subscribers)
        .set({ state: 'left', updatedAt: clock.now() })
        .where(eq(subscribers.id, id));
    }
    await wantPush(inner, [{ subscriberId: id, urgent: false }], { clock });
    const after = await getSubscriber(inner, id);
    await recordAudit(
      inner,
      {
        actor,
        action: 'subscriber.allowed_again',
        subject: id,
        before: { state: subscriber.state, mailed: false },
        after: { state: after.state, mailed: true },
      },
      { clock },
    );
    return after;
  });
}

async function refuseTaken(tx: Tx, normalised: string, addressHash: AddressHash): Promise<void> {
  if ((await findSubscriber(tx, normalised)) !== undefined) {
    throw new ConvenorError('conflict', 'Another subscriber has this address.');
  }
  const reason = (await suppressedAmong(tx, [normalised], { addressHash })).get(normalised);
  if (reason !== undefined) {
    throw new ConvenorError('conflict', `This address cannot be used: ${SUPPRESSION_WORDS[reason]}.`);
  }
}

function whereIs(idOrEmail: string) {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(idOrEmail)) return eq(subscribers.id, idOrEmail);
  return eq(subscribers.emailNormalised, parseEmailAddress(idOrEmail).normalised);
}
