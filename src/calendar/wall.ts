/**
 * Between what a clock on the wall shows and the instant it means. Every wall-clock value carries a zone; an
 * offset ("+01:00") is no zone, because it does not know when the clocks change.
 */
import { invalidInput } from '../kernel/errors.ts';

const UK_ZONE = 'Europe/London';

/** What people write when they mean a zone that has another name. */
const OFTEN_MEANT: ReadonlyMap<string, string> = new Map([
  ['gmt', UK_ZONE],
  ['bst', UK_ZONE],
  ['uk', UK_ZONE],
  ['gb', UK_ZONE],
  ['britain', UK_ZONE],
  ['england', UK_ZONE],
  ['scotland', UK_ZONE],
  ['wales', UK_ZONE],
  ['northern ireland', UK_ZONE],
  ['uk time', UK_ZONE],
  ['z', 'UTC'],
  ['etc/utc', 'UTC'],
]);

function suggestZone(text: string): string {
  const wanted = text.trim().toLowerCase();
  const meant = OFTEN_MEANT.get(wanted);
  if (meant !== undefined) return meant;
  const city = wanted.replaceAll(' ', '_');
  return (
    Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase().endsWith(`/${city}`)) ?? UK_ZONE
  );
}

/**
 * A time zone by its IANA name, in the usual spelling ("europe/london" gives "Europe/London"). Only
 * "Area/City" names and "UTC" are taken: "GMT" and "BST" mean different things to different people, and an
 * offset ignores the change of the clocks.
 *
 * @throws invalidInput on `field` with a suggestion
 */
export function parseZone(text: string, field = 'timeZone'): string {
  const refusal = (): Error =>
    invalidInput({
      field,
      message: `"${text}" is not a time zone; write its name as area and city, such as ${suggestZone(text)}`,
    });
  const wanted = text.trim();
  if (!/^(utc|(?!etc\/)[a-z_]+(\/[a-z0-9_+-]+)+)$/i.test(wanted)) throw refusal();
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(wanted).timeZoneId;
  } catch {
    throw refusal();
  }
}

function suggestTime(text: string): string {
  const match = /^(\d{1,2})(?:[.:](\d{2}))?\s*(am|pm)?$/i.exec(text.trim());
  const hour = Number(match?.[1] ?? 19);
  const minute = Number(match?.[2] ?? 0);
  const half = match?.[3]?.toLowerCase();
  const hour24 = half === undefined ? hour : (hour % 12) + (half === 'pm' ? 12 : 0);
  if (hour24 > 23 || minute > 59) return '19:00';
  return `${String(hour24).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

/**
 * A time of day on the 24-hour clock, "19:00" or "9:30".
 *
 * @throws invalidInput on `field`; "7 pm" is answered with "19:00"
 */
export function parseWallTime(text: string, field = 'time'): Temporal.PlainTime {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text.trim());
  const hour = Number(match?.[1]);
  const minute = Number(match?.[2]);
  if (match === null || hour > 23 || minute > 59) {
    throw invalidInput({
      field,
      message: `"${text}" is not a time of day; write hours and minutes on the 24-hour clock, such as ${suggestTime(text)}`,
    });
  }
  return new Temporal.PlainTime(hour, minute);
}

/**
 * A date in ISO form, "2027-06-02". A day that the month does not have is refused, not rolled over.
 *
 * @throws invalidInput on `field`
 */
export function parseDate(text: string, field = 'date'): Temporal.PlainDate {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text.trim());
  if (match === null) {
    throw invalidInput({
      field,
      message: `"${text}" is not a date; write year-month-day, such as 2027-06-02`,
    });
  }
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  if (month < 1 || month > 12) {
    throw invalidInput({ field, message: `"${text}" is not a date; months run from 01 to 12` });
  }
  const days = new Temporal.PlainYearMonth(year, month).daysInMonth;
  if (day < 1 || day > days) {
    throw invalidInput({
      field,
      message: `"${text}" is not a date; days of that month run from 01 to ${days}`,
    });
  }
  return new Temporal.PlainDate(year, month, day);
}

/**
 * A date and time of day without a zone, "2026-12-02T19:00" (a space instead of the T is taken too). A zone
 * or an offset in the text is refused: the zone is given beside it.
 *
 * @throws invalidInput on `field`
 */
export function parseWallDateTime(text: string, field = 'start'): Temporal.PlainDateTime {
  const [date, time, ...rest] = text.trim().split(/[T ]/);
  if (date === undefined || time === undefined || rest.length > 0) {
    throw invalidInput({
      field,
      message: `"${text}" is not a date and time; write both without a zone, such as 2026-12-02T19:00`,
    });
  }
  return parseDate(date, field).toPlainDateTime(parseWallTime(time.replace(/^(\d+:\d{2}):00$/, '$1'), field));
}

/**
 * The instant at which clocks in `zone` show `wall`. A time that the spring change leaves out moves forward
 * by the hour that is missing (01:30 becomes 02:30); of a time that the autumn change repeats, the first is
 * meant (RFC 5545 section 3.3.5).
 */
export function toInstant(wall: Temporal.PlainDateTime | string, zone: string): Temporal.Instant {
  const at = typeof wall === 'string' ? parseWallDateTime(wall) : wall;
  return at.toZonedDateTime(zone, { disambiguation: 'compatible' }).toInstant();
}

/** What clocks in `zone` show at `instant`. */
export function toWall(instant: Temporal.Instant, zone: string): Temporal.PlainDateTime {
  return instant.toZonedDateTimeISO(zone).toPlainDateTime();
}
