import { z } from 'zod';
import { occurrenceDates, parseRule } from '../calendar/recurrence.ts';
import { formatReminderRule, parseReminderRule } from '../calendar/reminder-rule.ts';
import { parseWallDateTime, parseWallTime, parseZone, toInstant, toWall } from '../calendar/wall.ts';
import { TOPICS, type Topic } from '../db/schema.ts';
import { ConvenorError, invalidInput, type FieldProblem } from '../kernel/errors.ts';

/** What every meeting has, whether it stands alone or comes from a series. */
export interface MeetingDetails {
  readonly title: string;
  readonly description: string;
  readonly zone: string;
  readonly durationMinutes: number;
  /** Web address, or `MADE_AT_ZOOM`. */
  readonly link: string;
  /** Reminder rules in canonical form. */
  readonly reminders: string[];
  readonly topic: Topic;
}

export interface SeriesInput extends MeetingDetails {
  /** RFC 5545 RRULE value. */
  readonly rule: string;
  /** `HH:MM` on the wall clock of `zone`. */
  readonly wallTime: string;
  readonly startsOn: Temporal.PlainDate;
  readonly endsOn: Temporal.PlainDate | null;
}

export interface SingleMeetingInput extends MeetingDetails {
  /** `YYYY-MM-DDTHH:MM` on the wall clock of `zone`. */
  readonly wallStart: string;
}

/** Runs a parser of another module inside a schema, keeping its own words as the message. */
function through<T>(parse: (text: string) => T) {
  return (text: string, context: z.RefinementCtx): T => {
    try {
      return parse(text);
    } catch (error) {
      const message =
        error instanceof ConvenorError ? (error.problems[0]?.message ?? error.message) : 'is not understood';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  };
}

const line = (most: number) =>
  z
    .string({ error: 'must be given' })
    .trim()
    .min(1, { error: 'must not be empty' })
    .max(most, { error: `must have at most ${most} characters` })
    .refine((text) => !/\p{Cc}/u.test(text), {
      error: 'must be one line without control characters',
    });

const duration = z.coerce
  .number({ error: 'must be a number of minutes (example: 60)' })
  .int({ error: 'must be whole minutes (example: 60)' })
  .min(5, { error: 'must be at least 5 minutes' })
  .max(1440, { error: 'must be at most 1440 minutes (one day)' });

/** In place of a link: the room is made at Zoom, and its link kept up to date there. */
export const MADE_AT_ZOOM = 'zoom';

const link = z
  .string({ error: 'must be given' })
  .trim()
  .max(2000, { error: 'must have at most 2000 characters' })
  .transform((text) => (text.toLowerCase() === MADE_AT_ZOOM ? MADE_AT_ZOOM : text))
  .refine((text) => text === MADE_AT_ZOOM || isWebAddress(text), {
    error: `must be a web address (example: https://zoom.us/j/123456789), or the word "${MADE_AT_ZOOM}" to have the meeting made at Zoom`,
  });

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol);
}

const reminderList = z
  .array(z.string().transform(through((text) => formatReminderRule(parseReminderRule(text)))))
  .max(10, { error: 'must be at most 10 reminders' })
  .transform((rules) => [...new Set(rules)]);

const date = z.string().transform(
  through((text) => {
    try {
      return Temporal.PlainDate.from(text.trim(), { overflow: 'reject' });
    } catch {
      throw invalidInput({ field: 'date', message: 'must be a date (example: 2027-01-31)' });
    }
  }),
);

const details = {
  title: line(300),
  description: z.string().trim().max(5000, { error: 'must have at most 5000 characters' }).default(''),
  zone: z.string({ error: 'must be given' }).transform(through(parseZone)),
  duration,
  link,
  remind: reminderList,
  topic: z.enum(TOPICS, { error: `must be one of ${TOPICS.join(', ')}` }).default('meetings'),
};

const seriesSchema = z.object({
  ...details,
  rule: z.string({ error: 'must be given' }).transform(through((text) => parseRule(text).text)),
  time: z
    .string({ error: 'must be given' })
    .transform(through((text) => formatWallTime(parseWallTime(text)))),
  startsOn: date.optional(),
  endsOn: date.nullish(),
});

const singleSchema = z.object({
  ...details,
  start: z
    .string({ error: 'must be given' })
    .min(1, 'must be given')
    .transform(through((text) => parseWallDateTime(text))),
});

