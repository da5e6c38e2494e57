import type { FastifyReply, FastifyRequest } from 'fastify';
import { bulletinCarrying } from '../../announcements/bulletins-overview.ts';
import { editItem, withdrawItem } from '../../announcements/bulletins-items.ts';
import { ITEM_KINDS, type ItemKind, type ItemState } from '../../db/schema.ts';
import { parseItemInput } from '../../noticeboard/item-input.ts';
import { listItems, type ItemFilter, type ItemOrder } from '../../noticeboard/item-list.ts';
import { ITEM_KIND_WORDS } from '../../noticeboard/item-words.ts';
import { countItemsToDecide, findItem, isChangeable, type Item } from '../../noticeboard/items.ts';
import { addItem, latestAgreement } from '../../noticeboard/moderation.ts';
import { termsFor } from '../../noticeboard/terms.ts';
import { acting, type Acting } from '../acting.ts';
import { allPages, csv, lines } from '../csv.ts';
import { field, freshForm, query, rejectedForm, type FormModel } from '../form.ts';
import { decideByForm, decisionModel } from '../items/decision.ts';
import { emptySentences, ITEM_LABELS, itemFieldsModel, postedItem, storedItem } from '../items/item-form.ts';
import { ITEM_KIND_PLURALS, itemKind, itemRow } from '../items/item-views.ts';
import { pageOf, readList } from '../lists.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { withSentences } from '../public/open-form.ts';
import { announcementRow } from '../views.ts';

type ById = { Params: { id: string } };

const PAGE = 40;

interface Tab {
  readonly show: string;
  readonly label: string;
  readonly filter: ItemFilter;
  readonly order: ItemOrder;
}

const states = (...wanted: ItemState[]): ItemFilter => ({ states: wanted });

const TABS: readonly Tab[] = [
  { show: '', label: 'To decide', filter: states('awaiting_review', 'asked'), order: 'newest' },
  { show: 'open', label: 'On the noticeboard', filter: { open: true }, order: 'soonest' },
  { show: 'ended', label: 'Ended', filter: states('rejected', 'withdrawn', 'expired'), order: 'newest' },
  { show: 'all', label: 'All', filter: {}, order: 'newest' },
];

const LABELS = { ...ITEM_LABELS, agreement: 'The agreement', termsAcceptedHow: 'You' };

const ORDER_WORDS: Readonly<Record<ItemOrder, string>> = {
  newest: 'the newest first',
  soonest: 'the soonest first',
  title: 'by title',
};

/** What the list of items shows: one tab of it, narrowed by words and kind. */
function itemList(request: FastifyRequest) {
  const tab = TABS.find(({ show }) => show === query(request, 'show')) ?? TABS[0]!;
  const list = readList<ItemOrder>(request, {
    path: '/admin/items',
    file: '/admin/items/list.csv',
    orders: { [tab.order]: ORDER_WORDS[tab.order], ...ORDER_WORDS },
    filters: ['kind'],
    tabs: ['show'],
  });
  const kind = itemKind(list.value('kind'));
  const filter = { ...tab.filter, kinds: kind && [kind], text: list.text, order: list.order };
  return { tab, kind, list, filter };
}

