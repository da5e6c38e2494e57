import { z } from 'zod';
import { formatDate } from '../calendar/format.ts';
import { parseDate, parseWallDateTime, toWall } from '../calendar/wall.ts';
import { ITEM_KINDS, type ItemKind } from '../db/schema.ts';
import { invalidInput, type FieldProblem } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { line, paragraph, parsedBy } from '../organisation/setting-types.ts';
import { daysSpan, endOfDay, timedSpan } from './item-dates.ts';

/** What an item says, whoever handed it in. What a kind does not have is empty or null. */
export interface ItemInput {
  readonly kind: ItemKind;
  /** The role of a vacancy, the name of a training event, the first words of a request. */
  readonly title: string;
  /** The employer or the provider. */
  readonly organisation: string;
  readonly place: string;
  readonly online: boolean;
  readonly link: string | null;
  readonly contact: string;
  readonly pay: string;
  readonly hours: string;
  readonly contract: string;
  readonly cost: string;
  /** A number such as "6" or "1.5". */
  readonly cpdHours: string;
  readonly text: string;
  /** `YYYY-MM-DDTHH:MM` on the wall clock of `zone`; null for an item of whole days. */
  readonly wallStart: string | null;
  readonly wallEnd: string | null;
  /** The whole days of a training event, in order, as `YYYY-MM-DD`. */
  readonly dates: string[];
  readonly zone: string;
  readonly startsAt: Temporal.Instant | null;
  /** The last day on which the item is of use, in `zone`. */
  readonly closesOn: Temporal.PlainDate;
  /** The instant at which it drops out. */
  readonly openUntil: Temporal.Instant;
}

export interface ItemInputContext {
  readonly now: Temporal.Instant;
  /** Zone of the wall clock on which dates and times are read. */
  readonly zone: string;
}

/** How long a request stays when it names no last day. */
const REQUEST_DAYS = 60;
/** Dates further ahead are taken for a slip of the pen. */
const MOST_YEARS = 2;
const MOST_DATES = 30;
const MOST_DAYS_IN_A_ROW = 31;
/** How much of a request's text stands for its title. */
const TITLE_OF_REQUEST = 80;

/** A field that a form leaves out is empty. */
function field<T>(schema: z.ZodType<T, string>) {
  return z.preprocess((value) => value ?? '', schema);
}

const optionalLine = (most: number) => field(line(most, 0));

const webAddress = field(
  line(1000, 0)
    .transform((text) => (text === '' ? null : text))
    .refine((text) => text === null || isWebAddress(text), {
      error: 'must be a web address (example: https://example.org/jobs/123)',
    }),
);

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol);
}

/** A box that was ticked. */
const ticked = z.preprocess(
  (value) =>
    typeof value === 'string' ? ['on', 'yes', 'true', '1'].includes(value.toLowerCase()) : value === true,
  z.boolean(),
);

const requiredDate = field(
  z
    .string()
    .refine((text) => text.trim() !== '', { error: 'must be given', abort: true })
    .pipe(parsedBy((text) => parseDate(text))),
);
const optionalDate = field(parsedBy((text) => (text === '' ? null : parseDate(text))));
const optionalWall = field(parsedBy((text) => (text === '' ? null : parseWallDateTime(text))));

/** Dates apart by commas, semicolons, space or lines, or given one by one. */
const dateList = z.preprocess(
  (value) =>
    [value]
      .flat()
      .flatMap((text) => (typeof text === 'string' ? text.split(/[\s,;]+/) : []))
      .filter((text) => text !== ''),
  z
    .array(parsedBy((text) => parseDate(text)))
    .max(MOST_DATES, { error: `must be at most ${MOST_DATES} dates` }),
);

const cpdHours = field(
  line(10, 0).refine((text) => /^(?:\d{1,3}(?:\.\d{1,2})?)?$/.test(text), {
    error: 'must be a number of hours (example: 6 or 1.5)',
  }),
);

const place = { place: optionalLine(150), online: ticked };
const reach = { link: webAddress, contact: optionalLine(300) };

const vacancySchema = z.object({
  role: field(line(150)),
  employer: field(line(150)),
  ...place,
  pay: optionalLine(120),
  hours: optionalLine(120),
  contract: optionalLine(120),
  closingDate: requiredDate,
  ...reach,
});

const trainingSchema = z.object({
  title: field(line(150)),
  provider: field(line(150)),
  start: optionalWall,
  end: optionalWall,
  dates: dateList,
  ...place,
  cost: optionalLine(120),
  cpdHours,
  ...reach,
});

const requestSchema = z.object({
  text: field(paragraph(3000, 1)),
  closingDate: optionalDate,
  ...reach,
});

const NOTHING = {
  organisation: '',
  place: '',
  online: false,
  pay: '',
  hours: '',
  contract: '',
  cost: '',
  cpdHours: '',
  text: '',
  wallStart: null,
  wallEnd: null,
  dates: [],
  startsAt: null,
} as const;

/** @throws ConvenorError `invalid_input` for `kind`, with the nearest known one. */
export function parseItemKind(text: string): ItemKind {
  const kind = ITEM_KINDS.find((candidate) => candidate === text.trim().toLowerCase());
  if (kind !== undefined) return kind;
  const near = nearest(text, ITEM_KINDS);
  throw invalidInput({
    field: 'kind',
    message: near === undefined ? `must be one of ${ITEM_KINDS.join(', ')}` : `did you mean ${near}?`,
  });
}

/**
 * Checks what a form says of an item.
 *
 * @param raw of a vacancy `role`, `employer`, `place`, `online`, `pay`, `hours`, `contract`, `closingDate`, `link`,
 *   `contact`; of training `title`, `provider`, `start` and `end` (wall clock) or `dates` (whole days), `place`,
 *   `online`, `cost`, `cpdHours`, `link`, `contact`; of a request `text`, `closingDate`, `link`, `contact`.
 * @throws ConvenorError `invalid_input` with a problem for each wrong field.
 */