/**
 * Checks what a form or the command line says of a series.
 *
 * @param raw keys `title`, `description`, `rule`, `time`, `zone`, `duration`, `link`, `remind` (list), `topic`,
 *   `startsOn`, `endsOn`; `today` is the day from which dates count when `startsOn` is left out.
 * @throws ConvenorError `invalid_input` with a problem for each wrong field.
 */
export function parseSeriesInput(raw: unknown, today: Temporal.PlainDate): SeriesInput {
  const input = parse(seriesSchema, raw);
  const startsOn = input.startsOn ?? today;
  const endsOn = input.endsOn ?? null;
  if (endsOn && Temporal.PlainDate.compare(endsOn, startsOn) < 0) {
    throw invalidInput({
      field: 'endsOn',
      message: `must not be before the first day, ${startsOn.toString()}`,
    });
  }
  const horizon = startsOn.add({ years: 5 });
  const to = endsOn ?? horizon;
  const dates = occurrenceDates(parseRule(input.rule), { startsOn, from: startsOn, to });
  if (dates.length === 0) {
    throw invalidInput({
      field: 'rule',
      message: `gives no date between ${startsOn.toString()} and ${to.toString()}`,
    });
  }
  return {
    title: input.title,
    description: input.description,
    rule: input.rule,
    wallTime: input.time,
    zone: input.zone,
    durationMinutes: input.duration,
    link: input.link,
    reminders: input.remind,
    topic: input.topic,
    startsOn,
    endsOn,
  };
}

/**
 * Checks what a form or the command line says of a meeting that stands alone.
 *
 * @param raw keys `title`, `description`, `start` (wall clock), `zone`, `duration`, `link`, `remind`, `topic`.
 * @throws ConvenorError `invalid_input` with a problem for each wrong field.
 */
export function parseSingleMeetingInput(raw: unknown): SingleMeetingInput {
  const input = parse(singleSchema, raw);
  return {
    title: input.title,
    description: input.description,
    wallStart: checkedWall(input.start, input.zone, 'start'),
    zone: input.zone,
    durationMinutes: input.duration,
    link: input.link,
    reminders: input.remind,
    topic: input.topic,
  };
}

/** What may be changed on one meeting; a key that is left out stays as it is. */
export interface MeetingChange {
  readonly title?: string;
  readonly description?: string;
  readonly wallStart?: string;
  readonly durationMinutes?: number;
  readonly link?: string;
  readonly reminders?: string[];
}

const changeSchema = z.object({
  title: details.title.optional(),
  description: details.description.optional(),
  start: singleSchema.shape.start.optional(),
  duration: duration.optional(),
  link: link.optional(),
  remind: reminderList.optional(),
});

/**
 * Checks a change to one meeting. `start` is read on the wall clock of `zone`, the meeting's own.
 *
 * @throws ConvenorError `invalid_input` with a problem for each wrong field.
 */
export function parseMeetingChange(raw: unknown, zone: string): MeetingChange {
  const input = parse(changeSchema, raw);
  return {
    ...(input.title === undefined ? {} : { title: input.title }),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.start === undefined ? {} : { wallStart: checkedWall(input.start, zone, 'start') }),
    ...(input.duration === undefined ? {} : { durationMinutes: input.duration }),
    ...(input.link === undefined ? {} : { link: input.link }),
    ...(input.remind === undefined ? {} : { reminders: input.remind }),
  };
}

/** A wall-clock time that the zone's clocks skip would silently become another hour: say so instead. */
function checkedWall(wall: Temporal.PlainDateTime, zone: string, field: string): string {
  const minute = wall.round({ smallestUnit: 'minute', roundingMode: 'trunc' });
  if (!toWall(toInstant(minute, zone), zone).equals(minute)) {
    throw invalidInput({ field, message: `does not exist: the clocks of ${zone} go forward over this time` });
  }
  return formatWall(minute);
}

/** `YYYY-MM-DDTHH:MM`. */
export function formatWall(wall: Temporal.PlainDateTime): string {
  return wall.toString({ smallestUnit: 'minute' });
}

function formatWallTime(time: Temporal.PlainTime): string {
  return time.toString({ smallestUnit: 'minute' });
}

function parse<T extends z.ZodType>(schema: T, raw: unknown): z.output<T> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const problems: FieldProblem[] = result.error.issues.map((issue) => ({
    field: String(issue.path[0] ?? 'input'),
    message: issue.message,
  }));
  const [first, ...others] = problems;
  throw invalidInput(first!, ...others);
}
