/** Deciding about an item: the same forms for an administrator who is signed in and for one with a link from a mail. */
import type { FastifyRequest } from 'fastify';
import { formatDateTime } from '../../calendar/format.ts';
import type { Db } from '../../db/open.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { possibleDuplicates } from '../../noticeboard/duplicates.ts';
import { findSubmitter, itemHistory, type Item } from '../../noticeboard/items.ts';
import {
  approveItem,
  askSubmitter,
  latestAgreement,
  rejectItem,
  type ModerationContext,
} from '../../noticeboard/moderation.ts';
import { acceptedTermsText, termsFor } from '../../noticeboard/terms.ts';
import type { Settings } from '../../organisation/settings.ts';
import { actorNames } from '../actors.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { withSentences } from '../public/open-form.ts';
import { historyView, itemRow, itemView } from './item-views.ts';

const LABELS = {
  agreement: 'The agreement',
  termsAcceptedHow: 'You',
  question: 'The question',
  reason: 'The reason',
};

type Context = ModerationContext & { readonly settings: Settings };

/** What was decided, as a sentence for whoever decided. */
const DONE = {
  approve: 'It is on the noticeboard now.',
  ask: 'The question is on its way. You get a mail with the answer.',
  reject: 'It is turned down.',
} as const;

/**
 * Does what the form says.
 *
 * @returns the sentence to show, or the form again with what is wrong.
 * @throws ConvenorError as `approveItem`, `askSubmitter` and `rejectItem` do, when it is not about the input.
 */
export async function decideByForm(
  db: Db,
  request: FastifyRequest,
  itemId: string,
  context: Context,
): Promise<{ readonly done: string } | { readonly form: FormModel }> {
  const act = field(request, 'act');
  const values = {
    agreement: field(request, 'agreement'),
    termsAcceptedHow: field(request, 'termsAcceptedHow'),
    question: field(request, 'question'),
    reason: field(request, 'reason'),
  };
  const seen = Number.parseInt(field(request, 'seen'), 10);
  try {
    switch (act) {
      case 'approve':
        await approveItem(
          db,
          itemId,
          {
            agreement: values.agreement,
            termsAcceptedHow: values.termsAcceptedHow,
            seen: Number.isNaN(seen) ? undefined : seen,
          },
          context,
        );
        break;
      case 'ask':
        await askSubmitter(db, itemId, values.question, context);
        break;
      case 'reject':
        await rejectItem(db, itemId, values.reason, context);
        break;
      default:
        throw new ConvenorError('invalid_input', 'Say what to do: approve, ask or turn down.');
    }
  } catch (error) {
    const form = withSentences(rejectedForm(values, error, LABELS), {
      ...(values.agreement === '' ? { agreement: 'Say on what terms it is published.' } : {}),
      ...(values.question === '' ? { question: 'Write the question.' } : {}),
      ...(values.reason === '' ? { reason: 'Say why, so that the person understands.' } : {}),
    });
    return { form };
  }
  const told = (await findSubmitter(db, itemId)) !== undefined && act !== 'ask';
  return { done: `${DONE[act]}${told ? ' Whoever handed it in gets a mail.' : ''}` };
}

/** Everything that somebody needs to see to decide about an item. */
export async function decisionModel(
  db: Db,
  item: Item,
  { clock, settings, form }: { clock: Context['clock']; settings: Settings; form?: FormModel | undefined },
) {
  const { timeZone: zone } = settings;
  const nameOf = await actorNames(db);
  const submitter = await findSubmitter(db, item.id);
  const waiting = item.state === 'awaiting_review' || item.state === 'asked';
  const over = Temporal.Instant.compare(item.openUntil, clock.now()) <= 0;
  const terms =
    waiting && item.terms === null ? await termsFor(db, item.kind, settings, { clock }) : undefined;
  const duplicates = await possibleDuplicates(db, item, { clock });
  return {
    title: item.title,
    item: itemView(item, clock.now()),
    submitter: submitter && { name: submitter.name ?? undefined, email: submitter.email },
    handedIn: formatDateTime(item.createdAt, zone),
    duplicates: duplicates.map(({ item: other }) => itemRow(other)),
    agreed:
      item.agreedAt === null
        ? undefined
        : {
            by: nameOf(item.agreedBy ?? ''),
            when: formatDateTime(item.agreedAt, zone),
            terms: item.agreement ?? '',
          },
    termsAccepted:
      item.termsAcceptedAt === null
        ? undefined
        : {
            how: item.termsAcceptedHow ?? '',
            when: formatDateTime(item.termsAcceptedAt, zone),
            text: await acceptedTermsText(db, item),
          },
    terms: terms && { text: terms.text },
    canDecide: waiting && !over,
    canAsk: waiting && submitter !== undefined,
    canReject: waiting,
    form: form ?? freshForm({ agreement: waiting ? await latestAgreement(db, item.kind) : '' }),
    history: historyView(await itemHistory(db, item.id), { nameOf, zone }),
  };
}
