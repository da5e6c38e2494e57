import type { Command } from 'commander';
import { z } from 'zod';
import {
  announcementBooks,
  listDeliveries,
  resolveUnknown,
  type Books,
  type DeliveryRow,
} from '../../announcements/books.ts';
import type { Announcement } from '../../announcements/announcements.ts';
import { cancelAnnouncement, holdAnnouncement, resumeAnnouncement } from '../../announcements/life-cycle.ts';
import { queryPlan, type PlanEntry } from '../../announcements/plan-query.ts';
import { formatDateTime } from '../../calendar/format.ts';
import type { Tx } from '../../db/open.ts';
import { DELIVERY_STATES, type DeliveryState } from '../../db/schema.ts';
import { HORIZON } from '../../meetings/occurrences.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, withApp, type Session } from '../command.ts';
import { dateSpan, DATE_SPAN_OPTIONS, dateSpanShape } from '../date-span.ts';
import { resolveId, shortId } from '../ids.ts';
import { fields, table } from '../output/table.ts';
import { timeColumn } from '../output/time-column.ts';
import { count, formatNumber, printable } from '../output/text.ts';

const REASON_OPTION = { flags: '--reason <text>', help: 'why, for the record' };

/** Deliveries that are read at once, and the most that a person is shown. */
const PAGE = 1_000;
const SHOWN = 50;

export function addSendingCommands(program: Command, session: Session): void {
  program.commandsGroup('Sending:');
  addCommand(program, session, {
    usage: 'plan',
    summary: 'show what goes out when, and to how many',
    options: DATE_SPAN_OPTIONS,
    examples: ['plan --from 2027-01-01 --to 2027-12-31 --json'],
    schema: z.object(dateSpanShape),
    run: withApp(async (input, { app, io }) => {
      const settings = await app.settings();
      const span = dateSpan(input, { now: app.clock.now(), zone: settings.timeZone, length: HORIZON });
      const plan = await queryPlan(app.db, span, { clock: app.clock, settings });
      // The shape that scripts rely on; what is only for our pages stays out of it.
      const data = plan.map(({ channel: _, foreseen: __, ...entry }) => entry);
      return { data, text: planTable(plan, io.columns) };
    }),
  });

  addCommand(program, session, {
    usage: 'deliveries <announcement>',
    summary: 'show what became of an announcement, person by person',
    options: [
      { flags: '--state <state>', help: `only deliveries in this state: ${DELIVERY_STATES.join(', ')}` },
    ],
    schema: z.object({
      announcement: z.string(),
      state: z.enum(DELIVERY_STATES, { error: `must be one of ${DELIVERY_STATES.join(', ')}` }).optional(),
    }),
    run: withApp(async (input, { app, io, json }) => {
      const id = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      const { announcement, books } = await announcementBooks(app.db, id);
      const filter = input.state === undefined ? {} : { state: input.state };
      const shown = json ? [] : await listDeliveries(app.db, id, { ...filter, limit: SHOWN });
      return {
        data: booksData(announcement, books),
        list: { name: 'rows', items: deliveryRows(app.db, id, filter) },
        text:
          announcementText(announcement, books) +
          (shown.length === 0 ? '' : `\n${deliveryTable(shown, announcement.zone, io.columns)}`) +
          more(shown.length, input.state === undefined ? books.audience : inState(books, input.state)),
      };
    }),
  });

  addCommand(program, session, {
    usage: 'hold <announcement>',
    summary: 'stop an announcement for now',
    options: [REASON_OPTION],
    schema: z.object({ announcement: z.string(), reason: z.string().optional() }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      const held = await holdAnnouncement(app.db, id, input.reason ?? null, {
        clock: app.clock,
        actor: CLI_ACTOR,
      });
      return { data: announcementData(held), text: `${named(held)} is on hold.\n` };
    }),
  });

  addCommand(program, session, {
    usage: 'resume <announcement>',
    summary: 'let an announcement on hold go on from where it stopped',
    schema: z.object({ announcement: z.string() }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      const resumed = await resumeAnnouncement(app.db, id, { clock: app.clock, actor: CLI_ACTOR });
      await app.nudge();
      const next = resumed.state === 'sending' ? 'goes on' : `goes out on ${when(resumed)}`;
      return { data: announcementData(resumed), text: `${named(resumed)} ${next}.\n` };
    }),
  });

  addCommand(program, session, {
    usage: 'cancel <announcement>',
    summary: 'cancel an announcement: nobody who has not got it will',
    options: [REASON_OPTION],
    schema: z.object({ announcement: z.string(), reason: z.string().optional() }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      const by = { clock: app.clock, actor: CLI_ACTOR };
      const cancelled = await cancelAnnouncement(app.db, id, input.reason ?? null, by);
      return { data: announcementData(cancelled), text: `${named(cancelled)} is cancelled.\n` };
    }),
  });

  addCommand(program, session, {
    usage: 'resolve-unknown <announcement>',
    summary: 'say what became of deliveries whose outcome is unknown; nothing is sent by this',
    options: [
      { flags: '--as <outcome>', help: 'sent when it arrived, failed when it did not' },
      {
        flags: '--delivery <id>',
        help: 'only this delivery; may be repeated (default: all)',
        repeatable: true,
      },
    ],
    schema: z.object({
      announcement: z.string(),
      as: z.enum(['sent', 'failed'], { error: 'must be sent or failed' }),
      delivery: z.array(z.guid({ error: 'must be the whole id of a delivery' })).optional(),
    }),
    run: withApp(async (input, { app }) => {
      const announcementId = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      const resolved = await resolveUnknown(
        app.db,
        { announcementId, deliveryIds: input.delivery ?? 'all', outcome: input.as },
        { clock: app.clock, actor: CLI_ACTOR },
      );
      return {
        data: { announcement: announcementId, outcome: input.as, resolved },
        text: `${count(resolved, 'delivery is', 'deliveries are')} noted as ${input.as}.\n`,
      };
    }),
  });
}

