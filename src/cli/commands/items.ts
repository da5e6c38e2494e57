import type { Command } from 'commander';
import { z } from 'zod';
import { formatDateTime } from '../../calendar/format.ts';
import type { Tx } from '../../db/open.ts';
import { ITEM_STATES, type ItemKind } from '../../db/schema.ts';
import type { Clock } from '../../kernel/clock.ts';
import { possibleDuplicates } from '../../noticeboard/duplicates.ts';
import { parseItemKind } from '../../noticeboard/item-input.ts';
import { listItems, type ItemFilter } from '../../noticeboard/item-list.ts';
import { ITEM_KIND_WORDS, ITEM_STATE_WORDS, itemFacts, itemUrl } from '../../noticeboard/item-words.ts';
import { findItem, findSubmitter, itemHistory, type Item } from '../../noticeboard/items.ts';
import { approveItem, rejectItem } from '../../noticeboard/moderation.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, addGroup, withApp, type AppContext, type Session } from '../command.ts';
import { resolveId, shortId } from '../ids.ts';
import { fields, table } from '../output/table.ts';
import { printable } from '../output/text.ts';
import { timeColumn } from '../output/time-column.ts';

const PAGE = 500;
const SHOWN = 50;

const kind = z.string().transform((text, context): ItemKind => {
  try {
    return parseItemKind(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message.replace(/^kind: /, '') });
    return z.NEVER;
  }
});

export function addItemCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'items', 'what people hand in for the noticeboard');

  addCommand(group, session, {
    usage: 'list [words...]',
    summary: 'show items that wait for a decision, or others',
    options: [
      { flags: '--state <state>', help: `items in this state: ${ITEM_STATES.join(', ')}` },
      { flags: '--open', help: 'what is on the noticeboard now' },
      { flags: '--all', help: 'items in every state' },
      { flags: '--kind <kind>', help: 'vacancy, training or request' },
    ],
    examples: ['items list', 'items list --open --kind vacancy --json', 'items list --all splinting'],
    schema: z.object({
      words: z.array(z.string()),
      state: z.enum(ITEM_STATES, { error: `must be one of ${ITEM_STATES.join(', ')}` }).optional(),
      open: z.boolean().default(false),
      all: z.boolean().default(false),
      kind: kind.optional(),
    }),
    run: withApp(async (input, { app, io, json }) => {
      const waiting = !input.open && !input.all && input.state === undefined;
      const filter: ItemFilter = {
        kinds: input.kind && [input.kind],
        states: waiting ? ['awaiting_review', 'asked'] : input.state && [input.state],
        ...(input.open ? { open: true } : {}),
        text: input.words.join(' '),
      };
      if (json) return { list: { items: everything(app.db, filter, app.clock) }, text: '' };
      const found = await listItems(app.db, { ...filter, order: 'newest', limit: SHOWN + 1 }, app);
      const shown = found.slice(0, SHOWN);
      const rest = found.length > SHOWN ? '… and more. --json gives every one.\n' : '';
      const nothing = waiting ? 'No item waits for a decision.\n' : 'There is no such item.\n';
      return { text: shown.length === 0 ? nothing : itemTable(shown, io.columns) + rest };
    }),
  });

  addCommand(group, session, {
    usage: 'show <item>',
    summary: 'show an item with what was done, and what it seems to repeat',
    schema: z.object({ item: z.string() }),
    run: withApp(async (input, context) => show(await named(input.item, context), context)),
  });

  addCommand(group, session, {
    usage: 'approve <item>',
    summary: 'put an item on the noticeboard; whoever handed it in is told',
    options: [
      { flags: '--terms <text>', help: 'your agreement: on what terms it is published' },
      { flags: '--accepted <how>', help: 'how the employer accepted the terms of business of a vacancy' },
    ],
    examples: ['items approve 1a2b3c4d --terms "Free of charge; the group makes no recommendation."'],
    schema: z.object({
      item: z.string(),
      terms: z.string({ error: 'must say on what terms it is published' }),
      accepted: z.string().optional(),
    }),
    run: withApp(async (input, context) => {
      const { app } = context;
      const { id } = await named(input.item, context);
      const item = await approveItem(
        app.db,
        id,
        { agreement: input.terms, termsAcceptedHow: input.accepted },
        { clock: app.clock, actor: CLI_ACTOR, settings: await app.settings() },
      );
      await app.nudge();
      return {
        data: itemData(item, app.config.BASE_URL),
        text: `“${printable(item.title)}” is on the noticeboard: ${itemUrl(app.config.BASE_URL, id)}\n`,
      };
    }),
  });

  addCommand(group, session, {
    usage: 'reject <item>',
    summary: 'turn an item down; whoever handed it in is told why',
    options: [{ flags: '--reason <text>', help: 'why, in words for whoever handed it in' }],
    schema: z.object({ item: z.string(), reason: z.string({ error: 'must say why' }) }),
    run: withApp(async (input, context) => {
      const { app } = context;
      const { id } = await named(input.item, context);
      const item = await rejectItem(app.db, id, input.reason, { clock: app.clock, actor: CLI_ACTOR });
      await app.nudge();
      return {
        data: itemData(item, app.config.BASE_URL),
        text: `“${printable(item.title)}” is turned down.\n`,
      };
    }),
  });
}

