import type { FastifyReply } from 'fastify';
import { editItem } from '../../announcements/bulletins-items.ts';
import { buildFeed } from '../../calendar/icalendar.ts';
import { formatDate } from '../../calendar/format.ts';
import { ITEM_KINDS } from '../../db/schema.ts';
import { notFound } from '../../kernel/errors.ts';
import { itemEvents } from '../../noticeboard/item-calendar.ts';
import { openModerationLink } from '../../noticeboard/item-links.ts';
import { listItems } from '../../noticeboard/item-list.ts';
import { parseItemInput } from '../../noticeboard/item-input.ts';
import { ITEM_KIND_WORDS } from '../../noticeboard/item-words.ts';
import { findItem, isChangeable, isOpen, type Item } from '../../noticeboard/items.ts';
import { readSettings } from '../../organisation/settings.ts';
import { field, freshForm, isUuid, query, rejectedForm, type FormModel } from '../form.ts';
import { decideByForm, decisionModel } from '../items/decision.ts';
import { emptySentences, ITEM_LABELS, itemFieldsModel, postedItem, storedItem } from '../items/item-form.ts';
import { ITEM_KIND_PLURALS, itemKind, itemRow, itemView } from '../items/item-views.ts';
import { routes } from '../plugin.ts';
import { counted } from '../words.ts';
import { organiserOf } from './invitation.ts';
import { withSentences } from './open-form.ts';

type ById = { Params: { id: string } };
type ByToken = { Params: { token: string } };

const PAGE = 30;

/**
 * The noticeboard: everything that is open, each item's own page and calendar file, and the page on which an
 * administrator decides about an item by the link in a mail. A GET changes nothing.
 */