function planTable(plan: readonly PlanEntry[], columns: number | undefined): string {
  if (plan.length === 0) return 'Nothing is planned for these days.\n';
  return table(
    plan,
    [
      { heading: 'Id', value: ({ id }) => shortId(id), whole: true },
      timeColumn('Goes out', plan, ({ sendAt, zone }) => ({ at: Temporal.Instant.from(sendAt), zone })),
      { heading: 'What', value: ({ title }) => title },
      { heading: 'People', value: ({ audience }) => formatNumber(audience), align: 'right' },
      { heading: 'State', value: ({ state }) => STATE_WORDS[state] },
    ],
    columns,
  );
}

const STATE_WORDS: Readonly<Record<Announcement['state'], string>> = {
  draft: 'draft',
  awaiting_approval: 'waits for you',
  approved: 'planned',
  sending: 'going out',
  sent: 'sent',
  held: 'on hold',
  cancelled: 'cancelled',
  missed: 'missed',
  failed: 'failed',
};

/** The books of an announcement as `--json` gives them; the deliveries follow as `rows`. */
function booksData(announcement: Announcement, books: Books) {
  return {
    announcement: announcement.id,
    state: announcement.state,
    audience: books.audience,
    sent: books.sent,
    excluded: books.excluded,
    failed: books.failed,
    unknown: books.unknown,
    pending: books.pending,
    cancelled: books.cancelled,
  };
}

async function* deliveryRows(tx: Tx, announcementId: string, filter: { state?: DeliveryState }) {
  let after: string | undefined;
  for (;;) {
    const page = await listDeliveries(tx, announcementId, {
      ...filter,
      ...(after === undefined ? {} : { after }),
      limit: PAGE,
    });
    for (const { subscriberId, email, state, reason, messageId, at } of page) {
      yield { subscriberId, email, state, reason, messageId, at };
    }
    if (page.length < PAGE) return;
    after = page.at(-1)!.id;
  }
}

function announcementText(announcement: Announcement, books: Books): string {
  const parts = (['sent', 'pending', 'excluded', 'failed', 'unknown', 'cancelled'] as const)
    .filter((key) => books[key] > 0)
    .map((key) => `${formatNumber(books[key])} ${key}`);
  return fields([
    ['Announcement', announcement.title],
    ['State', [STATE_WORDS[announcement.state], announcement.stateReason].filter(Boolean).join(': ')],
    ['Goes out', when(announcement)],
    ['People', [formatNumber(books.audience), ...(parts.length > 0 ? [parts.join(', ')] : [])].join(': ')],
  ]);
}

function deliveryTable(shown: readonly DeliveryRow[], zone: string, columns: number | undefined): string {
  return table(
    shown,
    [
      { heading: 'Address', value: ({ email }) => email },
      { heading: 'State', value: ({ state }) => state, whole: true },
      timeColumn('When', shown, ({ at }) => ({ at, zone })),
      { heading: 'Reason', value: ({ reason }) => reason ?? '' },
    ],
    columns,
  );
}

function more(shown: number, all: number): string {
  if (shown === 0 || shown >= all) return '';
  return `… and ${formatNumber(all - shown)} more. --state shows those in one state, --json all.\n`;
}

function inState(books: Books, state: DeliveryState): number {
  return state === 'sending' ? books.pending : books[state];
}

function announcementData(announcement: Announcement) {
  const { id, kind, title, meetingId, sendAt, zone, topic, state, stateReason } = announcement;
  return { id, kind, title, meetingId, sendAt, zone, topic, state, stateReason };
}

function named({ title }: Announcement): string {
  return `“${printable(title)}”`;
}

function when({ sendAt, zone }: Announcement): string {
  return formatDateTime(sendAt, zone);
}
