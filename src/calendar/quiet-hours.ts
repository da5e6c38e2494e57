/**
 * Hours in which no notice goes out, as wall-clock times of a zone: from the first (inclusive) to the second
 * (exclusive), over midnight where the second is the earlier one.
 */
import { invalidInput } from '../kernel/errors.ts';
import { parseWallTime, toWall } from './wall.ts';

/** `null`: there are none. `from` and `to` always differ. */
export type QuietHours = { readonly from: Temporal.PlainTime; readonly to: Temporal.PlainTime } | null;

const EXPECTED = 'write two different times of day such as 22:00-08:00, or off';

/**
 * "22:00-08:00" or "off".
 *
 * @throws invalidInput on `field`
 */
export function parseQuietHours(text: string, field = 'quietHours'): QuietHours {
  const wanted = text.trim().toLowerCase();
  if (wanted === 'off') return null;
  const ends = wanted.split(/\s*[-\u2013]\s*/);
  const [first, second] = ends;
  if (first === undefined || second === undefined || ends.length !== 2) {
    throw invalidInput({ field, message: `"${text}" is not a span of hours; ${EXPECTED}` });
  }
  const from = parseWallTime(first, field);
  const to = parseWallTime(second, field);
  if (from.equals(to)) {
    throw invalidInput({ field, message: `"${text}" begins and ends at the same time; ${EXPECTED}` });
  }
  return { from, to };
}

/** The form that `parseQuietHours` reads. */
export function formatQuietHours(quiet: QuietHours): string {
  if (quiet === null) return 'off';
  const short = (time: Temporal.PlainTime): string => time.toString({ smallestUnit: 'minute' });
  return `${short(quiet.from)}-${short(quiet.to)}`;
}

/** Whether clocks in `zone` show a quiet hour at `instant`. */
export function isQuiet(instant: Temporal.Instant, zone: string, quiet: QuietHours): boolean {
  if (quiet === null) return false;
  const time = toWall(instant, zone).toPlainTime();
  const fromReached = Temporal.PlainTime.compare(time, quiet.from) >= 0;
  const toReached = Temporal.PlainTime.compare(time, quiet.to) >= 0;
  const overMidnight = Temporal.PlainTime.compare(quiet.from, quiet.to) > 0;
  return overMidnight ? fromReached || !toReached : fromReached && !toReached;
}

/**
 * Every instant within two days of `around` at which quiet may begin or end, in order: when the clocks show
 * `time` (twice on the night they go back), and when they change, because a change can jump over `time`.
 */
function edges(around: Temporal.Instant, zone: string, time: Temporal.PlainTime): Temporal.Instant[] {
  const here = around.toZonedDateTimeISO(zone);
  const found: Temporal.Instant[] = [];
  for (let day = -2; day <= 2; day += 1) {
    const wall = here.toPlainDate().add({ days: day }).toPlainDateTime(time);
    found.push(wall.toZonedDateTime(zone, { disambiguation: 'earlier' }).toInstant());
    found.push(wall.toZonedDateTime(zone, { disambiguation: 'later' }).toInstant());
  }
  const change = here.subtract({ days: 2 }).getTimeZoneTransition('next');
  if (change !== null) found.push(change.toInstant());
  return found.sort((a, b) => Temporal.Instant.compare(a, b));
}

/** The first instant at or after `instant` that is not quiet. */
export function afterQuietHours(
  instant: Temporal.Instant,
  zone: string,
  quiet: QuietHours,
): Temporal.Instant {
  if (quiet === null || !isQuiet(instant, zone, quiet)) return instant;
  const end = edges(instant, zone, quiet.to).find(
    (edge) => Temporal.Instant.compare(edge, instant) > 0 && !isQuiet(edge, zone, quiet),
  );
  if (end === undefined) throw new RangeError(`Quiet hours ${formatQuietHours(quiet)} never end in ${zone}`);
  return end;
}

/** The last full minute before the quiet hours in which `instant` lies. */
function beforeQuietHours(
  instant: Temporal.Instant,
  zone: string,
  quiet: NonNullable<QuietHours>,
): Temporal.Instant {
  const last = edges(instant, zone, quiet.from)
    .map((edge) => edge.subtract({ minutes: 1 }))
    .findLast((minute) => Temporal.Instant.compare(minute, instant) < 0 && !isQuiet(minute, zone, quiet));
  if (last === undefined)
    throw new RangeError(`Quiet hours ${formatQuietHours(quiet)} never begin in ${zone}`);
  return last;
}

/**
 * When a notice meant for `instant` goes out: then, if that hour is not quiet; else at the end of the quiet
 * hours; or, where that would not be before the meeting's `start`, in the last full minute before them
 * (21:59 for 22:00-08:00).
 */
export function noticeTime(
  instant: Temporal.Instant,
  zone: string,
  quiet: QuietHours,
  start: Temporal.Instant,
): Temporal.Instant {
  if (quiet === null || !isQuiet(instant, zone, quiet)) return instant;
  const later = afterQuietHours(instant, zone, quiet);
  return Temporal.Instant.compare(later, start) < 0 ? later : beforeQuietHours(instant, zone, quiet);
}
