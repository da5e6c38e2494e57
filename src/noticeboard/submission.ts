import { and, eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { items, itemSubmitters } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EmailAddress } from '../kernel/email-address.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { Settings } from '../organisation/settings.ts';
import { retainedUntil } from '../subscribers/retention-time.ts';
import { mostAlike } from './duplicates.ts';
import type { ItemInput } from './item-input.ts';
import { insertItem, lockItem, moveItem, SUBMITTER, writeItemChange, type Item } from './items.ts';
import { acceptedTerms } from './terms.ts';

interface Context {
  readonly clock: Clock;
}

/** Items of one address that may wait for confirmation at a time: the form must not flood somebody's mailbox. */
const MOST_UNCONFIRMED = 5;

const LONGEST_ANSWER = 2000;

/** How long a link to confirm works when unconfirmed items are kept for good. */
const CONFIRM_AT_MOST = { days: 30 };

/** Until when whoever handed an item in can confirm it. */
export function confirmableUntil(
  item: Pick<Item, 'createdAt'>,
  settings: Pick<Settings, 'retentionItemsUnconfirmed'>,
): Temporal.Instant {
  return retainedUntil(item.createdAt, settings.retentionItemsUnconfirmed ?? CONFIRM_AT_MOST);
}

/**
 * Takes in a form of the noticeboard. Nobody sees the item before the link in the mail to the address is used.
 *
 * @param input as `parseItemInput` gives it.
 * @param terms `id` of the terms of business that were accepted, as `termsFor` gave it to the form.
 * @throws ConvenorError `invalid_input` (field `terms`); `too_many_requests`.
 */
export async function submitItem(
  tx: Tx,
  {
    input,
    submitter,
    terms = null,
  }: {
    input: ItemInput;
    submitter: { name?: string | undefined; address: EmailAddress };
    terms?: string | null;
  },
  { clock, settings }: Context & { settings: Pick<Settings, 'vacancyTerms'> },
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const accepted = await acceptedTerms(inner, input.kind, terms, settings, { clock });
    await refuseFlood(inner, submitter.address);
    const { item } = await insertItem(
      inner,
      input,
      {
        state: 'submitted',
        ...(accepted === null
          ? {}
          : { terms: accepted, termsAcceptedAt: clock.now(), termsAcceptedHow: 'with the form' }),
      },
      { clock, actor: SUBMITTER },
    );
    await inner.insert(itemSubmitters).values({
      itemId: item.id,
      name: submitter.name ?? null,
      email: submitter.address.email,
      emailNormalised: submitter.address.normalised,
    });
    await queueServiceMail(
      inner,
      {
        kind: 'confirm-item',
        to: { kind: 'address', address: submitter.address.email },
        data: { itemId: item.id },
        dedupeKey: `confirm-item:${item.id}`,
      },
      { clock },
    );
    return item;
  });
}

async function refuseFlood(tx: Tx, { normalised }: EmailAddress): Promise<void> {
  const waiting = await tx
    .select({ one: sql`1` })
    .from(items)
    .innerJoin(itemSubmitters, eq(itemSubmitters.itemId, items.id))
    .where(and(eq(itemSubmitters.emailNormalised, normalised), eq(items.state, 'submitted')))
    .limit(MOST_UNCONFIRMED);
  if (waiting.length < MOST_UNCONFIRMED) return;
  throw new ConvenorError(
    'too_many_requests',
    'Several items of this address wait to be confirmed. Please use the links in our mails first.',
  );
}

/**
 * Confirms an item: the person who has the mail handed it in. It goes to the administrators, who are told. A second
 * use of the link changes nothing.
 *
 * @throws ConvenorError `not_found` when it was removed because nobody confirmed it in time.
 */
export async function confirmItem(tx: Tx, id: string, { clock }: Context): Promise<Item> {
  return tx.transaction(async (inner) => {
    const [locked] = await inner.select().from(items).where(eq(items.id, id)).for('update');
    if (!locked) {
      throw new ConvenorError(
        'not_found',
        'This was not confirmed in time and has been removed. Please hand it in again.',
      );
    }
    if (locked.state !== 'submitted') return locked;
    const duplicateOf = (await mostAlike(inner, locked, { clock }))?.id ?? null;
    const { item, reviewId } = await moveItem(
      inner,
      locked,
      { act: 'confirmed', values: { state: 'awaiting_review', confirmedAt: clock.now(), duplicateOf } },
      { clock, actor: SUBMITTER },
    );
    await askForReview(inner, item, reviewId, { clock });
    return item;
  });
}

/**
 * Answers a question of the administrator, with new details where they are given. The item waits for a decision
 * again, and the administrators are told.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when no question is open; `invalid_input` (field `answer`).
 */
export async function answerQuestion(
  tx: Tx,
  id: string,
  { answer, input }: { answer: string; input?: ItemInput },
  { clock }: Context,
): Promise<Item> {
  const text = answer.replaceAll('\r\n', '\n').trim();
  if (text === '') throw invalidInput({ field: 'answer', message: 'must not be empty' });
  if (text.length > LONGEST_ANSWER) {
    throw invalidInput({ field: 'answer', message: `must have at most ${LONGEST_ANSWER} characters` });
  }
  return tx.transaction(async (inner) => {
    const locked = await lockItem(inner, id, { allowed: ['asked'], toDo: 'answered' });
    const context = { clock, actor: SUBMITTER };
    const current = input ? await writeItemChange(inner, locked, input, context) : locked;
    const { item, reviewId } = await moveItem(
      inner,
      current,
      { act: 'answered', text, values: { state: 'awaiting_review' } },
      context,
    );
    await askForReview(inner, item, reviewId, { clock });
    return item;
  });
}

async function askForReview(tx: Tx, item: Item, reviewId: string, { clock }: Context): Promise<void> {
  await queueServiceMail(
    tx,
    {
      kind: 'item-review',
      to: { kind: 'administrators' },
      data: { itemId: item.id },
      dedupeKey: `item-review:${reviewId}`,
    },
    { clock },
  );
}