async function named(text: string, { app }: AppContext): Promise<Item> {
  return findItem(app.db, await resolveId(app.db, 'item', text, 'item'));
}

async function* everything(tx: Tx, filter: ItemFilter, clock: Clock) {
  let after: string | undefined;
  do {
    const page: Item[] = await listItems(tx, { ...filter, order: 'newest', after, limit: PAGE }, { clock });
    for (const item of page) yield itemData(item);
    after = page.length < PAGE ? undefined : page.at(-1)!.id;
  } while (after !== undefined);
}

async function show(item: Item, { app }: AppContext) {
  const submitter = await findSubmitter(app.db, item.id);
  const history = await itemHistory(app.db, item.id);
  const duplicates = await possibleDuplicates(app.db, item, { clock: app.clock });
  const { timeZone } = await app.settings();
  const when = (at: Temporal.Instant) => formatDateTime(at, timeZone);
  const details = fields([
    ['Item', item.title],
    ['Kind', ITEM_KIND_WORDS[item.kind]],
    ['State', ITEM_STATE_WORDS[item.state]],
    ...itemFacts(item).map(({ label, value }) => [label, value] as const),
    ['Link', item.link ?? ''],
    ['Handed in by', submitter ? [submitter.name, submitter.email].filter(Boolean).join(', ') : ''],
    ['Terms of business', item.termsAcceptedHow ? `accepted ${item.termsAcceptedHow}` : ''],
    ['Agreed to', item.agreedAt ? `${when(item.agreedAt)}, by ${item.agreedBy}: ${item.agreement}` : ''],
    [
      'Perhaps a repeat of',
      duplicates.map(({ item: { id, title } }) => `${title} (${shortId(id)})`).join('; '),
    ],
  ]);
  const text = item.text === '' ? '' : `\n${item.text.split('\n').map(printable).join('\n')}\n`;
  const acts = history
    .toReversed()
    .map((act) => `${when(act.at)}  ${act.kind}${act.text === '' ? '' : `: ${printable(act.text)}`}\n`);
  return {
    data: {
      ...itemData(item, app.config.BASE_URL),
      submitter: submitter ? { name: submitter.name, email: submitter.email } : null,
      duplicates: duplicates.map(({ item: { id, title, state }, likeness }) => ({
        id,
        title,
        state,
        likeness,
      })),
      history: history.map(({ at, actor, kind: act, text: words }) => ({ at, actor, act, text: words })),
    },
    text: `${details}${text}\n${acts.join('')}`,
  };
}

/** An item as `--json` gives it: instants in UTC, days and wall clocks in `zone`. */
function itemData(item: Item, baseUrl?: string) {
  return {
    id: item.id,
    kind: item.kind,
    state: item.state,
    stateReason: item.stateReason,
    title: item.title,
    organisation: item.organisation,
    place: item.place,
    online: item.online,
    pay: item.pay,
    hours: item.hours,
    contract: item.contract,
    cost: item.cost,
    cpdHours: item.cpdHours,
    text: item.text,
    link: item.link,
    contact: item.contact,
    start: item.startsAt,
    startLocal: item.wallStart,
    endLocal: item.wallEnd,
    dates: item.dates,
    closesOn: item.closesOn,
    openUntil: item.openUntil,
    zone: item.zone,
    sequence: item.sequence,
    duplicateOf: item.duplicateOf,
    agreement:
      item.agreedAt === null ? null : { at: item.agreedAt, by: item.agreedBy, terms: item.agreement },
    termsOfBusiness:
      item.terms === null
        ? null
        : { wording: item.terms, at: item.termsAcceptedAt, how: item.termsAcceptedHow },
    createdAt: item.createdAt,
    ...(baseUrl === undefined || item.agreedAt === null ? {} : { url: itemUrl(baseUrl, item.id) }),
  };
}

function itemTable(items: readonly Item[], columns: number | undefined): string {
  return table(
    items,
    [
      { heading: 'Id', value: ({ id }) => shortId(id), whole: true },
      { heading: 'Kind', value: ({ kind: one }) => ITEM_KIND_WORDS[one] },
      { heading: 'Item', value: ({ title }) => title },
      timeColumn('Open until', items, ({ openUntil, zone }) => ({ at: openUntil, zone })),
      {
        heading: 'State',
        value: ({ state, duplicateOf }) =>
          ITEM_STATE_WORDS[state] + (duplicateOf === null ? '' : ', perhaps a repeat'),
      },
    ],
    columns,
  );
}