/** The items of the noticeboard: what waits for a decision, each with its history, and an administrator's own. */
export const itemPages = routes({ name: 'items', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge } = app.deps;

  app.get('/admin/items', async (request, reply) => {
    const { tab, kind, list, filter } = itemList(request);
    const found = await listItems(db, { ...filter, after: list.after, limit: PAGE + 1 }, { clock });
    const { rows, next } = pageOf(found, PAGE, ({ id }) => id);
    const toDecide = await countItemsToDecide(db);
    return reply.page('admin/items', {
      title: 'Noticeboard',
      section: 'items',
      lead: 'What members and employers hand in. Nothing is published before you approve it.',
      list: list.view({ rows: rows.length, next }),
      show: tab.show,
      kindOptions: [
        { value: '', label: 'Everything', selected: kind === undefined },
        ...ITEM_KINDS.map((one) => ({
          value: one,
          label: ITEM_KIND_PLURALS[one],
          selected: one === kind,
        })),
      ],
      listTitle: tab.label,
      tabs: TABS.map(({ show, label }) => ({
        href: list.address({ show, order: '' }),
        label,
        current: show === tab.show,
        count: show === '' && toDecide > 0 ? toDecide : undefined,
      })),
      items: rows.map(itemRow),
    });
  });

  app.get('/admin/items/list.csv', async (request, reply) => {
    const { filter } = itemList(request);
    const all = allPages(async (after) =>
      pageOf(await listItems(db, { ...filter, after, limit: 501 }, { clock }), 500, ({ id }) => id),
    );
    return csv(
      reply,
      'noticeboard.csv',
      ['title', 'kind', 'employer or provider', 'where', 'when', 'last day', 'state', 'link', 'contact'],
      lines(all, (item) => {
        const { title, kind, organisation, where, when, state } = itemRow(item);
        const fields = [title, kind, organisation, where, when, item.closesOn.toString(), state];
        return [...fields, item.link, item.contact].map((value) => value ?? '');
      }),
    );
  });

  app.get('/admin/items/new', async (request, reply) => {
    const kind = itemKind(query(request, 'kind'));
    if (kind === undefined) {
      return reply.page('admin/item-new', {
        title: 'New item',
        section: 'items',
        back: { href: '/admin/items', label: 'Noticeboard' },
        kinds: ITEM_KINDS.map((one) => ({
          href: `/admin/items/new?kind=${one}`,
          label: ITEM_KIND_WORDS[one],
        })),
      });
    }
    const form = freshForm({ agreement: await latestAgreement(db, kind) });
    return newForm(reply, kind, form, await acting(request));
  });

  app.post('/admin/items/new', async (request, reply) => {
    const context = await acting(request);
    const kind = itemKind(field(request, 'itemKind')) ?? 'request';
    const values = {
      ...postedItem(request),
      agreement: field(request, 'agreement'),
      termsAcceptedHow: field(request, 'termsAcceptedHow'),
    };
    try {
      const input = parseItemInput(kind, values, itemContext(context));
      const { agreement, termsAcceptedHow } = values;
      const item = await addItem(db, { input, agreement, termsAcceptedHow }, context);
      await nudge();
      flash(request, 'good', 'It is on the noticeboard now.');
      return await reply.redirect(`/admin/items/${item.id}`, 303);
    } catch (error) {
      const form = withSentences(rejectedForm(values, error, LABELS), {
        ...emptySentences(values),
        ...(values.agreement === '' ? { agreement: 'Say on what terms it is published.' } : {}),
      });
      return newForm(reply.code(422), kind, form, context);
    }
  });

  app.get<ById>('/admin/items/:id', async (request, reply) =>
    reply.page('admin/item', await itemPage(await findItem(db, request.params.id), await acting(request))),
  );

  app.post<ById>('/admin/items/:id/decide', async (request, reply) => {
    const { id } = request.params;
    const context = await acting(request);
    const outcome = await decideByForm(db, request, id, context);
    if ('form' in outcome) {
      const model = await itemPage(await findItem(db, id), context, outcome.form);
      return reply.code(422).page('admin/item', model);
    }
    await nudge();
    flash(request, 'good', outcome.done);
    return reply.redirect(`/admin/items/${id}`, 303);
  });

  app.get<ById>('/admin/items/:id/edit', async (request, reply) => {
    const item = await findItem(db, request.params.id);
    return editForm(reply, item, freshForm(storedItem(item)));
  });

  app.post<ById>('/admin/items/:id/edit', async (request, reply) => {
    const context = await acting(request);
    const item = await findItem(db, request.params.id);
    const values = postedItem(request);
    try {
      const input = parseItemInput(item.kind, values, itemContext(context));
      const seen = Number.parseInt(field(request, 'seen'), 10);
      await editItem(db, item.id, { input, seen: Number.isNaN(seen) ? undefined : seen }, context);
    } catch (error) {
      const form = withSentences(rejectedForm(values, error, LABELS), emptySentences(values));
      return editForm(reply.code(422), item, form);
    }
    await nudge();
    flash(request, 'good', 'The item is changed.');
    return reply.redirect(`/admin/items/${item.id}`, 303);
  });

  app.get<ById>('/admin/items/:id/take-down', async (request, reply) => {
    const item = await findItem(db, request.params.id);
    return reply.page('admin/item-take-down', {
      title: 'Take this down?',
      section: 'items',
      back: { href: `/admin/items/${item.id}`, label: item.title },
      item: itemRow(item),
    });
  });

  app.post<ById>('/admin/items/:id/take-down', async (request, reply) => {
    const { id } = request.params;
    await withdrawItem(db, id, field(request, 'reason').slice(0, 2000), await acting(request));
    await nudge();
    flash(request, 'good', 'It is taken down.');
    return reply.redirect(`/admin/items/${id}`, 303);
  });

  async function itemPage(item: Item, { settings }: Acting, form?: FormModel) {
    const carrier = await bulletinCarrying(db, item.id);
    return {
      ...(await decisionModel(db, item, { clock, settings, form })),
      section: 'items',
      back: { href: '/admin/items', label: 'Noticeboard' },
      action: `/admin/items/${item.id}/decide`,
      pageUrl: `/noticeboard/${item.id}`,
      canEdit: isChangeable(item),
      bulletin: carrier && announcementRow(carrier),
    };
  }

  async function newForm(reply: FastifyReply, kind: ItemKind, form: FormModel, context: Acting) {
    const terms = await termsFor(db, kind, context.settings, { clock });
    return reply.page('admin/item-form', {
      title: `New ${ITEM_KIND_WORDS[kind]}`,
      section: 'items',
      back: { href: '/admin/items', label: 'Noticeboard' },
      action: '/admin/items/new',
      itemKind: kind,
      isNew: true,
      form,
      fields: itemFieldsModel(kind, form.values),
      terms: terms && { text: terms.text },
      saveLabel: 'Put it on the noticeboard',
    });
  }

  async function editForm(reply: FastifyReply, item: Item, form: FormModel) {
    return reply.page('admin/item-form', {
      title: `Change the ${ITEM_KIND_WORDS[item.kind]}`,
      section: 'items',
      back: { href: `/admin/items/${item.id}`, label: item.title },
      lead:
        item.state === 'approved'
          ? 'The change is on the noticeboard and in the calendar at once. A bulletin that is about to carry it follows; if somebody has approved that bulletin, it waits again.'
          : '',
      action: `/admin/items/${item.id}/edit`,
      itemKind: item.kind,
      seen: item.sequence,
      isNew: false,
      form,
      fields: itemFieldsModel(item.kind, form.values),
      saveLabel: 'Save',
    });
  }
});

function itemContext({ clock, settings }: Acting) {
  return { now: clock.now(), zone: settings.timeZone };
}