export function parseItemInput(kind: ItemKind, raw: unknown, context: ItemInputContext): ItemInput {
  switch (kind) {
    case 'vacancy':
      return vacancy(raw, context);
    case 'training':
      return training(raw, context);
    case 'request':
      return request(raw, context);
  }
}

function vacancy(raw: unknown, context: ItemInputContext): ItemInput {
  const { role, employer, closingDate, ...rest } = parse(vacancySchema, raw);
  refuse([
    ...placeProblems(rest),
    ...reachProblems(rest),
    ...dayProblems('closingDate', closingDate, context),
  ]);
  return {
    ...NOTHING,
    ...rest,
    dates: [],
    kind: 'vacancy',
    title: role,
    organisation: employer,
    zone: context.zone,
    closesOn: closingDate,
    openUntil: endOfDay(closingDate, context.zone),
  };
}

function training(raw: unknown, context: ItemInputContext): ItemInput {
  const { provider, start, end, dates, ...rest } = parse(trainingSchema, raw);
  const { zone } = context;
  const span = dates.length > 0 ? daysSpan(dates, zone) : start && end && timedSpan(start, end, zone);
  refuse([
    ...placeProblems(rest),
    ...reachProblems(rest),
    ...whenProblems({ start, end, dates }, zone),
    ...(span ? dayProblems(dates.length > 0 ? 'dates' : 'end', span.closesOn, context, span.openUntil) : []),
  ]);
  return { ...NOTHING, ...rest, ...span!, kind: 'training', organisation: provider, zone };
}

function request(raw: unknown, context: ItemInputContext): ItemInput {
  const { text, closingDate, ...rest } = parse(requestSchema, raw);
  const { now, zone } = context;
  const closesOn = closingDate ?? toWall(now, zone).toPlainDate().add({ days: REQUEST_DAYS });
  refuse(dayProblems('closingDate', closesOn, context));
  return {
    ...NOTHING,
    ...rest,
    dates: [],
    kind: 'request',
    title: firstWords(text),
    text,
    zone,
    closesOn,
    openUntil: endOfDay(closesOn, zone),
  };
}

/** The first line of a text, cut at a word. */
function firstWords(text: string): string {
  const first = text.split('\n')[0]!.trim();
  if (first.length <= TITLE_OF_REQUEST) return first;
  const cut = first.slice(0, TITLE_OF_REQUEST - 1).replace(/[\ud800-\udbff]$/, '');
  return `${cut.replace(/\s+\S*$/, '')}…`;
}

function placeProblems({ place: where, online }: { place: string; online: boolean }): FieldProblem[] {
  return where === '' && !online ? [{ field: 'place', message: 'must be given, unless it is online' }] : [];
}

function reachProblems({ link, contact }: { link: string | null; contact: string }): FieldProblem[] {
  if (link !== null || contact !== '') return [];
  return [{ field: 'link', message: 'must be given, or a contact, so that people know where to turn' }];
}

function whenProblems(
  when: {
    start: Temporal.PlainDateTime | null;
    end: Temporal.PlainDateTime | null;
    dates: readonly Temporal.PlainDate[];
  },
  zone: string,
): FieldProblem[] {
  const { start, end, dates } = when;
  if (dates.length > 0) {
    if (start === null && end === null) return [];
    return [{ field: 'dates', message: 'must be left out when there is a start and an end' }];
  }
  if (start === null) return [{ field: 'start', message: 'must be given with an end, or the dates instead' }];
  if (end === null) return [{ field: 'end', message: 'must be given with the start' }];
  if (Temporal.PlainDateTime.compare(end, start) <= 0) {
    return [{ field: 'end', message: 'must be after the start' }];
  }
  if (start.until(end, { largestUnit: 'days' }).days > MOST_DAYS_IN_A_ROW) {
    return [
      {
        field: 'end',
        message: `must be within ${MOST_DAYS_IN_A_ROW} days of the start; give the dates instead`,
      },
    ];
  }
  const skipped = (wall: Temporal.PlainDateTime) =>
    !wall.toZonedDateTime(zone, { disambiguation: 'compatible' }).toPlainDateTime().equals(wall);
  return [
    { field: 'start', wall: start },
    { field: 'end', wall: end },
  ]
    .filter(({ wall }) => skipped(wall))
    .map((each) => ({
      field: each.field,
      message: `does not exist: the clocks of ${zone} go forward over this time`,
    }));
}

function dayProblems(
  name: string,
  last: Temporal.PlainDate,
  { now, zone }: ItemInputContext,
  until: Temporal.Instant = endOfDay(last, zone),
): FieldProblem[] {
  if (Temporal.Instant.compare(until, now) <= 0) {
    return [{ field: name, message: `must not be in the past; ${formatDate(last)} is over` }];
  }
  const furthest = toWall(now, zone).toPlainDate().add({ years: MOST_YEARS });
  if (Temporal.PlainDate.compare(last, furthest) <= 0) return [];
  return [{ field: name, message: `must be within ${MOST_YEARS} years; ${formatDate(last)} is later` }];
}

function parse<T extends z.ZodType>(schema: T, raw: unknown): z.output<T> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [first, ...others] = result.error.issues.map(({ path, message }): FieldProblem => ({
    field: String(path[0] ?? 'input'),
    message,
  }));
  throw invalidInput(first!, ...others);
}

function refuse(problems: readonly FieldProblem[]): void {
  const [first, ...others] = problems;
  if (first) throw invalidInput(first, ...others);
}
