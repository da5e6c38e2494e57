import { and, asc, eq, gte, inArray, lt, lte, sql } from 'drizzle-orm';
import { parseReminderRule } from '../calendar/reminder-rule.ts';
import { toInstant, toWall } from '../calendar/wall.ts';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import type { Tx } from '../db/open.ts';
import { announcements, bulletins, meetings, type AnnouncementState, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { activeSeries, foreseeOccurrences } from '../meetings/occurrences.ts';
import type { TopicSizes } from '../subscribers/audience.ts';
import { audienceSizes } from './audience-of.ts';
import { readBooks, type Books } from './books.ts';
import type { Announcement } from './announcements.ts';
import { activeBulletinSchedules, bulletinDates, bulletinRow } from './bulletins-schedules.ts';
import { reminderRow, wantedReminders, type PlanningRules } from './planning.ts';

/** One line of the plan: what goes out when, to how many. Instants are UTC in ISO 8601. */
export interface PlanEntry {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly meetingId: string | null;
  readonly meetingStart: string | null;
  readonly sendAt: string;
  /** `YYYY-MM-DDTHH:MM:SS` on the wall clock of `zone`. */
  readonly sendAtLocal: string;
  readonly zone: string;
  readonly topic: Topic;
  readonly channel: Announcement['channel'];
  /** People in the audience: as frozen, or as it would be now. */
  readonly audience: number;
  readonly state: AnnouncementState;
  /** Computed from its series or schedule: it is no row yet. */
  readonly foreseen: boolean;
}

/**
 * What goes out in a span of days (inclusive, on the wall clock of the group), in the order of sending. Beyond
 * the occurrences that are written it is computed from the series, with the ids that the rows will have. Nothing
 * is written.
 *
 * @param context `sizes`: how many people get mail about each topic now, if it has been counted already.
 */
export async function queryPlan(
  tx: Tx,
  { from, to }: { from: Temporal.PlainDate; to: Temporal.PlainDate },
  { clock, settings, sizes }: { clock: Clock; settings: PlanningRules; sizes?: TopicSizes },
): Promise<PlanEntry[]> {
  const now = clock.now();
  const first = toInstant(from.toPlainDateTime(), settings.timeZone);
  const end = toInstant(to.add({ days: 1 }).toPlainDateTime(), settings.timeZone);
  const stored = await tx
    .select({ announcement: announcements, meetingStart: meetings.startsAt })
    .from(announcements)
    .leftJoin(meetings, eq(meetings.id, announcements.meetingId))
    .where(and(gte(announcements.sendAt, first), lt(announcements.sendAt, end)));
  const foreseen = [
    ...(await foreseeReminders(tx, { from, to, now, settings })),
    ...(await foreseeBulletins(tx, { from, to, now, settings })),
  ];
  const sizeOf = audienceSizes(tx, now, sizes);
  const entries: (PlanEntry & { order: Temporal.Instant })[] = [];
  for (const { announcement, meetingStart } of stored) {
    const waiting = announcement.audience === null && isOpen(announcement.state);
    entries.push({
      ...entry(announcement, meetingStart),
      foreseen: false,
      audience: announcement.audience ?? (waiting ? await sizeOf(announcement) : 0),
      order: announcement.sendAt,
    });
  }
  for (const { row, meetingStart } of foreseen) {
    if (Temporal.Instant.compare(row.sendAt, first) < 0 || Temporal.Instant.compare(row.sendAt, end) >= 0)
      continue;
    entries.push({
      ...entry(row, meetingStart),
      foreseen: true,
      audience: await sizeOf({ audienceKind: 'topic', audienceOf: null, topic: row.topic, meetingId: null }),
      order: row.sendAt,
    });
  }
  return entries
    .sort((a, b) => Temporal.Instant.compare(a.order, b.order) || (a.id < b.id ? -1 : 1))
    .map(({ order: _order, ...rest }) => rest);
}

interface Foreseen {
  readonly row: typeof announcements.$inferInsert;
  readonly meetingStart: Temporal.Instant | null;
}

interface Span {
  readonly from: Temporal.PlainDate;
  readonly to: Temporal.PlainDate;
  readonly now: Temporal.Instant;
  readonly settings: PlanningRules;
}

async function foreseeReminders(tx: Tx, { from, to, now, settings }: Span): Promise<Foreseen[]> {
  const found: Foreseen[] = [];
  for (const series of await activeSeries(tx)) {
    const written = await tx
      .select({ id: meetings.id })
      .from(meetings)
      .where(eq(meetings.seriesId, series.id));
    const known = new Set(written.map(({ id }) => id));
    const span = { from, to: to.add({ days: longestLead(series.reminders) }) };
    for (const meeting of foreseeOccurrences(series, span, settings.bankHolidays, now)) {
      if (known.has(meeting.id)) continue;
      for (const reminder of wantedReminders(meeting, settings, now)) {
        found.push({ row: reminderRow(meeting, reminder, now), meetingStart: meeting.startsAt });
      }
    }
  }
  return found;
}

/** By how many days the first of some reminders may precede its meeting, with a day for its shift. */
function longestLead(reminders: readonly string[]): number {
  const days = reminders.map((text) => {
    const rule = parseReminderRule(text);
    return rule.kind === 'days' ? rule.days : rule.minutes / (24 * 60);
  });
  return Math.ceil(Math.max(0, ...days)) + 2;
}

/** Bulletins that are not drafted yet. The days around the span are those from which quiet hours move a bulletin. */
async function foreseeBulletins(tx: Tx, { from, to, now, settings }: Span): Promise<Foreseen[]> {
  const found: Foreseen[] = [];
  for (const schedule of await activeBulletinSchedules(tx)) {
    const drafted = await tx
      .select({ id: bulletins.announcementId })
      .from(bulletins)
      .where(eq(bulletins.scheduleId, schedule.id));
    const known = new Set(drafted.map(({ id }) => id));
    const span = { from: from.subtract({ days: 1 }), to: to.add({ days: 1 }) };
    for (const each of bulletinDates(schedule, span, settings)) {
      const row = bulletinRow(schedule, each, now);
      const ahead = Temporal.Instant.compare(each.sendAt, now) > 0;
      if (ahead && !known.has(row.id)) found.push({ row, meetingStart: null });
    }
  }
  return found;
}

type EntrySource = Pick<Announcement, 'id' | 'kind' | 'title' | 'sendAt' | 'zone' | 'topic' | 'state'> & {
  channel?: Announcement['channel'] | undefined;
  meetingId?: string | null | undefined;
};

function entry(
  row: EntrySource,
  meetingStart: Temporal.Instant | null,
): Omit<PlanEntry, 'audience' | 'foreseen'> {
  return {
    id: row.id,
    kind: row.kind,
    title: row.title,
    meetingId: row.meetingId ?? null,
    meetingStart: meetingStart?.toString() ?? null,
    sendAt: row.sendAt.toString(),
    sendAtLocal: toWall(row.sendAt, row.zone).toString({ smallestUnit: 'second' }),
    zone: row.zone,
    topic: row.topic,
    channel: row.channel ?? 'smtp',
    state: row.state,
  };
}

function isOpen(state: AnnouncementState): boolean {
  return ['draft', 'awaiting_approval', 'approved', 'sending', 'held'].includes(state);
}

export const ANNOUNCEMENT_ORDERS = ['latest', 'soonest', 'title'] as const;
export type AnnouncementOrder = (typeof ANNOUNCEMENT_ORDERS)[number];

const ORDERS: Readonly<Record<AnnouncementOrder, ListOrder>> = {
  latest: { by: announcements.sendAt, descending: true },
  soonest: { by: announcements.sendAt },
  title: { by: sql`lower(${announcements.title})` },
};

/**
 * Announcements with their books, by their send time (the latest first) unless another order is asked for.
 *
 * @param query `text`: words that all stand in the title; `after`: id of the last row of the page before.
 */
export async function listAnnouncements(
  tx: Tx,
  {
    states,
    upTo,
    after,
    text = '',
    order = 'latest',
    limit = 50,
  }: {
    states?: readonly AnnouncementState[];
    upTo?: Temporal.Instant;
    text?: string;
    order?: AnnouncementOrder;
    after?: string | undefined;
    limit?: number;
  } = {},
): Promise<{ announcement: Announcement; books: Books }[]> {
  const { behind, orderBy } = keyset(announcements, ORDERS[order], after);
  const found = await tx
    .select()
    .from(announcements)
    .where(
      and(
        states ? inArray(announcements.state, [...states]) : undefined,
        upTo ? lte(announcements.sendAt, upTo) : undefined,
        containing(announcements.title, text),
        behind,
      ),
    )
    .orderBy(...orderBy)
    .limit(limit);
  const books = await readBooks(
    tx,
    found.map(({ id }) => id),
  );
  return found.map((announcement) => ({ announcement, books: books.get(announcement.id)! }));
}

/** The notices of one meeting in the order of sending, with their books. */
export async function meetingNotices(
  tx: Tx,
  meetingId: string,
): Promise<{ announcement: Announcement; books: Books }[]> {
  const found = await tx
    .select()
    .from(announcements)
    .where(eq(announcements.meetingId, meetingId))
    .orderBy(asc(announcements.sendAt), asc(announcements.id));
  const books = await readBooks(
    tx,
    found.map(({ id }) => id),
  );
  return found.map((announcement) => ({ announcement, books: books.get(announcement.id)! }));
}
