/** What the forms for meetings hold: read from a browser, from a row, or fresh. */
import type { FastifyRequest } from 'fastify';
import { formatDate, formatTime, zoneLabel } from '../../calendar/format.ts';
import { bankHoliday } from '../../calendar/bank-holidays.ts';
import { describeRule, parseRule } from '../../calendar/recurrence.ts';
import { toWall } from '../../calendar/wall.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { parseSeriesInput, type SeriesInput } from '../../meetings/meeting-input.ts';
import type { Meeting, Series } from '../../meetings/occurrences.ts';
import { previewOccurrences } from '../../meetings/series.ts';
import type { Settings } from '../../organisation/settings.ts';
import { field, fieldList } from '../form.ts';
import {
  readScheduleFields,
  reminderFields,
  remindersOf,
  ruleFields,
  ruleOf,
  type ScheduleFields,
} from '../schedule-form.ts';
import { capital } from '../views.ts';

export const MEETING_LABELS = {
  title: 'Title',
  description: 'What it is about',
  link: 'Link to join',
  rule: 'When the group meets:',
  time: 'Starts at:',
  start: 'Day and time:',
  duration: 'Length in minutes',
  zone: 'Time zone:',
  remind: 'Reminders:',
  startsOn: 'First day',
  endsOn: 'Last day',
};

const DETAIL_FIELDS = ['title', 'description', 'link', 'duration', 'time', 'zone'] as const;

/** The fields of a series form, as a browser sent them. */
export function postedSeries(request: FastifyRequest) {
  const text = (name: string) => field(request, name);
  const schedule = readScheduleFields(text, (name) => fieldList(request, name));
  const values = Object.fromEntries(
    [...DETAIL_FIELDS, 'startsOn', 'endsOn'].map((name) => [name, text(name)]),
  );
  return { values, schedule };
}

export type SeriesFields = ReturnType<typeof postedSeries>;

/** A form for a new series: the first Wednesday of the month with three reminders, which most groups want. */
export function freshSeries(settings: Settings): SeriesFields {
  return {
    values: { duration: '60', time: '19:00', zone: settings.timeZone },
    schedule: {
      ...ruleFields('FREQ=MONTHLY;BYDAY=1WE'),
      ownRule: '',
      reminders: reminderFields(['7d@09:00', '1d@09:00', '1h']),
    },
  };
}

export function storedSeries(series: Series): SeriesFields {
  return {
    values: {
      title: series.title,
      description: series.description,
      link: series.link,
      duration: String(series.durationMinutes),
      time: series.wallTime,
      zone: series.zone,
      startsOn: series.startsOn.toString(),
      endsOn: series.endsOn?.toString() ?? '',
    },
    schedule: { ...ruleFields(series.rule), reminders: reminderFields(series.reminders) },
  };
}

/**
 * The series that the fields describe.
 *
 * @throws ConvenorError `invalid_input` as `parseSeriesInput`.
 */
export function seriesOf(fields: SeriesFields, today: Temporal.PlainDate): SeriesInput {
  const { startsOn, endsOn, ...values } = fields.values;
  return parseSeriesInput(
    {
      ...values,
      rule: ruleOf(fields.schedule),
      remind: remindersOf(fields.schedule),
      ...(startsOn ? { startsOn } : {}),
      ...(endsOn ? { endsOn } : {}),
    },
    today,
  );
}

/** The next twelve dates of what has been typed so far, or what is still missing. */
export function datesPreview(fields: SeriesFields, settings: Settings, now: Temporal.Instant) {
  // Title and link say nothing about the dates, so their absence must not hide them.
  const values = { ...fields.values, title: fields.values['title'] || '–', link: 'https://example.org/' };
  try {
    const today = toWall(now, settings.timeZone).toPlainDate();
    const input = seriesOf({ ...fields, values }, today);
    const found = previewOccurrences(input, { count: 12, now, nation: settings.bankHolidays });
    return {
      rule: capital(describeRule(parseRule(input.rule))),
      time: `${formatTime(Temporal.PlainTime.from(input.wallTime))} (${zoneLabel(input.zone)})`,
      dates: found.map(({ originalDate }) => ({
        date: formatDate(originalDate!),
        holiday:
          settings.bankHolidays === null ? undefined : bankHoliday(originalDate!, settings.bankHolidays),
      })),
    };
  } catch (error) {
    if (!(error instanceof ConvenorError)) throw error;
    return { problem: capital(error.problems.map(({ message }) => message).join('. ')) };
  }
}

/** The fields of the form for one meeting, as a browser sent them. */
export function postedMeeting(request: FastifyRequest) {
  const text = (name: string) => field(request, name);
  const { reminders } = readScheduleFields(text, (name) => fieldList(request, name));
  const values = Object.fromEntries([...DETAIL_FIELDS, 'date'].map((name) => [name, text(name)]));
  return { values, reminders };
}

export type MeetingFields = ReturnType<typeof postedMeeting>;

export function freshMeeting(settings: Settings): MeetingFields {
  return {
    values: { duration: '60', time: '19:00', zone: settings.timeZone },
    reminders: reminderFields(['7d@09:00', '1d@09:00', '1h']),
  };
}

export function storedMeeting(meeting: Meeting): MeetingFields {
  const wall = toWall(meeting.startsAt, meeting.zone);
  return {
    values: {
      title: meeting.title,
      description: meeting.description,
      link: meeting.link,
      duration: String(meeting.durationMinutes),
      date: wall.toPlainDate().toString(),
      time: wall.toPlainTime().toString({ smallestUnit: 'minute' }),
      zone: meeting.zone,
    },
    reminders: reminderFields(meeting.reminders),
  };
}

/** The fields under the names that the domain reads. */
export function meetingInput({
  values,
  reminders,
}: {
  values: Record<string, string>;
  reminders: ScheduleFields['reminders'];
}) {
  const { date, time, ...details } = values;
  return { ...details, start: `${date ?? ''}T${time ?? ''}`, remind: remindersOf({ reminders }) };
}

/** "10 pm and 8 am", for the hint about quiet hours; `undefined` when there are none. */
export function quietWords({ quietHours }: Settings): string | undefined {
  return quietHours === null ? undefined : `${formatTime(quietHours.from)} and ${formatTime(quietHours.to)}`;
}
