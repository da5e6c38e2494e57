import { and, eq, gt, gte, inArray, isNull, lt, lte, notInArray, sql } from 'drizzle-orm';
import { bankHoliday, type Nation } from '../calendar/bank-holidays.ts';
import { formatDate } from '../calendar/format.ts';
import { occurrenceDates, parseRule } from '../calendar/recurrence.ts';
import { toInstant, toWall } from '../calendar/wall.ts';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import type { Tx } from '../db/open.ts';
import { meetings, meetingSeries } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { derivedId } from '../kernel/ids.ts';
import { formatWall } from './meeting-input.ts';

export type Series = typeof meetingSeries.$inferSelect;
export type Meeting = typeof meetings.$inferSelect;

/** How far ahead occurrences are written as rows. */
export const HORIZON = Temporal.Duration.from({ days: 120 });

/** Why an occurrence is skipped when its series was edited; it comes back if the series meets on its date again. */
const NOT_IN_SERIES = 'The series no longer meets on this date.';

/**
 * The occurrences of a series whose original dates lie in a span of days (inclusive, in the series' zone), as
 * they would be written. Pure: the same series gives the same ids. A date on a bank holiday of `nation` is
 * `undecided` until the administrator says what is to happen; it never moves by itself.
 */
export function foreseeOccurrences(
  series: Series,
  span: { from: Temporal.PlainDate; to: Temporal.PlainDate },
  nation: Nation | null,
  now: Temporal.Instant,
): Meeting[] {
  const dates = occurrenceDates(parseRule(series.rule), {
    startsOn: series.startsOn,
    ...(series.endsOn ? { endsOn: series.endsOn } : {}),
    ...span,
  });
  return dates.map((date) => occurrenceOn(series, date, nation, now));
}

function occurrenceOn(
  series: Series,
  date: Temporal.PlainDate,
  nation: Nation | null,
  now: Temporal.Instant,
): Meeting {
  const id = derivedId('meeting', series.id, date.toString());
  // A time that the clocks skip on this one day is taken as the hour after, as calendar programs do.
  const startsAt = toInstant(date.toPlainDateTime(series.wallTime), series.zone);
  const holiday = nation ? bankHoliday(date, nation) : undefined;
  return {
    id,
    seriesId: series.id,
    originalDate: date,
    title: series.title,
    description: series.description,
    wallStart: formatWall(toWall(startsAt, series.zone)),
    zone: series.zone,
    startsAt,
    durationMinutes: series.durationMinutes,
    link: series.link,
    reminders: series.reminders,
    topic: series.topic,
    uid: id,
    sequence: 0,
    status: holiday ? 'undecided' : 'scheduled',
    statusReason: holiday
      ? `${formatDate(date)} is a bank holiday (${holiday}). Keep the date, move the meeting or skip it.`
      : null,
    customised: false,
    createdAt: now,
    updatedAt: now,
  };
}

/**
 * Writes the occurrences of a series up to the horizon, each once, and brings back those that an earlier edit
 * of the series had skipped.
 *
 * @returns the occurrences that are new or came back.
 */
export async function writeOccurrences(
  tx: Tx,
  series: Series,
  { clock, nation }: { clock: Clock; nation: Nation | null },
): Promise<Meeting[]> {
  if (series.archivedAt) return [];
  const now = clock.now();
  const today = toWall(now, series.zone).toPlainDate();
  const foreseen = foreseeOccurrences(series, { from: today, to: today.add(HORIZON) }, nation, now).filter(
    (meeting) => Temporal.Instant.compare(meeting.startsAt, now) > 0,
  );
  if (foreseen.length === 0) return [];
  const inserted = await tx.insert(meetings).values(foreseen).onConflictDoNothing().returning();
  const revived: Meeting[] = [];
  const skipped = await tx
    .select({ id: meetings.id })
    .from(meetings)
    .where(
      and(
        inArray(
          meetings.id,
          foreseen.map((meeting) => meeting.id),
        ),
        eq(meetings.statusReason, NOT_IN_SERIES),
      ),
    );
  for (const { id } of skipped) {
    const { createdAt: _, sequence: __, ...current } = foreseen.find((meeting) => meeting.id === id)!;
    revived.push(...(await tx.update(meetings).set(current).where(eq(meetings.id, id)).returning()));
  }
  return [...inserted, ...revived];
}

