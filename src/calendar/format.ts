/**
 * The only place that writes dates and times for people. Every output (mail, page, WhatsApp text, calendar
 * entry, terminal) uses it, so that all of them name the same moment in the same words. British English,
 * 12-hour clock with a full stop, always with the zone where a time of day is given. No Intl formatting:
 * the text does not depend on the machine's language data, only the offset comes from its zone data.
 */
import { toWall } from './wall.ts';
import { count, monthName, weekdayName } from './words.ts';

const UK_ZONES: ReadonlySet<string> = new Set([
  'Europe/London',
  'Europe/Belfast',
  'Europe/Jersey',
  'Europe/Guernsey',
  'Europe/Isle_of_Man',
  'GB',
]);

/** "UK time", "UTC", otherwise the city of the zone: "New York time". */
export function zoneLabel(zone: string): string {
  if (UK_ZONES.has(zone)) return 'UK time';
  if (!zone.includes('/')) return zone;
  const city = zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ');
  return `${city} time`;
}

/** "Wednesday 2 June 2027". */
export function formatDate(date: Temporal.PlainDate): string {
  return `${weekdayName(date.dayOfWeek)} ${date.day} ${monthName(date.month)} ${date.year}`;
}

/** "Wed 2 Jun 2027", for lists and narrow columns. */
export function formatShortDate(date: Temporal.PlainDate): string {
  const weekday = weekdayName(date.dayOfWeek).slice(0, 3);
  return `${weekday} ${date.day} ${monthName(date.month).slice(0, 3)} ${date.year}`;
}

/** "7 pm", "7.30 pm", "12 noon", "12 midnight"; seconds are left out. */
export function formatTime(time: Temporal.PlainTime): string {
  if (time.minute === 0 && time.hour === 0) return '12 midnight';
  if (time.minute === 0 && time.hour === 12) return '12 noon';
  const minutes = time.minute === 0 ? '' : `.${String(time.minute).padStart(2, '0')}`;
  return `${time.hour % 12 === 0 ? 12 : time.hour % 12}${minutes} ${time.hour < 12 ? 'am' : 'pm'}`;
}

/** "Wednesday 2 June 2027, 7 pm (UK time)". */
export function formatDateTime(instant: Temporal.Instant, zone: string): string {
  const wall = toWall(instant, zone);
  return `${formatDate(wall.toPlainDate())}, ${formatTime(wall.toPlainTime())} (${zoneLabel(zone)})`;
}

/** "Wed 2 Jun 2027, 7 pm", for lists that name their zone once, in the heading. */
export function formatShortDateTime(instant: Temporal.Instant, zone: string): string {
  const wall = toWall(instant, zone);
  return `${formatShortDate(wall.toPlainDate())}, ${formatTime(wall.toPlainTime())}`;
}

/**
 * "7 pm to 8.30 pm (UK time)"; an end on another day names it: "11 pm to 12.30 am on Thursday 3 June 2027
 * (UK time)".
 */
export function formatTimeRange(start: Temporal.Instant, end: Temporal.Instant, zone: string): string {
  const from = toWall(start, zone);
  const to = toWall(end, zone);
  const sameDay = from.toPlainDate().equals(to.toPlainDate());
  const day = sameDay ? '' : ` on ${formatDate(to.toPlainDate())}`;
  return `${formatTime(from.toPlainTime())} to ${formatTime(to.toPlainTime())}${day} (${zoneLabel(zone)})`;
}

/** A length in minutes: "45 minutes", "1 hour", "1 hour 30 minutes". */
export function formatDuration(minutes: number): string {
  const hours = Math.trunc(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return count(rest, 'minute');
  return rest === 0 ? count(hours, 'hour') : `${count(hours, 'hour')} ${count(rest, 'minute')}`;
}