export const noticeboardPages = routes(
  { name: 'noticeboard', needs: ['access', 'pages', 'forms'] },
  (app) => {
    const { db, clock, config, links, nudge } = app.deps;

    app.get('/noticeboard', async (request, reply) => {
      const kind = itemKind(query(request, 'kind'));
      const filter = {
        text: query(request, 'text'),
        place: query(request, 'place'),
        online: query(request, 'online') !== '',
      };
      const after = query(request, 'after');
      const found = await listItems(
        db,
        {
          open: true,
          kinds: kind && [kind],
          text: filter.text,
          place: filter.place,
          online: filter.online || undefined,
          after: isUuid(after) ? after : undefined,
          limit: PAGE + 1,
        },
        { clock },
      );
      const page = found.slice(0, PAGE);
      const addressFor = (changes: Record<string, string>) => address({ ...asText(filter), ...changes });
      return reply.page('public/noticeboard', {
        title: 'Noticeboard',
        filter,
        chosenKind: kind,
        tabs: [
          { href: addressFor({}), label: 'Everything', current: kind === undefined },
          ...ITEM_KINDS.map((one) => ({
            href: addressFor({ kind: one }),
            label: ITEM_KIND_PLURALS[one],
            current: one === kind,
          })),
        ],
        isFiltered: filter.text !== '' || filter.place !== '' || filter.online,
        count: found.length > PAGE ? undefined : counted(page.length, 'item'),
        items: page.map((item) => itemRow(item)),
        more:
          found.length > PAGE ? addressFor({ ...(kind ? { kind } : {}), after: page.at(-1)!.id }) : undefined,
        all: address(kind ? { kind } : {}),
      });
    });

    app.get<ById>('/noticeboard/:id', async (request, reply) => {
      const { id } = request.params;
      return id.endsWith('.ics') ? calendarFile(id.slice(0, -4), reply) : showItem(id, reply);
    });

    app.get<ByToken>('/noticeboard/review/:token', async (request, reply) => {
      const { token } = request.params;
      const { item, adminName } = await openModerationLink(db, links, token);
      return reply.page('public/review', await reviewPage(token, item, adminName));
    });

    app.post<ByToken>('/noticeboard/review/:token', async (request, reply) => {
      const { token } = request.params;
      const { item, actor, adminName } = await openModerationLink(db, links, token);
      const context = { clock, actor, settings: await readSettings(db) };
      const outcome = await decideByForm(db, request, item.id, context);
      if ('form' in outcome) {
        const model = await reviewPage(token, item, adminName);
        return reply.code(422).page('public/review', { ...model, form: outcome.form });
      }
      void nudge();
      const model = await reviewPage(token, await findItem(db, item.id), adminName);
      return reply.page('public/review', { ...model, saved: outcome.done });
    });

    app.get<ByToken>('/noticeboard/review/:token/edit', async (request, reply) => {
      const { token } = request.params;
      const { item } = await openModerationLink(db, links, token);
      return reply.page('public/review-edit', editPage(token, item, freshForm(storedItem(item))));
    });

    app.post<ByToken>('/noticeboard/review/:token/edit', async (request, reply) => {
      const { token } = request.params;
      const { item, actor, adminName } = await openModerationLink(db, links, token);
      const values = postedItem(request);
      const seen = Number.parseInt(field(request, 'seen'), 10);
      try {
        const { timeZone } = await readSettings(db);
        const input = parseItemInput(item.kind, values, { now: clock.now(), zone: timeZone });
        await editItem(db, item.id, { input, seen: Number.isNaN(seen) ? undefined : seen }, { clock, actor });
      } catch (error) {
        const form = withSentences(rejectedForm(values, error, ITEM_LABELS), emptySentences(values));
        return reply.code(422).page('public/review-edit', editPage(token, item, form));
      }
      void nudge();
      const model = await reviewPage(token, await findItem(db, item.id), adminName);
      return reply.page('public/review', { ...model, saved: 'The item is changed.' });
    });

    async function showItem(id: string, reply: FastifyReply) {
      const now = clock.now();
      const item = await shown(id);
      if (!isOpen(item, now)) {
        return reply.code(410).page('public/item-gone', {
          title: 'This is not on the noticeboard any more',
          // What was taken down may have held what nobody should see again.
          gone:
            item.state === 'withdrawn' ? undefined : { title: item.title, day: formatDate(item.closesOn) },
        });
      }
      return reply.page('public/item', {
        title: item.title,
        item: itemView(item, now),
        file: `/noticeboard/${item.id}.ics`,
      });
    }

    async function calendarFile(id: string, reply: FastifyReply) {
      const item = await shown(id);
      const settings = await readSettings(db);
      const context = { baseUrl: config.BASE_URL, organiser: organiserOf(settings, config) };
      return reply
        .type('text/calendar; charset=utf-8')
        .header('content-disposition', 'attachment; filename="item.ics"')
        .header('cache-control', 'no-cache')
        .send(
          buildFeed({
            name: settings.groupName,
            zone: item.zone,
            events: itemEvents(item, context),
            stamp: clock.now(),
          }),
        );
    }

    /** An item that has been on the noticeboard. */
    async function shown(id: string): Promise<Item> {
      const item = await findItem(db, id);
      if (item.agreedAt === null) throw notFound('page', id);
      return item;
    }

    async function reviewPage(token: string, item: Item, adminName: string) {
      const settings = await readSettings(db);
      return {
        ...(await decisionModel(db, item, { clock, settings })),
        adminName,
        action: `/noticeboard/review/${token}`,
        itemUrl: `/admin/items/${item.id}`,
        pageUrl: `/noticeboard/${item.id}`,
        editUrl: isChangeable(item) ? `/noticeboard/review/${token}/edit` : undefined,
        saved: undefined as string | undefined,
      };
    }

    function editPage(token: string, item: Item, form: FormModel) {
      return {
        title: `Change the ${ITEM_KIND_WORDS[item.kind]}`,
        action: `/noticeboard/review/${token}/edit`,
        reviewUrl: `/noticeboard/review/${token}`,
        seen: item.sequence,
        isApproved: item.state === 'approved',
        form,
        fields: itemFieldsModel(item.kind, form.values),
      };
    }
  },
);

function asText(filter: { text: string; place: string; online: boolean }): Record<string, string> {
  return { text: filter.text, place: filter.place, online: filter.online ? 'yes' : '' };
}

function address(parts: Readonly<Record<string, string>>): string {
  const given = new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== ''));
  return given.size === 0 ? '/noticeboard' : `/noticeboard?${given.toString()}`;
}
