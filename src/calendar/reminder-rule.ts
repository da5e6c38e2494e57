/**
 * When a reminder goes out, relative to a meeting. Days are counted on the calendar and keep the wall clock
 * ("7 days before at 9 am" is 9 am on either side of a clock change); hours and minutes are elapsed time.
 */
import { invalidInput } from '../kernel/errors.ts';
import { formatDuration, formatTime } from './format.ts';
import { parseWallTime, toInstant, toWall } from './wall.ts';
import { count } from './words.ts';

export type ReminderRule =
  /** `time` null: at the time of day at which the meeting starts. */
  | { readonly kind: 'days'; readonly days: number; readonly time: Temporal.PlainTime | null }
  | { readonly kind: 'elapsed'; readonly minutes: number };

const MAX_DAYS = 365;
const EXPECTED =
  'write 7d@09:00 (7 days before at 09:00), 2d (2 days before, at the time the meeting starts), 1h or 90m';

/**
 * "7d@09:00", "2d", "1h", "90m"; "0m" is the start of the meeting. At most 365 days.
 *
 * @throws invalidInput on `field`
 */
export function parseReminderRule(text: string, field = 'remind'): ReminderRule {
  const refusal = (why: string): Error => invalidInput({ field, message: `"${text}" ${why}; ${EXPECTED}` });
  const wanted = text.trim().toLowerCase();
  if (/^[-\u2212]\d/.test(wanted)) throw refusal('would come after the start');
  const match = /^(\d{1,9})([dhm])(?:@(.+))?$/.exec(wanted);
  if (match === null) throw refusal('is not a reminder');
  const amount = Number(match[1]);
  const unit = match[2];
  const time = match[3];
  const minutes = unit === 'd' ? amount * 1440 : unit === 'h' ? amount * 60 : amount;
  if (minutes > MAX_DAYS * 1440) throw refusal(`is more than ${MAX_DAYS} days before the meeting`);
  if (unit === 'd') {
    return { kind: 'days', days: amount, time: time === undefined ? null : parseWallTime(time, field) };
  }
  if (time !== undefined) throw refusal('has a time of day, which only goes with days');
  return { kind: 'elapsed', minutes };
}

/** The one way to write a rule; two rules are the same when this text is. `parseReminderRule` reads it. */
export function formatReminderRule(rule: ReminderRule): string {
  if (rule.kind === 'days') {
    const time = rule.time === null ? '' : `@${rule.time.toString({ smallestUnit: 'minute' })}`;
    return `${rule.days}d${time}`;
  }
  const { minutes } = rule;
  return minutes > 0 && minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

/** For people: "7 days before at 9 am", "on the day at 9 am", "1 hour before", "at the start". */
export function describeReminderRule(rule: ReminderRule): string {
  if (rule.kind === 'elapsed') {
    return rule.minutes === 0 ? 'at the start' : `${formatDuration(rule.minutes)} before`;
  }
  if (rule.time === null) {
    return rule.days === 0 ? 'at the start' : `${count(rule.days, 'day')} before at the same time of day`;
  }
  const day = rule.days === 0 ? 'on the day' : `${count(rule.days, 'day')} before`;
  return `${day} at ${formatTime(rule.time)}`;
}

/**
 * When the reminder for a meeting at `start` is due, before quiet hours are considered. With "0d@HH:MM" this
 * can be after the start; whoever plans notices leaves that one out.
 */
export function reminderInstant(rule: ReminderRule, start: Temporal.Instant, zone: string): Temporal.Instant {
  if (rule.kind === 'elapsed') return start.subtract({ minutes: rule.minutes });
  if (rule.days === 0 && rule.time === null) return start;
  const wall = toWall(start, zone).subtract({ days: rule.days });
  return toInstant(rule.time === null ? wall : wall.withPlainTime(rule.time), zone);
}
