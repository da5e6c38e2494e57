import { eq } from 'drizzle-orm';
import type { Nation } from '../calendar/bank-holidays.ts';
import { toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { meetings, meetingSeries } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { SeriesInput } from './meeting-input.ts';
import { changedDetails, updateMeeting } from './meetings.ts';
import {
  followingOccurrences,
  foreseeOccurrences,
  skipOccurrences,
  writeOccurrences,
  type Meeting,
  type Series,
} from './occurrences.ts';

interface Context {
  readonly clock: Clock;
  /** Whose bank holidays ask for a decision; null when none do. */
  readonly nation: Nation | null;
}

/** What an edit of a series did to its occurrences. */
export interface SeriesChange {
  readonly series: Series;
  readonly added: Meeting[];
  readonly changed: { readonly before: Meeting; readonly after: Meeting }[];
  /** Occurrences that the series no longer has. */
  readonly left: Meeting[];
}

/** Writes a series and its occurrences up to the horizon. */
export async function insertSeries(
  tx: Tx,
  input: SeriesInput,
  { clock, nation }: Context,
): Promise<{ series: Series; added: Meeting[] }> {
  const now = clock.now();
  const [series] = await tx
    .insert(meetingSeries)
    .values({ id: newId(now), ...input, createdAt: now, updatedAt: now })
    .returning();
  return { series: series!, added: await writeOccurrences(tx, series!, { clock, nation }) };
}

/**
 * Changes a series. Coming occurrences follow, except those that were changed by themselves.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when the series is archived.
 */
export async function updateSeries(
  tx: Tx,
  id: string,
  input: SeriesInput,
  { clock, nation }: Context,
): Promise<SeriesChange> {
  const before = await findSeries(tx, id);
  if (before.archivedAt) {
    throw new ConvenorError('wrong_state', 'This series is archived. Add a new series instead.');
  }
  const now = clock.now();
  const [series] = await tx
    .update(meetingSeries)
    .set({ ...input, updatedAt: now })
    .where(eq(meetingSeries.id, id))
    .returning();
  const following = await followingOccurrences(tx, id, now);
  const last = following.at(-1)?.originalDate ?? toWall(now, input.zone).toPlainDate();
  const first = following[0]?.originalDate ?? last;
  const wanted = new Map(
    foreseeOccurrences(series!, { from: first, to: last }, nation, now).map((meeting) => [
      meeting.id,
      meeting,
    ]),
  );
  const left = following.filter((meeting) => !wanted.has(meeting.id));
  await skipOccurrences(
    tx,
    left.map((meeting) => meeting.id),
    now,
  );
  const changed: { before: Meeting; after: Meeting }[] = [];
  for (const meeting of following) {
    const target = wanted.get(meeting.id);
    if (!target || changedDetails(meeting, target).length === 0) continue;
    const { title, description, wallStart, zone, startsAt, durationMinutes, link, reminders, topic } = target;
    const details = {
      title,
      description,
      wallStart,
      zone,
      startsAt,
      durationMinutes,
      link,
      reminders,
      topic,
    };
    changed.push({ before: meeting, after: await updateMeeting(tx, meeting, details, { clock }) });
  }
  return { series: series!, added: await writeOccurrences(tx, series!, { clock, nation }), changed, left };
}

/**
 * Ends a series: no further occurrence is made. Its coming occurrences that follow it are given back, for the
 * caller to cancel.
 */
export async function closeSeries(
  tx: Tx,
  id: string,
  { clock }: { clock: Clock },
): Promise<{ series: Series; coming: Meeting[] }> {
  const now = clock.now();
  await findSeries(tx, id);
  const [series] = await tx
    .update(meetingSeries)
    .set({ archivedAt: now, updatedAt: now })
    .where(eq(meetingSeries.id, id))
    .returning();
  const all = await tx.select().from(meetings).where(eq(meetings.seriesId, id)).orderBy(meetings.startsAt);
  const coming = all.filter(
    (meeting) =>
      Temporal.Instant.compare(meeting.startsAt, now) > 0 &&
      ['scheduled', 'undecided'].includes(meeting.status),
  );
  return { series: series!, coming };
}

/** @throws ConvenorError `not_found`. */
export async function findSeries(tx: Tx, id: string): Promise<Series> {
  const [series] = await tx.select().from(meetingSeries).where(eq(meetingSeries.id, id));
  if (!series) throw notFound('meeting series', id);
  return series;
}

/** Every series, the archived ones last. */
export async function listSeries(tx: Tx): Promise<Series[]> {
  const all = await tx.select().from(meetingSeries).orderBy(meetingSeries.createdAt);
  return [...all.filter((series) => !series.archivedAt), ...all.filter((series) => series.archivedAt)];
}

/** The next occurrences that an input would give, without writing anything: what a form shows while one types. */
export function previewOccurrences(
  input: SeriesInput,
  { count, now, nation }: { count: number; now: Temporal.Instant; nation: Nation | null },
): Meeting[] {
  const series: Series = { id: 'preview', ...input, createdAt: now, updatedAt: now, archivedAt: null };
  const today = toWall(now, input.zone).toPlainDate();
  const from = Temporal.PlainDate.compare(today, input.startsOn) > 0 ? today : input.startsOn;
  return foreseeOccurrences(series, { from, to: from.add({ years: 5 }) }, nation, now)
    .filter((meeting) => Temporal.Instant.compare(meeting.startsAt, now) > 0)
    .slice(0, count);
}
