/** Reads the parts of a recurrence rule (RFC 5545 section 3.3.10) and refuses those that a series has no use for. */
import { invalidInput } from '../kernel/errors.ts';

export const WEEKDAY_CODES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
type WeekdayCode = (typeof WEEKDAY_CODES)[number];

/** `ordinal` 1 to 5 from the start of the month, -1 to -5 from its end; null: every one. */
export interface RuleDay {
  readonly ordinal: number | null;
  readonly weekday: WeekdayCode;
}

/** A rule that has been checked. Empty lists mean that the part is absent. */
export interface Rule {
  /** The canonical text; `parseRule` reads it and gives the same rule. */
  readonly text: string;
  readonly freq: 'MONTHLY' | 'WEEKLY';
  readonly interval: number;
  readonly byDay: readonly RuleDay[];
  readonly byMonthDay: readonly number[];
  readonly bySetPos: readonly number[];
  readonly byMonth: readonly number[];
  readonly weekStart: WeekdayCode;
}

const EXAMPLES =
  'write a rule such as FREQ=MONTHLY;BYDAY=1WE (first Wednesday), FREQ=MONTHLY;BYDAY=-1TH (last Thursday) or FREQ=MONTHLY;BYMONTHDAY=15';

const KNOWN_PARTS = ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'BYSETPOS', 'BYMONTH', 'WKST'] as const;
type PartName = (typeof KNOWN_PARTS)[number];

const REFUSED_PARTS: ReadonlyMap<string, string> = new Map([
  ['COUNT', 'COUNT is not taken; give the series a last day instead'],
  ['UNTIL', 'UNTIL is not taken; give the series a last day instead'],
  ['DTSTART', 'DTSTART is not taken; give the series a first day instead'],
  ...['BYHOUR', 'BYMINUTE', 'BYSECOND'].map(
    (name) => [name, `${name} is not taken; give the series a time of day instead`] as const,
  ),
]);

const MAX_INTERVAL = { MONTHLY: 12, WEEKLY: 52 } as const;

function refuse(text: string, why: string): never {
  throw invalidInput({ field: 'rule', message: `"${text.trim()}": ${why}` });
}

function isOneOf<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}

function splitParts(text: string): Map<PartName, string> {
  const parts = new Map<PartName, string>();
  const body = text
    .trim()
    .toUpperCase()
    .replace(/^RRULE:/, '')
    .replace(/;$/, '');
  for (const part of body.split(';')) {
    const [name = '', value = '', ...rest] = part.split('=').map((piece) => piece.trim());
    const reason = REFUSED_PARTS.get(name);
    if (reason !== undefined) refuse(text, reason);
    if (value === '' || rest.length > 0) refuse(text, `this is not a recurrence rule; ${EXAMPLES}`);
    if (!isOneOf(KNOWN_PARTS, name))
      refuse(text, `${name} is not one of ${KNOWN_PARTS.join(', ')}; ${EXAMPLES}`);
    if (parts.has(name)) refuse(text, `${name} is given twice; put its values in one list, such as 1WE,3WE`);
    parts.set(name, value);
  }
  return parts;
}

