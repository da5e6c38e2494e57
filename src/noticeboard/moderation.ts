import { and, desc, eq, isNotNull } from 'drizzle-orm';
import type { z } from 'zod';
import type { Tx } from '../db/open.ts';
import { items } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import { line, paragraph } from '../organisation/setting-types.ts';
import type { Settings } from '../organisation/settings.ts';
import { mostAlike } from './duplicates.ts';
import type { ItemInput } from './item-input.ts';
import { findSubmitter, insertItem, lockItem, moveItem, SUBMITTER, type Item } from './items.ts';
import { termsFor } from './terms.ts';

export interface ModerationContext {
  readonly clock: Clock;
  readonly actor: Actor;
}

type TermsContext = ModerationContext & { readonly settings: Pick<Settings, 'vacancyTerms'> };

/** What an administrator agrees to with an item. */
export interface Agreement {
  /** On what terms it is published, in a sentence: "Free of charge; the group gives no recommendation." */
  readonly agreement: string;
  /** How the terms of business were accepted, when not with the form: "by e-mail on 3 May". */
  readonly termsAcceptedHow?: string | undefined;
}

/** What is told to whoever handed an item in. */
export const ITEM_DECISIONS = ['approved', 'rejected', 'asked', 'withdrawn'] as const;
export type ItemDecision = (typeof ITEM_DECISIONS)[number];

const WAITING = ['awaiting_review', 'asked'] as const;

/**
 * Puts an item on the noticeboard and keeps the administrator's agreement with it: who, when, on what terms. Whoever
 * handed it in is told.
 *
 * @param seen the `sequence` of the item as the administrator saw it; left out, any will do.
 * @throws ConvenorError `not_found`; `wrong_state` also when its last day is over; `conflict`; `invalid_input`
 *   (fields `agreement`, `termsAcceptedHow`).
 */
export async function approveItem(
  tx: Tx,
  id: string,
  { agreement, termsAcceptedHow, seen }: Agreement & { seen?: number | undefined },
  context: TermsContext,
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const { clock } = context;
    const locked = await lockItem(inner, id, { allowed: WAITING, toDo: 'approved', seen });
    if (Temporal.Instant.compare(locked.openUntil, clock.now()) <= 0) {
      throw new ConvenorError('wrong_state', 'Its last day is over, so it cannot be approved.');
    }
    const terms = locked.terms
      ? {}
      : await termsAcceptedElsewhere(inner, locked.kind, termsAcceptedHow, context);
    return decide(
      inner,
      locked,
      'approved',
      agreementText(agreement),
      { ...agreedValues(agreement, context), ...terms, stateReason: null },
      context,
    );
  });
}

/**
 * Puts an administrator's own item on the noticeboard.
 *
 * @param input as `parseItemInput` gives it.
 * @throws ConvenorError `invalid_input` (fields `agreement`, `termsAcceptedHow`).
 */
export async function addItem(
  tx: Tx,
  { input, agreement, termsAcceptedHow }: Agreement & { input: ItemInput },
  context: TermsContext,
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const { item } = await insertItem(
      inner,
      input,
      {
        state: 'approved',
        ...agreedValues(agreement, context),
        ...(await termsAcceptedElsewhere(inner, input.kind, termsAcceptedHow, context)),
        duplicateOf: (await mostAlike(inner, { id: NO_ITEM, ...input }, context))?.id ?? null,
      },
      context,
    );
    const entry = {
      actor: context.actor,
      action: 'item.added',
      subject: item.id,
      after: { title: item.title },
    };
    await recordAudit(inner, entry, context);
    return item;
  });
}

/** Stands for an item that has no id yet. */
const NO_ITEM = '00000000-0000-8000-8000-000000000000';

/**
 * Asks whoever handed an item in a question, by mail with a link to answer.
 *
 * @throws ConvenorError `not_found`; `wrong_state` also when nobody is there to ask; `invalid_input` (field `question`).
 */
