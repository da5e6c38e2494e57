import type { FastifyReply, FastifyRequest } from 'fastify';
import { withdrawItem } from '../../announcements/bulletins-items.ts';
import { ITEM_KINDS, type ItemKind } from '../../db/schema.ts';
import { parseEmailAddress } from '../../kernel/email-address.ts';
import { ConvenorError, invalidInput, notFound } from '../../kernel/errors.ts';
import { parseItemInput } from '../../noticeboard/item-input.ts';
import { openItemLink } from '../../noticeboard/item-links.ts';
import { ITEM_KIND_WORDS, itemUrl } from '../../noticeboard/item-words.ts';
import { isChangeable, itemHistory, SUBMITTER, type Item } from '../../noticeboard/items.ts';
import { answerQuestion, confirmItem, submitItem } from '../../noticeboard/submission.ts';
import { termsFor } from '../../noticeboard/terms.ts';
import { readSettings } from '../../organisation/settings.ts';
import { parseName } from '../../subscribers/members.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import {
  emptySentences,
  ITEM_LABELS,
  itemFieldsModel,
  postedItem,
  readAll,
  storedItem,
} from '../items/item-form.ts';
import { itemKind, itemView } from '../items/item-views.ts';
import { routes } from '../plugin.ts';
import { pathOf } from './leave.ts';
import { isFilledByMachine, SENDING_IN, withSentences } from './open-form.ts';

type ByToken = { Params: { token: string } };
type ByKind = { Params: { kind: string } };

const LABELS = { ...ITEM_LABELS, email: 'Your e-mail address', name: 'Your name', answer: 'Your answer' };

const KINDS: Readonly<Record<ItemKind, { title: string; about: string; icon: string }>> = {
  vacancy: {
    title: 'Hand in a vacancy',
    about: 'A post for an occupational therapist or a student.',
    icon: 'icons/person',
  },
  training: {
    title: 'Hand in a training event',
    about: 'A course, a study day, a webinar.',
    icon: 'icons/book',
  },
  request: {
    title: 'Hand in a request',
    about: 'Something that you look for or want to ask the group.',
    icon: 'icons/question',
  },
};

/**
 * Handing something in for the noticeboard: the forms, the page behind the link that confirms the address, and the
 * page on which whoever handed it in follows it, answers a question or takes it down. A GET changes nothing.
 */
