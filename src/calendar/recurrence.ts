/**
 * Recurrence rules (RFC 5545 section 3.3.10), as far as a meeting series needs them: monthly and weekly, on
 * calendar dates. Times of day and zones are none of a rule's business; see wall.ts.
 *
 * A rule says by itself which days it means, so that it reads the same whatever date the series starts on.
 * Where a series ends is said by the series, hence no COUNT and no UNTIL.
 */
import { RRuleTemporal } from 'rrule-temporal';
import { invalidInput } from '../kernel/errors.ts';
import { readParts } from './recurrence-parts.ts';
import type { Rule } from './recurrence-parts.ts';

export { describeRule } from './recurrence-words.ts';
export type { Rule } from './recurrence-parts.ts';

/** The days of 29 February and of every weekday repeat within this many years. */
const CYCLE_YEARS = 28;

/**
 * Reads a rule such as `FREQ=MONTHLY;BYDAY=1WE`, with or without a leading `RRULE:`.
 *
 * @throws invalidInput on field `rule`: malformed, not monthly or weekly, or matching no day at all
 */
export function parseRule(text: string): Rule {
  const rule = readParts(text);
  const everyPeriod = { ...rule, interval: 1, text: rule.text.replace(/;INTERVAL=\d+/, '') };
  if (firstDate(everyPeriod, new Temporal.PlainDate(2000, 1, 1)) === undefined) {
    throw invalidInput({
      field: 'rule',
      message: `"${text.trim()}" never matches a day; no month has such a date. Use BYMONTHDAY=-1 for the last day of a month or BYDAY=-1WE for the last Wednesday`,
    });
  }
  return rule;
}

export interface DateSpan {
  /** The first day of the series. With INTERVAL, periods are counted from the month or week of this day. */
  readonly startsOn: Temporal.PlainDate;
  /** The last day on which the series may meet. */
  readonly endsOn?: Temporal.PlainDate | undefined;
  readonly from: Temporal.PlainDate;
  readonly to: Temporal.PlainDate;
}

/** The dates of a series between `from` and `to` (both included), in order. */
export function occurrenceDates(rule: Rule, span: DateSpan): Temporal.PlainDate[] {
  const from = later(span.from, span.startsOn);
  const to = span.endsOn === undefined ? span.to : earlier(span.to, span.endsOn);
  if (Temporal.PlainDate.compare(from, to) > 0) return [];
  return engine(rule, span.startsOn).between(midnight(from), midnight(to), true).map(toDate);
}

/**
 * Whether a series that starts on `startsOn` ever meets: with INTERVAL=12 and BYMONTH=3 it never does when it
 * starts in June.
 *
 * @throws invalidInput on field `rule`
 */
export function checkRuleMatches(
  rule: Rule,
  { startsOn, endsOn }: { startsOn: Temporal.PlainDate; endsOn?: Temporal.PlainDate | undefined },
): void {
  const first = firstDate(rule, startsOn);
  if (first === undefined) {
    throw invalidInput({
      field: 'rule',
      message: `"${rule.text}" never matches a day when the series starts on ${startsOn.toString()}; choose another first day or leave out INTERVAL`,
    });
  }
  if (endsOn !== undefined && Temporal.PlainDate.compare(first, endsOn) > 0) {
    throw invalidInput({
      field: 'rule',
      message: `"${rule.text}" first matches on ${first.toString()}, after the series ends on ${endsOn.toString()}; choose a later last day`,
    });
  }
}

/** The first date, looked for in the first year before the whole cycle is gone through. */
function firstDate(rule: Rule, startsOn: Temporal.PlainDate): Temporal.PlainDate | undefined {
  const interval = rule.freq === 'MONTHLY' ? rule.interval : 1;
  for (const years of [1, CYCLE_YEARS]) {
    const [first] = occurrenceDates(rule, {
      startsOn,
      from: startsOn,
      to: startsOn.add({ years: years * interval }),
    });
    if (first !== undefined) return first;
  }
  return undefined;
}

/** Dates are computed as midnights in UTC, where every day has one. */
function engine(rule: Rule, startsOn: Temporal.PlainDate): RRuleTemporal {
  return new RRuleTemporal({ rruleString: rule.text, dtstart: midnight(startsOn), strict: true });
}

function midnight(date: Temporal.PlainDate): Temporal.ZonedDateTime {
  return date.toZonedDateTime('UTC');
}

function toDate(date: { toString(): string }): Temporal.PlainDate {
  return Temporal.PlainDate.from(date.toString().slice(0, 10));
}

function later(a: Temporal.PlainDate, b: Temporal.PlainDate): Temporal.PlainDate {
  return Temporal.PlainDate.compare(a, b) >= 0 ? a : b;
}

function earlier(a: Temporal.PlainDate, b: Temporal.PlainDate): Temporal.PlainDate {
  return Temporal.PlainDate.compare(a, b) <= 0 ? a : b;
}
