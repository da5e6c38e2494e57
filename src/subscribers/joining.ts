import { and, desc, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { joinRequests, subscribers, TOPICS, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import { readSettings } from '../organisation/settings.ts';
import type { AddressHash } from './address-hash.ts';
import { recordConsent, type Evidence } from './consent-ledger.ts';
import { followConsent, lockSubscriber, topicsOn, type LockedSubscriber } from './consent-state.ts';
import { parseJoinForm, type JoinForm } from './join-form.ts';
import { wantPush } from './mailerlite-wanted.ts';
import { privacyNoticeText } from './privacy-notice.ts';
import { retainedUntil } from './retention-time.ts';
import { liftSuppression, suppressedAmong } from './suppressions.ts';
import { agreementsStillCount, currentWordings, keepVersion } from './wordings.ts';

export type JoinRequest = typeof joinRequests.$inferSelect;

/** A second form for one address within this time changes the first instead of sending a second mail. */
const MAIL_AT_MOST_EVERY = Temporal.Duration.from({ minutes: 15 });
const UNCONFIRMED_AT_MOST = { days: 14 };

/**
 * Takes in a form of the page to join. Nobody is on the list before the link in the mail is used. The answer is
 * the same whether or not the address is known: who is on the list gets a mail that says so, or, where mail to the
 * address came back or was reported as spam, the one that confirms; who was removed gets none and the administrators
 * are told.
 *
 * @throws ConvenorError `invalid_input` that names every field that is wrong.
 */
export async function startJoining(
  tx: Tx,
  { form, invitedBy, evidence }: { form: JoinForm; invitedBy?: string; evidence?: Evidence },
  { clock, addressHash }: { clock: Clock; addressHash: AddressHash },
): Promise<void> {
  const wanted = parseJoinForm(form);
  await tx.transaction(async (inner) => {
    const now = clock.now();
    // Before anybody's row is locked: a change of wording locks in this order, too.
    const settings = await readSettings(inner);
    const wordings = await currentWordings(inner, { clock });
    const privacy = await keepVersion(inner, 'privacy', privacyNoticeText(settings), { clock });
    const { normalised } = wanted.address;
    const suppressed = (await suppressedAmong(inner, [normalised], { addressHash })).get(normalised);
    if (suppressed === 'removed') {
      await tellAboutRemoved(inner, addressHash(normalised), { clock });
      return;
    }
    // The update changes nothing: it locks the row that is there, so that the person cannot be erased meanwhile.
    const [{ id } = { id: '' }] = await inner
      .insert(subscribers)
      .values({
        id: newId(now),
        email: wanted.address.email,
        emailNormalised: normalised,
        name: wanted.name ?? null,
        state: 'unconfirmed',
        createdAt: now,
        updatedAt: now,
      })
      .onConflictDoUpdate({
        target: subscribers.emailNormalised,
        set: { updatedAt: sql`${subscribers.updatedAt}` },
      })
      .returning({ id: subscribers.id });
    const subscriber = (await lockSubscriber(inner, id))!;
    if (subscriber.state === 'active' && suppressed === undefined) {
      await tellThatJoined(inner, id, { clock });
      return;
    }
    const values = {
      subscriberId: id,
      name: wanted.name ?? null,
      memberKind: wanted.memberKind,
      hcpcNumber: wanted.hcpcNumber ?? null,
      declarationWording: wordings.declaration.id,
      topics: [...wanted.topics],
      wordings: [...wanted.topics.map((topic) => wordings[topic].id), privacy.id],
      invitedBy: invitedBy === undefined ? null : await inviterStillThere(inner, invitedBy, id),
      ip: evidence?.ip ?? null,
      userAgent: evidence?.userAgent ?? null,
    };
    const request = await keepRequest(
      inner,
      values,
      now,
      retainedUntil(now, settings.retentionUnconfirmed ?? UNCONFIRMED_AT_MOST),
    );
    await queueServiceMail(
      inner,
      {
        kind: 'confirm-subscription',
        to: { kind: 'subscriber', subscriberId: id },
        data: { joinRequestId: request.id },
        dedupeKey: `confirm-subscription:${request.id}:${request.requestedAt.epochMilliseconds}`,
      },
      { clock },
    );
  });
}

/**
 * Keeps the request. One that is still open takes over the new choices; its time, and so its mail, is renewed
 * only after a while.
 */
async function keepRequest(
  tx: Tx,
  values: Omit<typeof joinRequests.$inferInsert, 'id' | 'requestedAt' | 'expiresAt'>,
  now: Temporal.Instant,
  expiresAt: Temporal.Instant,
): Promise<JoinRequest> {
  const [open] = await tx
    .select()
    .from(joinRequests)
    .where(
      and(
        eq(joinRequests.subscriberId, values.subscriberId),
        isNull(joinRequests.confirmedAt),
        gt(joinRequests.expiresAt, now),
      ),
    )
    .orderBy(desc(joinRequests.requestedAt))
    .limit(1);
  if (open === undefined) {
    const [made] = await tx
      .insert(joinRequests)
      .values({ ...values, id: newId(now), requestedAt: now, expiresAt })
      .returning();
    return made!;
  }
  const renewed = Temporal.Instant.compare(open.requestedAt.add(MAIL_AT_MOST_EVERY), now) <= 0;
  const [changed] = await tx
    .update(joinRequests)
    .set({ ...values, ...(renewed ? { requestedAt: now, expiresAt } : {}) })
    .where(eq(joinRequests.id, open.id))
    .returning();
  return changed!;
}

/** What the page behind the link shows. @throws ConvenorError `not_found` when the request is gone. */
export async function readJoinRequest(tx: Tx, id: string): Promise<JoinRequest> {
  const [found] = await tx.select().from(joinRequests).where(eq(joinRequests.id, id));
  if (found === undefined) throw notFound('request to join', id);
  return found;
}

/**
 * Confirms a request: the person who has the mail agrees to what the form said. A second use of the link changes
 * nothing, also when the person has left in the meantime.
 *
 * @returns the topics that mail comes about now, and whether this use made the difference.
 * @throws ConvenorError `not_found`; `wrong_state` when the request has expired, a text that it agrees to was replaced
 *   by one that earlier agreements do not cover, or the person was removed.
 */
export async function confirmJoining(
  tx: Tx,
  { requestId, evidence }: { requestId: string; evidence?: Evidence },
  { clock, addressHash }: { clock: Clock; addressHash: AddressHash },
): Promise<{ subscriberId: string; topics: Topic[]; confirmed: boolean }> {
  return tx.transaction(async (inner) => {
    const { subscriberId } = await readJoinRequest(inner, requestId);
    const subscriber = await lockSubscriber(inner, subscriberId);
    if (subscriber === undefined) throw notFound('request to join', requestId);
    const request = await readJoinRequest(inner, requestId);
    if (request.confirmedAt !== null) return { subscriberId, topics: topicsOn(subscriber), confirmed: false };
    const now = clock.now();
    if (Temporal.Instant.compare(request.expiresAt, now) <= 0) {
      throw new ConvenorError('wrong_state', 'This link has expired. Please fill in the form again.');
    }
    if (!(await agreementsStillCount(inner, request.wordings))) {
      throw new ConvenorError(
        'wrong_state',
        'The text that you would agree to has changed since you asked. Please read it and fill in the form again.',
      );
    }
    const { emailNormalised } = subscriber;
    const suppressed = (await suppressedAmong(inner, [emailNormalised], { addressHash })).get(
      emailNormalised,
    );
    if (subscriber.state === 'removed' || suppressed === 'removed') {
      throw new ConvenorError('wrong_state', 'This address was removed from the list. Please write to us.');
    }
    await inner.update(joinRequests).set({ confirmedAt: now }).where(eq(joinRequests.id, requestId));
    await inner
      .update(subscribers)
      .set({
        ...(request.name === null ? {} : { name: request.name }),
        ...(request.hcpcNumber === null ? {} : { hcpcNumber: request.hcpcNumber }),
        memberKind: request.memberKind,
        declaredAt: now,
        declarationWording: request.declarationWording,
        invitedBy: request.invitedBy,
        confirmedAt: now,
        updatedAt: now,
      })
      .where(eq(subscribers.id, subscriberId));
    await liftSuppression(
      inner,
      { normalised: emailNormalised, reasons: ['bounced', 'complained', 'erased'] },
      { addressHash },
    );
    await recordAgreement(inner, request, subscriber, evidence, { clock });
    await wantPush(inner, [{ subscriberId, urgent: false }], { clock });
    await followConsent(inner, [subscriberId], { clock });
    await queueServiceMail(
      inner,
      {
        kind: 'welcome',
        to: { kind: 'subscriber', subscriberId },
        data: { joinRequestId: requestId },
        dedupeKey: `welcome:${requestId}`,
      },
      { clock },
    );
    const on = new Set([...topicsOn(subscriber), ...request.topics]);
    return { subscriberId, topics: TOPICS.filter((topic) => on.has(topic)), confirmed: true };
  });
}

async function recordAgreement(
  tx: Tx,
  request: JoinRequest,
  subscriber: LockedSubscriber,
  evidence: Evidence | undefined,
  { clock }: { clock: Clock },
): Promise<void> {
  const wordingOf = (key: string) => request.wordings.find((id) => id.startsWith(`${key}@`));
  const note = `asked on ${request.requestedAt.toString()}, confirmed by the link in a mail; was shown ${wordingOf('privacy')}`;
  await recordConsent(
    tx,
    request.topics
      .filter((topic) => subscriber.topics.get(topic) !== true)
      .map((topic) => {
        const wording = wordingOf(topic);
        return {
          subscriberId: subscriber.id,
          topic,
          act: 'given',
          source: 'form',
          note,
          ...(wording === undefined ? {} : { wording }),
          ...(evidence === undefined ? {} : { evidence }),
        };
      }),
    { clock },
  );
}

/** Once a day at most: the address could be typed in by anybody. */
async function tellThatJoined(tx: Tx, subscriberId: string, { clock }: { clock: Clock }): Promise<void> {
  await queueServiceMail(
    tx,
    {
      kind: 'already-joined',
      to: { kind: 'subscriber', subscriberId },
      data: {},
      dedupeKey: `already-joined:${subscriberId}:${today(clock)}`,
    },
    { clock },
  );
}

/** The person may have been erased since: then only the hash of the address is left. */
async function tellAboutRemoved(tx: Tx, hash: string, { clock }: { clock: Clock }): Promise<void> {
  await queueServiceMail(
    tx,
    {
      kind: 'removed-asks-to-join',
      to: { kind: 'administrators' },
      data: {},
      dedupeKey: `removed-asks-to-join:${hash}:${today(clock)}`,
    },
    { clock },
  );
}

function today(clock: Clock): string {
  return clock.now().toString().slice(0, 10);
}

async function inviterStillThere(tx: Tx, inviter: string, joining: string): Promise<string | null> {
  const [found] = await tx
    .select({ id: subscribers.id })
    .from(subscribers)
    .where(and(eq(subscribers.id, inviter), eq(subscribers.state, 'active')));
  return found === undefined || found.id === joining ? null : found.id;
}
