import type { Command } from 'commander';
import { z } from 'zod';
import { addSeries, archiveSeries, editSeries } from '../../announcements/meeting-changes.ts';
import { formatDate, formatTime, zoneLabel } from '../../calendar/format.ts';
import { describeRule, parseRule } from '../../calendar/recurrence.ts';
import { parseWallTime, toWall } from '../../calendar/wall.ts';
import { parseSeriesInput } from '../../meetings/meeting-input.ts';
import { nextMeetings, type Meeting, type Series } from '../../meetings/occurrences.ts';
import { findSeries, listSeries } from '../../meetings/series.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { resolveId, shortId } from '../ids.ts';
import { fields, table } from '../output/table.ts';
import { count, printable } from '../output/text.ts';
import {
  changeContext,
  MEETING_OPTIONS,
  meetingData,
  meetingShape,
  meetingTable,
  reminderNote,
} from './meeting-parts.ts';

const SERIES_OPTIONS = [
  { flags: '--rule <rrule>', help: 'when it repeats: FREQ=MONTHLY;BYDAY=1WE' },
  { flags: '--time <time>', help: 'time of day on the clock of its zone: 19:00' },
  { flags: '--starts-on <date>', help: 'first day on which it may take place (default: today)' },
  { flags: '--ends-on <date>', help: 'last day on which it may take place; "never" for no end' },
  ...MEETING_OPTIONS,
] as const;

const seriesShape = {
  ...meetingShape,
  rule: z.string().optional(),
  time: z.string().optional(),
  startsOn: z.string().optional(),
  endsOn: z
    .string()
    .transform((text) => (text === 'never' ? null : text))
    .optional(),
};

export function addSeriesCommands(parent: Command, session: Session): void {
  const group = addGroup(parent, 'series', 'meetings that repeat');

  addCommand(group, session, {
    usage: 'add',
    summary: 'add a series',
    options: SERIES_OPTIONS,
    examples: [
      'meetings series add --title "Monthly meeting" --rule "FREQ=MONTHLY;BYDAY=1WE" --time 19:00 --zone Europe/London --duration 60 --link https://zoom.us/j/123456789 --remind 7d@09:00 --remind 1d@09:00 --remind 1h',
    ],
    schema: z.object(seriesShape),
    run: withApp(async (input, { app, io }) => {
      const context = await changeContext(app);
      const raw = { zone: context.settings.timeZone, remind: [], ...input };
      const today = toWall(app.clock.now(), context.settings.timeZone).toPlainDate();
      const { series, meetings } = await addSeries(app.db, parseSeriesInput(raw, today), context);
      await app.nudge();
      return {
        data: { ...seriesData(series), meetings: meetings.map(meetingData) },
        text: `Added ${seriesSentence(series)}.\n${reminderNote(series)}\n${meetingTable(meetings, io.columns)}`,
      };
    }),
  });

  addCommand(group, session, {
    usage: 'list',
    summary: 'show every series',
    schema: z.object({}),
    run: withApp(async (_input, { app, io }) => {
      const now = app.clock.now();
      const all = await Promise.all(
        (await listSeries(app.db)).map(async (series) => {
          const [next] = await nextMeetings(app.db, { after: now, limit: 1, seriesId: series.id });
          return { series, next };
        }),
      );
      return {
        data: all.map(({ series, next }) => ({ ...seriesData(series), nextStart: next?.startsAt ?? null })),
        text: seriesTable(all, io.columns),
      };
    }),
  });

  addCommand(group, session, {
    usage: 'edit <series>',
    summary: 'change a series; people who were told of a meeting get one correction',
    options: SERIES_OPTIONS,
    schema: z.object({ ...seriesShape, series: z.string() }),
    run: withApp(async ({ series: text, ...input }, { app }) => {
      const id = await resolveId(app.db, 'meeting series', text, 'series');
      const before = await findSeries(app.db, id);
      const details = parseSeriesInput({ ...rawSeries(before), ...input }, before.startsOn);
      const change = await editSeries(app.db, id, details, await changeContext(app));
      await app.nudge();
      return {
        data: {
          ...seriesData(change.series),
          added: change.added.map(meetingData),
          changed: change.changed.map(({ after }) => meetingData(after)),
          left: change.left.map(({ id: meetingId }) => meetingId),
        },
        text: [
          `It is now ${seriesSentence(change.series)}.\n`,
          fields([
            ['Added', count(change.added.length, 'meeting', 'meetings')],
            ['Changed', count(change.changed.length, 'meeting', 'meetings')],
            ['Called off', count(change.left.length, 'meeting', 'meetings')],
          ]),
        ].join(''),
      };
    }),
  });

  addCommand(group, session, {
    usage: 'archive <series>',
    summary: 'end a series; its coming meetings are called off',
    schema: z.object({ series: z.string() }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'meeting series', input.series, 'series');
      const series = await archiveSeries(app.db, id, await changeContext(app));
      await app.nudge();
      return { data: seriesData(series), text: `Archived ${seriesSentence(series)}.\n` };
    }),
  });
}

function seriesData(series: Series) {
  return {
    id: series.id,
    title: series.title,
    description: series.description,
    rule: series.rule,
    ruleInWords: describeRule(parseRule(series.rule)),
    time: series.wallTime,
    zone: series.zone,
    duration: series.durationMinutes,
    link: series.link,
    remind: series.reminders,
    topic: series.topic,
    startsOn: series.startsOn,
    endsOn: series.endsOn,
    archivedAt: series.archivedAt,
  };
}

/** A series as `parseSeriesInput` reads it, so that an edit names only what is to be different. */
function rawSeries(series: Series) {
  return {
    title: series.title,
    description: series.description,
    rule: series.rule,
    time: series.wallTime,
    zone: series.zone,
    duration: series.durationMinutes,
    link: series.link,
    remind: series.reminders,
    topic: series.topic,
    startsOn: series.startsOn.toString(),
    endsOn: series.endsOn?.toString() ?? null,
  };
}

function seriesTable(
  all: readonly { series: Series; next: Meeting | undefined }[],
  columns: number | undefined,
): string {
  if (all.length === 0) return 'There is no series yet. Add one with "meetings series add".\n';
  return table(
    all,
    [
      { heading: 'Id', value: ({ series }) => shortId(series.id), whole: true },
      { heading: 'Series', value: ({ series }) => series.title },
      { heading: 'When', value: ({ series }) => whenInWords(series) },
      { heading: 'Reminders', value: ({ series }) => series.reminders.join(', ') || 'none' },
      {
        heading: 'Next',
        value: ({ series, next }) => {
          if (series.archivedAt) return 'archived';
          return next ? formatDate(toWall(next.startsAt, next.zone).toPlainDate()) : 'none';
        },
      },
    ],
    columns,
  );
}

function seriesSentence(series: Series): string {
  return `“${printable(series.title)}”, ${whenInWords(series)} [${shortId(series.id)}]`;
}

function whenInWords({ rule, wallTime, zone }: Series): string {
  return `${describeRule(parseRule(rule))}, ${formatTime(parseWallTime(wallTime))} (${zoneLabel(zone)})`;
}
