/** The closed list of what templates can call. A template that calls anything else does not compile. */
import Handlebars from 'handlebars';
import {
  formatDate,
  formatDateTime,
  formatDuration,
  formatShortDate,
  formatShortDateTime,
  formatTime,
  formatTimeRange,
  zoneLabel,
} from '../calendar/format.ts';
import { listInWords } from '../calendar/words.ts';
import { escapeHtml, slotMark } from './slots.ts';

type Moment = Temporal.Instant | string;

function instantOf(value: Moment): Temporal.Instant {
  return Temporal.Instant.from(String(value));
}

function dateOf(value: Temporal.PlainDate | string): Temporal.PlainDate {
  return Temporal.PlainDate.from(String(value));
}

function paragraphsOf(text: string): string[] {
  return text
    .split(/\n[ \t]*\n+/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '');
}

const withBreaks = (text: string): string => escapeHtml(text).replaceAll('\n', '<br>');

/**
 * Instants are `Temporal.Instant` or ISO 8601 text, dates `Temporal.PlainDate` or "2027-06-02", zones IANA names.
 */
export const HELPERS = {
  // Dates and times: all by the one formatter for people.
  dateTime: (at: Moment, zone: string) => formatDateTime(instantOf(at), zone),
  shortDateTime: (at: Moment, zone: string) => formatShortDateTime(instantOf(at), zone),
  date: (at: Moment, zone: string) => formatDate(instantOf(at).toZonedDateTimeISO(zone).toPlainDate()),
  shortDate: (at: Moment, zone: string) =>
    formatShortDate(instantOf(at).toZonedDateTimeISO(zone).toPlainDate()),
  time: (at: Moment, zone: string) => formatTime(instantOf(at).toZonedDateTimeISO(zone).toPlainTime()),
  timeRange: (start: Moment, minutes: number, zone: string) =>
    formatTimeRange(instantOf(start), instantOf(start).add({ minutes }), zone),
  /** For `<time datetime="…">`: UTC, to the second. */
  iso: (at: Moment) => instantOf(at).toString({ smallestUnit: 'second' }),
  plainDate: (date: Temporal.PlainDate | string) => formatDate(dateOf(date)),
  shortPlainDate: (date: Temporal.PlainDate | string) => formatShortDate(dateOf(date)),
  plainTime: (time: Temporal.PlainTime | string) => formatTime(Temporal.PlainTime.from(String(time))),
  duration: (minutes: number) => formatDuration(minutes),
  zone: (zone: string) => zoneLabel(zone),

  // Conditions, inside {{#if (…)}}.
  eq: (a: unknown, b: unknown) => a === b,
  ne: (a: unknown, b: unknown) => a !== b,
  gt: (a: number, b: number) => a > b,
  not: (value: unknown) => !value,
  and: (...values: unknown[]) => values.every(Boolean),
  or: (...values: unknown[]) => values.some(Boolean),
  includes: (list: readonly unknown[], value: unknown) => list.includes(value),

  // Words.
  /** "1 person", "2,000 people". */
  plural: (n: number, one: string, many: string) => `${thousands(n)} ${n === 1 ? one : many}`,
  number: (n: number) => thousands(n),
  list: (items: readonly string[]) => listInWords(items),
  upper: (text: string) => text.toUpperCase(),
  concat: (...parts: unknown[]) => parts.map(String).join(''),
  urlEncode: (text: unknown) => encodeURIComponent(String(text)),

  // Plain text from people, as HTML.
  /** One `<p>` per paragraph. */
  paragraphs: (text: string) =>
    new Handlebars.SafeString(
      paragraphsOf(text)
        .map((paragraph) => `<p>${withBreaks(paragraph)}</p>`)
        .join('\n'),
    ),
  /** Line breaks kept. */
  lines: (text: string) => new Handlebars.SafeString(withBreaks(text.trim())),

  /** The place of a value that differs per recipient; only in mails. */
  slot: (name: string) => slotMark(name),
} as const satisfies Record<string, (...args: never[]) => unknown>;

function thousands(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}