export const handInPages = routes({ name: 'hand-in', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, links, nudge } = app.deps;

  app.get('/hand-in', async (_request, reply) =>
    reply.page('public/hand-in', {
      title: 'Hand something in',
      kinds: ITEM_KINDS.map((kind) => ({ kind, ...KINDS[kind] })),
    }),
  );

  app.get<ByKind>('/hand-in/:kind', async (request, reply) =>
    reply.page('public/hand-in-form', await formPage(kindOf(request.params.kind), freshForm())),
  );

  app.post<ByKind>('/hand-in/:kind', { config: { rateLimit: SENDING_IN } }, async (request, reply) =>
    takeIn(request, reply, kindOf(request.params.kind)),
  );

  app.get<ByToken>('/hand-in/confirm/:token', async (request, reply) => {
    const { token } = request.params;
    const item = await open('confirmItem', token);
    if (item.state !== 'submitted') return confirmedPage(reply, item);
    return reply.page('public/hand-in-confirm', {
      title: 'One last step',
      what: `a ${ITEM_KIND_WORDS[item.kind]}`,
      item: itemView(item, clock.now()),
      action: `/hand-in/confirm/${token}`,
    });
  });

  app.post<ByToken>('/hand-in/confirm/:token', async (request, reply) => {
    const { id } = await open('confirmItem', request.params.token);
    const item = await confirmItem(db, id, { clock });
    void nudge();
    return confirmedPage(reply, item);
  });

  app.get<ByToken>('/hand-in/mine/:token', async (request, reply) => {
    const { token } = request.params;
    return reply.page('public/hand-in-mine', await minePage(token, await open('ownItem', token)));
  });

  app.post<ByToken>(
    '/hand-in/mine/:token/answer',
    { config: { rateLimit: SENDING_IN } },
    async (request, reply) => {
      const { token } = request.params;
      const item = await open('ownItem', token);
      const values = { ...postedItem(request), answer: field(request, 'answer') };
      try {
        const { timeZone } = await readSettings(db);
        const [input] = readAll(
          () => parseItemInput(item.kind, values, { now: clock.now(), zone: timeZone }),
          () => required('answer', values.answer),
        );
        const answered = await answerQuestion(db, item.id, { answer: values.answer, input }, { clock });
        void nudge();
        return await reply.page('public/hand-in-mine', {
          ...(await minePage(token, answered)),
          saved: 'Thank you. Your answer is on its way to the administrators.',
        });
      } catch (error) {
        const form = withSentences(rejectedForm(values, error, LABELS), {
          ...emptySentences(values),
          ...(values.answer === '' ? { answer: 'Write an answer to the question.' } : {}),
        });
        return reply.code(422).page('public/hand-in-mine', await minePage(token, item, form));
      }
    },
  );

  app.post<ByToken>('/hand-in/mine/:token/take-down', async (request, reply) => {
    const { token } = request.params;
    const { id } = await open('ownItem', token);
    const item = await withdrawItem(db, id, '', { clock, actor: SUBMITTER });
    void nudge();
    return reply.page('public/hand-in-mine', {
      ...(await minePage(token, item)),
      saved: 'It is taken down. Nobody sees it any more.',
    });
  });

  async function takeIn(request: FastifyRequest, reply: FastifyReply, kind: ItemKind) {
    const values = {
      ...postedItem(request),
      name: field(request, 'name'),
      email: field(request, 'email'),
      terms: field(request, 'terms'),
    };
    const answer = {
      title: 'Look in your inbox',
      address: values.email,
      what: `your ${ITEM_KIND_WORDS[kind]}`,
      again: `/hand-in/${kind}`,
    };
    if (isFilledByMachine(request)) return reply.page('public/handed-in', answer);
    const settings = await readSettings(db);
    const terms = await termsFor(db, kind, settings, { clock });
    try {
      const [input, address, name] = readAll(
        () => parseItemInput(kind, values, { now: clock.now(), zone: settings.timeZone }),
        () => parseEmailAddress(values.email),
        () => parseName(values.name),
        () => (terms ? required('terms', values.terms) : undefined),
      );
      await submitItem(
        db,
        { input, submitter: { name, address }, terms: values.terms || null },
        { clock, settings },
      );
    } catch (error) {
      const flooded = error instanceof ConvenorError && error.code === 'too_many_requests';
      const form = flooded
        ? { values, errors: {}, problems: [{ field: '', message: error.message }] }
        : withSentences(rejectedForm(values, error, { ...LABELS, terms: 'The terms' }), {
            ...emptySentences(values),
            ...(values.email === '' ? { email: 'Give your e-mail address.' } : {}),
            ...(values.terms === '' ? { terms: 'Tick that you accept the terms of business.' } : {}),
          });
      return reply.code(flooded ? 429 : 422).page('public/hand-in-form', await formPage(kind, form));
    }
    void nudge();
    return reply.page('public/handed-in', answer);
  }

  async function formPage(kind: ItemKind, form: FormModel) {
    const settings = await readSettings(db);
    const terms = await termsFor(db, kind, settings, { clock });
    return {
      title: KINDS[kind].title,
      action: `/hand-in/${kind}`,
      form,
      fields: itemFieldsModel(kind, form.values),
      terms: terms && { id: terms.id, text: terms.text, accepted: form.values['terms'] === terms.id },
    };
  }

  async function minePage(token: string, item: Item, form: FormModel = freshForm(storedItem(item))) {
    const history = await itemHistory(db, item.id);
    return {
      title: item.title,
      item: itemView(item, clock.now()),
      what: ITEM_KIND_WORDS[item.kind],
      action: `/hand-in/mine/${token}`,
      pageUrl: itemUrl('', item.id),
      isWaiting: item.state === 'awaiting_review',
      isApproved: item.state === 'approved',
      isOver: item.state === 'expired',
      question: item.state === 'asked' ? history.find(({ kind }) => kind === 'asked')?.text : undefined,
      reason: item.state === 'rejected' ? (item.stateReason ?? undefined) : undefined,
      isTakenDown: item.state === 'withdrawn',
      canTakeDown: isChangeable(item),
      form,
      fields: itemFieldsModel(item.kind, form.values),
      detailsOpen: form.problems.some(({ field: name }) => name !== 'answer'),
      saved: undefined as string | undefined,
    };
  }

  async function confirmedPage(reply: FastifyReply, item: Item) {
    return reply.page('public/hand-in-confirmed', {
      title: 'Thank you',
      what: ITEM_KIND_WORDS[item.kind],
      mine: pathOf(links.ownItemUrl(item.id, item.openUntil)),
    });
  }

  /** The item behind a link; says so kindly when it has been removed. */
  async function open(purpose: 'confirmItem' | 'ownItem', token: string): Promise<Item> {
    try {
      return await openItemLink(db, links, purpose, token);
    } catch (error) {
      if (!(error instanceof ConvenorError) || !['not_found', 'forbidden'].includes(error.code)) throw error;
      if (links.readToken(purpose, token).result === 'forged') throw error;
      throw new ConvenorError(
        'not_found',
        purpose === 'confirmItem'
          ? 'This was not confirmed in time and has been removed. Please hand it in again.'
          : 'What this link was about is over, and the link does not work any more.',
      );
    }
  }
});

function kindOf(text: string): ItemKind {
  const kind = itemKind(text);
  if (kind === undefined) throw notFound('page', `/hand-in/${text}`);
  return kind;
}

function required(name: string, text: string): void {
  if (text === '') throw invalidInput({ field: name, message: 'must be given' });
}
