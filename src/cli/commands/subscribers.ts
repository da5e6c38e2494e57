import type { Command } from 'commander';
import { z } from 'zod';
import { formatDateTime } from '../../calendar/format.ts';
import { SUBSCRIBER_STATES, TOPICS, type Topic } from '../../db/schema.ts';
import type { Tx } from '../../db/open.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { eraseSubscriber } from '../../subscribers/erasure.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import { unsubscribe } from '../../subscribers/opt-out.ts';
import { recordAsText, subscriberRecord } from '../../subscribers/subscriber-record.ts';
import {
  countSubscribers,
  searchSubscribers,
  type SubscriberFilter,
  type SubscriberListItem,
} from '../../subscribers/subscriber-search.ts';
import {
  addSubscriber,
  getSubscriber,
  removeSubscriber,
  type Subscriber,
} from '../../subscribers/subscribers.ts';
import { SUPPRESSION_WORDS } from '../../subscribers/suppressions.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import type { CliDependencies, CliIo } from '../host.ts';
import { fields, table } from '../output/table.ts';
import { count, formatNumber, printable } from '../output/text.ts';
import { addImportCommand } from './subscribers-import.ts';
import { topic } from './topic.ts';

/** People that are read at once, and the most that a person at a terminal is shown. */
const PAGE = 1_000;
const SHOWN = 50;

const subscriber = z.string();

export function addSubscriberCommands(program: Command, session: Session): void {
  program.commandsGroup('People:');
  const group = addGroup(program, 'subscribers', 'the people on the list; named by address or id');

  addCommand(group, session, {
    usage: 'add <email>',
    summary: 'put one person on the list who has agreed to it',
    options: [
      { flags: '--name <name>', help: 'name of the person' },
      {
        flags: '--topic <topic>',
        help: `what they agreed to: ${TOPICS.join(', ')}; may be repeated (meetings)`,
        repeatable: true,
      },
      { flags: '--member-kind <kind>', help: 'occupational therapist or student' },
      { flags: '--hcpc-number <number>', help: 'HCPC registration number' },
      { flags: '--note <text>', help: 'how they agreed: "signed the sheet on 2 June"' },
    ],
    schema: z.object({
      email: z.string(),
      name: z.string().optional(),
      topic: z.array(topic).optional(),
      memberKind: z.string().optional(),
      hcpcNumber: z.string().optional(),
      note: z.string().optional(),
    }),
    run: withApp(async ({ topic: topics, ...input }, { app }) => {
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
      const added = await addSubscriber(
        app.db,
        { ...given, email: input.email, ...(topics === undefined ? {} : { topics }) },
        changing(app),
      );
      await app.nudge();
      return {
        data: subscriberData(added),
        text: `${who(added)} is on the list and gets mail about ${added.topics.join(', ')}.\n`,
      };
    }),
  });

  addImportCommand(group, session);

  addCommand(group, session, {
    usage: 'list [words...]',
    summary: 'show the people whose name or address has all the words',
    options: [
      { flags: '--state <state>', help: SUBSCRIBER_STATES.join(', ') },
      { flags: '--topic <topic>', help: 'only those who get mail about it' },
    ],
    schema: z.object({
      words: z.array(z.string()),
      state: z
        .enum(SUBSCRIBER_STATES, { error: `must be one of ${SUBSCRIBER_STATES.join(', ')}` })
        .optional(),
      topic: topic.optional(),
    }),
    run: withApp(async ({ words, state, topic: about }, { app, io, json }) => {
      const filter = {
        text: words.join(' '),
        ...(state === undefined ? {} : { state }),
        ...(about === undefined ? {} : { topic: about }),
      };
      if (json) return { list: { items: everybody(app.db, filter) }, text: '' };
      const [{ subscribers }, found] = [
        await searchSubscribers(app.db, { ...filter, limit: SHOWN }),
        await countSubscribers(app.db, filter),
      ];
      return { text: subscriberTable(subscribers, found, io.columns) };
    }),
  });

  addCommand(group, session, {
    usage: 'show <subscriber>',
    summary: 'show one person',
    schema: z.object({ subscriber }),
    run: withApp(async (input, { app }) => {
      const found = await getSubscriber(app.db, input.subscriber);
      const { timeZone } = await app.settings();
      return { data: subscriberData(found), text: subscriberText(found, timeZone) };
    }),
  });

  addCommand(group, session, {
    usage: 'export <subscriber>',
    summary: 'give everything that is kept about a person, to hand over to them',
    schema: z.object({ subscriber }),
    run: withApp(async (input, { app }) => {
      const record = await subscriberRecord(app.db, input.subscriber);
      const { timeZone } = await app.settings();
      const lines = recordAsText(record, { zone: timeZone }).split('\n');
      return { data: record, text: `${lines.map((line) => line.replace(/\S.*/, printable)).join('\n')}\n` };
    }),
  });

  addCommand(group, session, {
    usage: 'unsubscribe <subscriber>',
    summary: 'turn mail off for a person who asked for it',
    options: [
      { flags: '--topic <topic>', help: 'only this topic (default: everything)' },
      { flags: '--note <text>', help: 'how they asked' },
    ],
    schema: z.object({ subscriber, topic: topic.optional(), note: z.string().optional() }),
    run: withApp(async (input, { app }) => {
      const found = await getSubscriber(app.db, input.subscriber);
      const result = await unsubscribe(
        app.db,
        {
          subscriberId: found.id,
          topic: input.topic ?? 'all',
          source: 'administrator',
          ...(input.note === undefined ? {} : { note: input.note }),
        },
        { clock: app.clock },
      );
      await app.nudge();
      return {
        data: { subscriberId: found.id, ...result },
        text: `${who(found)} ${gets(result.remaining)}.\n`,
      };
    }),
  });

  addCommand(group, session, {
    usage: 'remove <subscriber>',
    summary: 'remove a person at once; no import or synchronisation brings them back',
    options: [{ flags: '--reason <text>', help: 'why, for the record' }],
    schema: z.object({ subscriber, reason: z.string({ error: 'must say why the person is removed' }) }),
    run: withApp(async (input, { app }) => {
      const found = await getSubscriber(app.db, input.subscriber);
      const removed = await removeSubscriber(app.db, { id: found.id, reason: input.reason }, changing(app));
      await app.nudge();
      return { data: subscriberData(removed), text: `${who(removed)} is removed and gets no mail.\n` };
    }),
  });

  addCommand(group, session, {
    usage: 'erase <subscriber>',
    summary: 'erase a person everywhere, for good; only a keyed hash of the address is kept',
    options: [{ flags: '--yes', help: 'without asking' }],
    schema: z.object({ subscriber, yes: z.boolean().default(false) }),
    run: withApp(async (input, { app, io }) => {
      const found = await getSubscriber(app.db, input.subscriber);
      if (!input.yes) await confirmed(`Erase ${who(found)} for good?`, io);
      await eraseSubscriber(app.db, { id: found.id, by: 'administrator' }, changing(app));
      await app.nudge();
      return { data: { subscriberId: found.id, erased: true }, text: 'Erased.\n' };
    }),
  });
}

