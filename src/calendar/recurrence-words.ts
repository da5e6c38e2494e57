/** A recurrence rule in words, as it stands on a page: "first Wednesday of the month". */
import { WEEKDAY_CODES } from './recurrence-parts.ts';
import type { Rule, RuleDay } from './recurrence-parts.ts';
import { MONTHS, listInWords, monthName, ordinalNumber, ordinalWord, weekdayName } from './words.ts';

/** Without an article and without a full stop, to stand inside a sentence. */
export function describeRule(rule: Rule): string {
  if (rule.freq === 'WEEKLY') return describeWeekly(rule);
  return `${describeDay(rule)} of ${describeMonths(rule)}${mayBeMissing(rule) ? ', where there is one' : ''}`;
}

function describeWeekly(rule: Rule): string {
  const days = listInWords(weekdays(rule.byDay));
  const every = rule.interval === 1 ? `every ${days}` : `${days} of every ${ordinalWord(rule.interval)} week`;
  return rule.byMonth.length === 0 ? every : `${every} in ${describeMonths({ ...rule, interval: 1 })}`;
}

function describeDay(rule: Rule): string {
  const { byDay, byMonthDay, bySetPos } = rule;
  if (byMonthDay.length === 0) return describeWeekdays(byDay, bySetPos);
  const days =
    byDay.length === 0
      ? listInWords(monthDays(byMonthDay))
      : `${describeWeekdays(byDay, [])} that is the ${monthDays(byMonthDay).join(' or ')}`;
  return bySetPos.length === 0 ? days : `${ordinals(bySetPos)} of these days (${days})`;
}

function describeWeekdays(byDay: readonly RuleDay[], bySetPos: readonly number[]): string {
  if (bySetPos.length > 0) return `${ordinals(bySetPos)} ${oneOfWeekdays(byDay)}`;
  if (byDay.every((day) => day.ordinal === null)) return `every ${listInWords(weekdays(byDay))}`;
  const first = byDay[0];
  if (first !== undefined && byDay.every((day) => day.weekday === first.weekday && day.ordinal !== null)) {
    return `${ordinals(byDay.flatMap((day) => day.ordinal ?? []))} ${nameOf(first.weekday)}`;
  }
  return listInWords(
    byDay.map(
      ({ ordinal, weekday }) => `${ordinal === null ? 'every' : ordinalWord(ordinal)} ${nameOf(weekday)}`,
    ),
  );
}

function oneOfWeekdays(byDay: readonly RuleDay[]): string {
  const codes = new Set(byDay.map((day) => day.weekday));
  if (codes.size === 7) return 'day';
  if (codes.size === 5 && !codes.has('SA') && !codes.has('SU')) return 'working day';
  return weekdays(byDay).join(' or ');
}

function describeMonths(rule: Rule): string {
  const missing = MONTHS.filter((_, i) => !rule.byMonth.includes(i + 1));
  if (rule.byMonth.length === 0 || missing.length === 0) {
    return rule.interval === 1 ? 'the month' : `every ${ordinalWord(rule.interval)} month`;
  }
  const months =
    missing.length <= 3
      ? `every month except ${listInWords(missing)}`
      : listInWords(rule.byMonth.map(monthName));
  return rule.interval === 1 ? months : `every ${ordinalWord(rule.interval)} month, if it is ${months}`;
}

const SHORTEST = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a month may go by without the day: no fifth Wednesday, no 31st. */
function mayBeMissing({ byDay, byMonthDay, bySetPos, byMonth }: Rule): boolean {
  const fifth = (n: number): boolean => Math.abs(n) === 5;
  const months = SHORTEST.filter((_, i) => byMonth.length === 0 || byMonth.includes(i + 1));
  return (
    byDay.some((day) => day.ordinal !== null && fifth(day.ordinal)) ||
    (byDay.length === 1 && bySetPos.some(fifth)) ||
    (byDay.length === 0 && byMonthDay.some((n) => months.some((days) => Math.abs(n) > days)))
  );
}

function monthDays(numbers: readonly number[]): string[] {
  const fromEnd = numbers.filter((n) => n < 0).toReversed();
  return [
    ...numbers.filter((n) => n > 0).map((n) => ordinalNumber(n)),
    ...fromEnd.map((n) => `${ordinalWord(n)} day`),
  ];
}

/** "first and last": those counted from the end come at the end. */
function ordinals(numbers: readonly number[]): string {
  const inOrder = numbers.toSorted((a, b) => Number(a < 0) - Number(b < 0) || a - b);
  return listInWords(inOrder.map((n) => ordinalWord(n)));
}

function weekdays(byDay: readonly RuleDay[]): string[] {
  return WEEKDAY_CODES.filter((code) => byDay.some((day) => day.weekday === code)).map(nameOf);
}

function nameOf(code: RuleDay['weekday']): string {
  return weekdayName(WEEKDAY_CODES.indexOf(code) + 1);
}
