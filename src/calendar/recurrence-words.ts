/** A recurrence rule in words, as it stands on a page: "first Wednesday of the month". */
import { WEEKDAY_CODES } from './recurrence-parts.ts';
import type { Rule, RuleDay } from './recurrence-parts.ts';
import { MONTHS, listInWords, monthName, ordinalNumber, ordinalWord, weekdayName } from './words.ts';

/** Without an article and without a full stop, to stand inside a sentence. */
export function describeRule(rule: Rule): string {
  return rule.freq === 'WEEKLY' ? describeWeekly(rule) : `${describeDay(rule)} of ${describeMonths(rule)}`;
}

function describeWeekly(rule: Rule): string {
  const days = listInWords(weekdays(rule.byDay));
  const every = rule.interval === 1 ? `every ${days}` : `${days} of every ${ordinalWord(rule.interval)} week`;
  return rule.byMonth.length === 0 ? every : `${every} in ${describeMonths({ ...rule, interval: 1 })}`;
}

function describeDay(rule: Rule): string {
  const { byDay, byMonthDay, bySetPos } = rule;
  if (byDay.length === 0) return pick(bySetPos, monthDays(byMonthDay, 'and'));
  if (byMonthDay.length === 0) return describeWeekdays(byDay, bySetPos);
  return pick(
    bySetPos,
    `${describeWeekdays(byDay, [])} that is the ${monthDays(byMonthDay, 'or').replace(/^the /, '')}`,
  );
}

/** BYSETPOS over days that have no short name of their own. */
function pick(bySetPos: readonly number[], days: string): string {
  return bySetPos.length === 0 ? days : `${ordinals(bySetPos)} of these days: ${days};`;
}

function describeWeekdays(byDay: readonly RuleDay[], bySetPos: readonly number[]): string {
  if (bySetPos.length > 0) {
    return `${ordinals(bySetPos)} ${oneOfWeekdays(byDay)}${onlySometimes(bySetPos.some((n) => Math.abs(n) === 5 && byDay.length === 1))}`;
  }
  if (byDay.every((day) => day.ordinal === null)) return `every ${listInWords(weekdays(byDay))}`;
  const first = byDay[0];
  if (first !== undefined && byDay.every((day) => day.weekday === first.weekday && day.ordinal !== null)) {
    const numbers = byDay.flatMap((day) => day.ordinal ?? []);
    return `${ordinals(numbers)} ${weekdayOf(first)}${onlySometimes(numbers.some((n) => Math.abs(n) === 5))}`;
  }
  return listInWords(
    byDay.map((day) => `${day.ordinal === null ? 'every' : ordinalWord(day.ordinal)} ${weekdayOf(day)}`),
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

function monthDays(numbers: readonly number[], joiner: 'and' | 'or'): string {
  const fromStart = numbers.filter((n) => n > 0).map((n) => ordinalNumber(n));
  const fromEnd = numbers
    .filter((n) => n < 0)
    .toReversed()
    .map((n) => `${ordinalWord(n)} day`);
  const list = listInWords([...fromStart, ...fromEnd]);
  const sometimes = numbers.some((n) => Math.abs(n) > 28);
  return `${joiner === 'or' ? list.replace(/ and ([^,]*)$/, ' or $1') : list}${onlySometimes(sometimes)}`;
}

function onlySometimes(sometimes: boolean): string {
  return sometimes ? ' (where there is one)' : '';
}

function ordinals(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => Number(a < 0) - Number(b < 0) || a - b);
  return listInWords(sorted.map((n) => ordinalWord(n)));
}

function weekdays(byDay: readonly RuleDay[]): string[] {
  return WEEKDAY_CODES.filter((code) => byDay.some((day) => day.weekday === code)).map(nameOfCode);
}

function weekdayOf(day: RuleDay): string {
  return nameOfCode(day.weekday);
}

function nameOfCode(code: RuleDay['weekday']): string {
  return weekdayName(WEEKDAY_CODES.indexOf(code) + 1);
}