export async function askSubmitter(
  tx: Tx,
  id: string,
  question: string,
  context: ModerationContext,
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const locked = await lockItem(inner, id, { allowed: WAITING, toDo: 'asked about' });
    if (!(await findSubmitter(inner, id))) {
      throw new ConvenorError('wrong_state', 'There is no address to send the question to.');
    }
    return decide(inner, locked, 'asked', checkedText('question', question), {}, context);
  });
}

/**
 * Turns an item down. Whoever handed it in is told why.
 *
 * @throws ConvenorError `not_found`; `wrong_state`; `invalid_input` (field `reason`).
 */
export async function rejectItem(
  tx: Tx,
  id: string,
  reason: string,
  context: ModerationContext,
): Promise<Item> {
  return tx.transaction(async (inner) => {
    const locked = await lockItem(inner, id, { allowed: WAITING, toDo: 'rejected' });
    return decide(inner, locked, 'rejected', checkedText('reason', reason), {}, context);
  });
}

/**
 * Takes a locked item down. SEQUENCE rises, since its calendar entries are called off. Whoever handed it in is told
 * when it was not their own act.
 */
export async function markWithdrawn(
  tx: Tx,
  item: Item,
  reason: string,
  context: ModerationContext,
): Promise<Item> {
  return decide(tx, item, 'withdrawn', reason.trim(), { sequence: item.sequence + 1 }, context);
}

/** Moves an item on, notes it, and queues the mail to whoever handed it in. */
async function decide(
  tx: Tx,
  item: Item,
  decision: ItemDecision,
  text: string,
  values: Partial<Item>,
  { clock, actor }: ModerationContext,
): Promise<Item> {
  const { item: moved, reviewId } = await moveItem(
    tx,
    item,
    { act: decision, text, values: { ...values, state: decision } },
    { clock, actor },
  );
  if (actor === SUBMITTER) return moved;
  await recordAudit(
    tx,
    { actor, action: `item.${decision}`, subject: item.id, before: item.state, after: decision },
    { clock },
  );
  const submitter = await findSubmitter(tx, item.id);
  if (submitter) {
    await queueServiceMail(
      tx,
      {
        kind: 'item-decision',
        to: { kind: 'address', address: submitter.email },
        data: { reviewId },
        dedupeKey: `item-decision:${reviewId}`,
      },
      { clock },
    );
  }
  return moved;
}

function agreedValues(agreement: string, { clock, actor }: ModerationContext) {
  return { agreedAt: clock.now(), agreedBy: actor, agreement: agreementText(agreement) };
}

const agreementText = (text: string) => checked('agreement', line(500), text);

const checkedText = (field: string, text: string) => checked(field, paragraph(2000, 1), text);

function checked<T>(field: string, schema: z.ZodType<T, string>, text: string): T {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw invalidInput({ field, message: result.error.issues[0]!.message });
}

/** @throws ConvenorError `invalid_input` when terms go with the kind and nothing says how they were accepted. */
async function termsAcceptedElsewhere(
  tx: Tx,
  kind: Item['kind'],
  how: string | undefined,
  { clock, settings }: TermsContext,
): Promise<Partial<Item>> {
  const terms = await termsFor(tx, kind, settings, { clock });
  if (!terms) return {};
  if (how === undefined || how.trim() === '') {
    throw invalidInput({
      field: 'termsAcceptedHow',
      message: 'must say how the employer accepted the terms of business (example: by e-mail on 3 May)',
    });
  }
  return {
    terms: terms.id,
    termsAcceptedAt: clock.now(),
    termsAcceptedHow: checked('termsAcceptedHow', line(200), how),
  };
}

/** On what terms an item of a kind was last agreed to: what an administrator will most likely want to say again. */
export async function latestAgreement(tx: Tx, kind: Item['kind']): Promise<string> {
  const [latest] = await tx
    .select({ agreement: items.agreement })
    .from(items)
    .where(and(eq(items.kind, kind), isNotNull(items.agreedAt)))
    .orderBy(desc(items.agreedAt))
    .limit(1);
  return latest?.agreement ?? '';
}