async function confirmed(message: string, { ask }: CliIo): Promise<void> {
  if (!ask) throw invalidInput({ field: 'yes', message: 'must be given when nobody can be asked' });
  if ((await ask({ kind: 'confirm', message, initial: 'no' })) !== 'yes') {
    throw new ConvenorError('wrong_state', 'Nothing was changed.');
  }
}

function changing({ clock, addressHash }: CliDependencies) {
  return { clock, addressHash, actor: CLI_ACTOR };
}

async function* everybody(tx: Tx, filter: SubscriberFilter) {
  let after: string | undefined;
  do {
    const page = await searchSubscribers(tx, {
      ...filter,
      ...(after === undefined ? {} : { after }),
      limit: PAGE,
    });
    yield* page.subscribers;
    after = page.next;
  } while (after !== undefined);
}

/** A person as `--json` gives them. */
function subscriberData(found: Subscriber) {
  return {
    id: found.id,
    email: found.email,
    name: found.name,
    state: found.state,
    memberKind: found.memberKind,
    hcpcNumber: found.hcpcNumber,
    topics: found.topics,
    suppressed: found.suppressed,
    pausedUntil: found.pausedUntil,
    createdAt: found.createdAt,
    leftAt: found.leftAt,
  };
}

function subscriberText(found: Subscriber, zone: string): string {
  const time = (instant: Temporal.Instant | null) => (instant ? formatDateTime(instant, zone) : undefined);
  return fields([
    ['Address', found.email],
    ['Name', found.name ?? undefined],
    ['State', found.state],
    ['Gets mail about', found.topics.join(', ') || 'nothing'],
    ['Not mailed', found.suppressed === null ? undefined : SUPPRESSION_WORDS[found.suppressed]],
    ['No mail before', time(found.pausedUntil)],
    ['Membership', found.memberKind === null ? undefined : MEMBER_KIND_WORDS[found.memberKind]],
    ['HCPC number', found.hcpcNumber ?? undefined],
    ['On the list since', time(found.createdAt)],
    ['Left', time(found.leftAt)],
    ['Id', found.id],
  ]);
}

function subscriberTable(
  shown: readonly SubscriberListItem[],
  found: number,
  columns: number | undefined,
): string {
  if (shown.length === 0) return 'Nobody is found.\n';
  const people = table(
    shown,
    [
      { heading: 'Address', value: ({ email }) => email },
      { heading: 'Name', value: ({ name }) => name ?? '' },
      { heading: 'State', value: ({ state, suppressed }) => suppressed ?? state },
      { heading: 'Gets mail about', value: ({ topics }) => topics.join(', ') },
    ],
    columns,
  );
  const rest = found - shown.length;
  return rest > 0
    ? `${people}… and ${formatNumber(rest)} more. Give words to look for, or --json for all.\n`
    : `${people}${count(found, 'person', 'people')}.\n`;
}

function who({ email, name }: Subscriber): string {
  return printable(name ?? email);
}

function gets(topics: readonly Topic[]): string {
  return topics.length === 0 ? 'gets no more mail' : `now gets mail about ${topics.join(', ')} only`;
}