/** A list of whole numbers with a size between 1 and `max`, in order and each once. */
function readNumbers(
  text: string,
  parts: Map<PartName, string>,
  name: PartName,
  max: number,
  signed: boolean,
): number[] {
  const value = parts.get(name);
  if (value === undefined) return [];
  const numbers = value.split(',').map((item) => {
    const n = /^[+-]?\d{1,3}$/.test(item) ? Number(item) : Number.NaN;
    const size = signed ? Math.abs(n) : n;
    if (!(size >= 1 && size <= max)) {
      refuse(
        text,
        `${name} takes numbers from 1 to ${max}${signed ? `, or -1 to -${max} counted from the end` : ''}, not "${item}"`,
      );
    }
    return n;
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function readDays(text: string, value: string | undefined): RuleDay[] {
  if (value === undefined) return [];
  return value.split(',').map((item) => {
    const match = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(item);
    const weekday = match?.[2] ?? '';
    if (!isOneOf(WEEKDAY_CODES, weekday)) {
      return refuse(
        text,
        `BYDAY takes ${WEEKDAY_CODES.join(', ')}, each with a number before it or none, such as 1WE or -1TH, not "${item}"`,
      );
    }
    if (match?.[1] === undefined) return { ordinal: null, weekday };
    const ordinal = Number(match[1]);
    if (ordinal === 0 || Math.abs(ordinal) > 5) {
      refuse(
        text,
        `no month has a "${item}"; the number before a weekday runs from 1 to 5, or -1 to -5 counted from the end`,
      );
    }
    return { ordinal, weekday };
  });
}

function readFreq(text: string, parts: Map<PartName, string>): Rule['freq'] {
  const freq = parts.get('FREQ');
  if (freq === undefined) return refuse(text, `FREQ is missing; ${EXAMPLES}`);
  if (freq === 'MONTHLY' || freq === 'WEEKLY') return freq;
  if (freq === 'YEARLY') {
    return refuse(
      text,
      'FREQ must be MONTHLY or WEEKLY; for certain months of the year add BYMONTH, such as FREQ=MONTHLY;BYMONTH=3,9;BYDAY=1WE',
    );
  }
  return refuse(text, `FREQ must be MONTHLY or WEEKLY, not "${freq}"; ${EXAMPLES}`);
}

function readInterval(text: string, value: string | undefined, freq: Rule['freq']): number {
  if (value === undefined) return 1;
  const interval = /^\d{1,3}$/.test(value) ? Number(value) : 0;
  const max = MAX_INTERVAL[freq];
  if (interval < 1 || interval > max) {
    refuse(
      text,
      `INTERVAL must be a number of ${freq === 'MONTHLY' ? 'months' : 'weeks'} from 1 to ${max}, not "${value}"`,
    );
  }
  return interval;
}

/** Combinations that RFC 5545 forbids or that leave the day to something outside the rule. */
function checkCombination(text: string, rule: Omit<Rule, 'text'>): void {
  const numbered = rule.byDay.some((day) => day.ordinal !== null);
  if (rule.freq === 'WEEKLY') {
    if (rule.byDay.length === 0)
      refuse(text, 'BYDAY is missing; name the weekday, such as FREQ=WEEKLY;BYDAY=WE');
    if (numbered)
      refuse(
        text,
        'a weekly rule takes weekdays without a number, such as BYDAY=WE; 1WE goes with FREQ=MONTHLY',
      );
    if (rule.byMonthDay.length > 0 || rule.bySetPos.length > 0) {
      refuse(text, 'BYMONTHDAY and BYSETPOS go with FREQ=MONTHLY only');
    }
    return;
  }
  if (rule.byDay.length === 0 && rule.byMonthDay.length === 0) {
    refuse(text, `the day of the month is missing, BYDAY or BYMONTHDAY; ${EXAMPLES}`);
  }
  if (numbered && rule.bySetPos.length > 0) {
    refuse(
      text,
      'BYSETPOS goes with weekdays without a number; write BYDAY=3TH, or BYDAY=TH;BYSETPOS=3, not both',
    );
  }
}

function writeRule(rule: Omit<Rule, 'text'>): string {
  const part = (name: PartName, values: readonly (number | string)[]): string[] =>
    values.length === 0 ? [] : [`${name}=${values.join(',')}`];
  return [
    `FREQ=${rule.freq}`,
    ...(rule.interval === 1 ? [] : [`INTERVAL=${rule.interval}`]),
    ...part('BYMONTH', rule.byMonth),
    ...part('BYMONTHDAY', rule.byMonthDay),
    ...part(
      'BYDAY',
      rule.byDay.map((day) => `${day.ordinal ?? ''}${day.weekday}`),
    ),
    ...part('BYSETPOS', rule.bySetPos),
    ...(rule.weekStart === 'MO' ? [] : [`WKST=${rule.weekStart}`]),
  ].join(';');
}

/**
 * Reads and checks each part and the way they are combined; whether any day matches is for `parseRule`.
 *
 * @throws invalidInput on field `rule`
 */
export function readParts(text: string): Rule {
  const parts = splitParts(text);
  const freq = readFreq(text, parts);
  const weekStart = parts.get('WKST') ?? 'MO';
  if (!isOneOf(WEEKDAY_CODES, weekStart))
    return refuse(text, `WKST must be one of ${WEEKDAY_CODES.join(', ')}`);
  const byDay = readDays(text, parts.get('BYDAY'));
  const rule = {
    freq,
    interval: readInterval(text, parts.get('INTERVAL'), freq),
    byDay: byDay.filter(
      (day, i) =>
        byDay.findIndex((other) => other.ordinal === day.ordinal && other.weekday === day.weekday) === i,
    ),
    byMonthDay: readNumbers(text, parts, 'BYMONTHDAY', 31, true),
    bySetPos: readNumbers(text, parts, 'BYSETPOS', 31, true),
    byMonth: readNumbers(text, parts, 'BYMONTH', 12, false),
    // The start of the week matters to nothing but a weekly interval.
    weekStart: freq === 'WEEKLY' ? weekStart : ('MO' as const),
  };
  checkCombination(text, rule);
  return { ...rule, text: writeRule(rule) };
}