/** The coming occurrences of a series that follow it: neither over, nor cancelled, nor changed by themselves. */
export async function followingOccurrences(
  tx: Tx,
  seriesId: string,
  now: Temporal.Instant,
): Promise<Meeting[]> {
  return tx
    .select()
    .from(meetings)
    .where(
      and(
        eq(meetings.seriesId, seriesId),
        gt(meetings.startsAt, now),
        eq(meetings.customised, false),
        inArray(meetings.status, ['scheduled', 'undecided']),
      ),
    )
    .orderBy(meetings.startsAt);
}

/** Marks occurrences that their series no longer has, so that the row and its history stay. */
export async function skipOccurrences(tx: Tx, ids: readonly string[], now: Temporal.Instant): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .update(meetings)
    .set({ status: 'skipped', statusReason: NOT_IN_SERIES, updatedAt: now })
    .where(inArray(meetings.id, [...ids]));
}

/** Series that are not archived. */
export async function activeSeries(tx: Tx): Promise<Series[]> {
  return tx
    .select()
    .from(meetingSeries)
    .where(isNull(meetingSeries.archivedAt))
    .orderBy(meetingSeries.createdAt);
}

export const MEETING_ORDERS = ['soonest', 'latest', 'title'] as const;
export type MeetingOrder = (typeof MEETING_ORDERS)[number];

const ORDERS: Readonly<Record<MeetingOrder, ListOrder>> = {
  soonest: { by: meetings.startsAt },
  latest: { by: meetings.startsAt, descending: true },
  title: { by: sql`lower(${meetings.title})` },
};

/**
 * Meetings whatever their status, page by page.
 *
 * @param query `from` and `to`: they start from the one instant on and before the other; `text`: words that all stand
 *   in the title; `after`: id of the last row of the page before.
 */
export async function listMeetings(
  tx: Tx,
  {
    from,
    to,
    text = '',
    order = 'soonest',
    after,
    limit = 50,
  }: {
    from?: Temporal.Instant | undefined;
    to?: Temporal.Instant | undefined;
    text?: string;
    order?: MeetingOrder;
    after?: string | undefined;
    limit?: number;
  },
): Promise<Meeting[]> {
  const { behind, orderBy } = keyset(meetings, ORDERS[order], after);
  return tx
    .select()
    .from(meetings)
    .where(
      and(
        from && gte(meetings.startsAt, from),
        to && lt(meetings.startsAt, to),
        containing(meetings.title, text),
        behind,
      ),
    )
    .orderBy(...orderBy)
    .limit(limit);
}

/** Meetings that start in a span of instants (inclusive), whatever their status, in the order of their start. */
export async function meetingsBetween(
  tx: Tx,
  from: Temporal.Instant,
  to: Temporal.Instant,
): Promise<Meeting[]> {
  return tx
    .select()
    .from(meetings)
    .where(and(gte(meetings.startsAt, from), lte(meetings.startsAt, to)))
    .orderBy(meetings.startsAt, meetings.id);
}

/**
 * The meetings that take place after an instant, soonest first. With `seriesId`, those of that series only;
 * `except` leaves one out.
 */
export async function nextMeetings(
  tx: Tx,
  {
    after,
    limit,
    seriesId,
    except,
  }: { after: Temporal.Instant; limit: number; seriesId?: string; except?: string },
): Promise<Meeting[]> {
  return tx
    .select()
    .from(meetings)
    .where(
      and(
        gt(meetings.startsAt, after),
        notInArray(meetings.status, ['skipped', 'cancelled']),
        seriesId ? eq(meetings.seriesId, seriesId) : undefined,
        except ? notInArray(meetings.id, [except]) : undefined,
      ),
    )
    .orderBy(meetings.startsAt)
    .limit(limit);
}
