/**
 * The friendly side of recurrence and reminder rules: select boxes instead of "FREQ=MONTHLY;BYDAY=1WE" and
 * "7d@09:00". Only the words of the form are here; the rules themselves are read by the calendar.
 */
import { monthName, weekdayName } from '../calendar/words.ts';
import type { FormModel } from './form.ts';

const WEEKDAY_CODES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;

interface Option {
  readonly value: string;
  readonly label: string;
  readonly selected: boolean;
}

export function options(
  entries: readonly (readonly [value: string, label: string])[],
  chosen: string,
): Option[] {
  return entries.map(([value, label]) => ({ value, label, selected: value === chosen }));
}

export const NTH = [
  ['1', 'first'],
  ['2', 'second'],
  ['3', 'third'],
  ['4', 'fourth'],
  ['-1', 'last'],
] as const;

export const WEEKDAYS = WEEKDAY_CODES.map((code, index) => [code, weekdayName(index + 1)] as const);

const DAYS = [
  ...Array.from({ length: 31 }, (_, index) => [String(index + 1), String(index + 1)] as const),
  ['-1', 'last day'] as const,
];

const INTERVALS = [
  ['1', 'every month'],
  ['2', 'every 2 months'],
  ['3', 'every 3 months'],
  ['6', 'every 6 months'],
  ['12', 'once a year'],
] as const;

const UNITS = [
  ['d', 'days before, at'],
  ['h', 'hours before'],
  ['m', 'minutes before'],
] as const;

/** The fields of the form as text, the way a browser sends them. */
export interface ScheduleFields {
  readonly repeat: string;
  readonly nth: string;
  readonly weekday: string;
  readonly day: string;
  readonly every: string;
  readonly ownRule: string;
  readonly reminders: readonly { readonly amount: string; readonly unit: string; readonly at: string }[];
}

/** Rows for further reminders that an empty form offers. */
const SPARE_ROWS = 2;

/** The recurrence rule (RFC 5545) that the select boxes mean. */
export function ruleOf(fields: ScheduleFields): string {
  const interval = fields.every === '' || fields.every === '1' ? '' : `;INTERVAL=${fields.every}`;
  if (fields.repeat === 'own') return fields.ownRule;
  if (fields.repeat === 'day') return `FREQ=MONTHLY${interval};BYMONTHDAY=${fields.day}`;
  return `FREQ=MONTHLY${interval};BYDAY=${fields.nth}${fields.weekday}`;
}

/** The reminder rules of the rows that were filled in. */
export function remindersOf(fields: Pick<ScheduleFields, 'reminders'>): string[] {
  return fields.reminders
    .filter(({ amount }) => amount !== '')
    .map(({ amount, unit, at }) => `${amount}${unit}${unit === 'd' && at !== '' ? `@${at}` : ''}`);
}

/** The select boxes for a rule; one that they cannot express is shown as it is. */
export function ruleFields(rule: string): Omit<ScheduleFields, 'reminders'> {
  const parts = new Map(rule.split(';').map((part) => part.split('=', 2) as [string, string]));
  const every = parts.get('INTERVAL') ?? '1';
  const byDay = /^(-?\d)([A-Z]{2})$/.exec(parts.get('BYDAY') ?? '');
  const byMonthDay = parts.get('BYMONTHDAY') ?? '';
  const base = { nth: '1', weekday: 'WE', day: '1', every, ownRule: rule };
  const known = [...parts.keys()].every((key) => ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY'].includes(key));
  const monthly = known && parts.get('FREQ') === 'MONTHLY' && INTERVALS.some(([value]) => value === every);
  if (monthly && byDay !== null && byMonthDay === '' && NTH.some(([value]) => value === byDay[1])) {
    return { ...base, repeat: 'weekday', nth: byDay[1]!, weekday: byDay[2]! };
  }
  if (monthly && byDay === null && DAYS.some(([value]) => value === byMonthDay)) {
    return { ...base, repeat: 'day', day: byMonthDay };
  }
  return { ...base, repeat: 'own' };
}

/** The rows of the form for reminder rules in their canonical form. */
export function reminderFields(rules: readonly string[]): ScheduleFields['reminders'] {
  return rules.map((rule) => {
    const match = /^(\d+)([dhm])(?:@(.+))?$/.exec(rule);
    return { amount: match?.[1] ?? rule, unit: match?.[2] ?? 'd', at: match?.[3] ?? '' };
  });
}

/** What the template shows for the fields. */
export function scheduleModel(fields: ScheduleFields) {
  const blank = { amount: '', unit: 'd', at: '09:00' };
  const rows = [
    ...fields.reminders.filter(({ amount }) => amount !== ''),
    ...Array.from({ length: SPARE_ROWS }, () => blank),
  ];
  return {
    byWeekday: fields.repeat === 'weekday',
    byDay: fields.repeat === 'day',
    byOwnRule: fields.repeat === 'own',
    ownRule: fields.ownRule,
    nth: options(NTH, fields.nth),
    weekdays: options(WEEKDAYS, fields.weekday),
    days: options(DAYS, fields.day),
    everyForWeekday: options(INTERVALS, fields.every),
    reminders: reminderRows(rows),
  };
}

/** The rows of reminders for the template, numbered from 1. */
export function reminderRows(rows: ScheduleFields['reminders']) {
  return rows.map((row, index) => ({ ...row, number: index + 1, units: options(UNITS, row.unit) }));
}

/** What a form holds that was filled in by a browser; `list` gives all values of a repeated field. */
export function readScheduleFields(
  text: (name: string) => string,
  list: (name: string) => string[],
): ScheduleFields {
  const [amounts, units, times] = [list('remindAmount'), list('remindUnit'), list('remindAt')];
  return {
    repeat: text('repeat') || 'weekday',
    nth: text('nth') || '1',
    weekday: text('weekday') || 'WE',
    day: text('day') || '1',
    every: (text('repeat') === 'day' ? text('everyDay') : text('everyWeekday')) || '1',
    ownRule: text('ownRule'),
    reminders: amounts.map((amount, index) => ({
      amount: amount.trim(),
      unit: units[index] ?? 'd',
      at: times[index]?.trim() ?? '',
    })),
  };
}

/** Day, month and weekday of a date as a leaf of a calendar shows them. */
export function leafOf(date: Temporal.PlainDate) {
  return {
    month: monthName(date.month).slice(0, 3),
    day: date.day,
    weekday: weekdayName(date.dayOfWeek).slice(0, 3),
  };
}

export type ScheduleForm = FormModel & { readonly schedule: ReturnType<typeof scheduleModel> };
