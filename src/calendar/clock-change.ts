/** Changes of the clocks: what a notice says about them, and whether this machine knows them rightly. */
import { formatDate, zoneLabel } from './format.ts';

export interface ClockChange {
  readonly at: Temporal.Instant;
  /** The day on which it happens, by the clocks before the change. */
  readonly date: Temporal.PlainDate;
  readonly direction: 'forward' | 'back';
  /** By how much, always positive. */
  readonly minutes: number;
}

/**
 * The last change of the clocks in `zone` after `from`, up to and including `to`. None if they show the same
 * offset at both ends: then nothing differs for the reader.
 */
export function clockChangeBetween(
  from: Temporal.Instant,
  to: Temporal.Instant,
  zone: string,
): ClockChange | undefined {
  const end = to.toZonedDateTimeISO(zone);
  if (
    Temporal.Instant.compare(from, to) >= 0 ||
    from.toZonedDateTimeISO(zone).offsetNanoseconds === end.offsetNanoseconds
  ) {
    return undefined;
  }
  const change = end.add({ nanoseconds: 1 }).getTimeZoneTransition('previous');
  if (change === null) return undefined;
  const before = change.subtract({ nanoseconds: 1 });
  const minutes = (change.offsetNanoseconds - before.offsetNanoseconds) / 60e9;
  return {
    at: change.toInstant(),
    date: before.toPlainDate(),
    direction: minutes > 0 ? 'forward' : 'back',
    minutes: Math.abs(minutes),
  };
}

/**
 * The line for a notice sent at `from` about a meeting at `to`, when the clocks change in between: "The
 * clocks go forward on Sunday 28 March 2027, before this meeting; the time given is UK time on the day."
 */
export function clockChangeSentence(
  from: Temporal.Instant,
  to: Temporal.Instant,
  zone: string,
): string | undefined {
  const change = clockChangeBetween(from, to, zone);
  if (change === undefined) return undefined;
  return `The clocks go ${change.direction} on ${formatDate(change.date)}, before this meeting; the time given is ${zoneLabel(zone)} on the day.`;
}

/**
 * What the law says UK clocks show around the two changes of a year: the last Sundays of March and October at
 * 01:00 UTC (Summer Time Order 2002).
 */
function lawfulUkHours(year: number): { at: Temporal.Instant; hour: number }[] {
  const change = (month: 3 | 10): Temporal.Instant => {
    const last = new Temporal.PlainDate(year, month, 31);
    const sunday = last.subtract({ days: last.dayOfWeek % 7 });
    return sunday.toZonedDateTime({ timeZone: 'UTC', plainTime: new Temporal.PlainTime(1) }).toInstant();
  };
  return [
    { at: change(3).subtract({ minutes: 1 }), hour: 0 },
    { at: change(3), hour: 2 },
    { at: change(10).subtract({ minutes: 1 }), hour: 1 },
    { at: change(10), hour: 1 },
  ];
}

/**
 * Compares the two sources of zone data in this process, Temporal and Intl, with the law on the UK's changes
 * of the clocks in this year and the next.
 *
 * @returns what is wrong, in a sentence with a remedy; undefined when they agree
 */
export function checkZoneData(now: Temporal.Instant): string | undefined {
  const intl = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/London',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  const { year } = now.toZonedDateTimeISO('UTC');
  for (const { at, hour } of [...lawfulUkHours(year), ...lawfulUkHours(year + 1)]) {
    const byTemporal = at.toZonedDateTimeISO('Europe/London').hour;
    const byIntl = Number(intl.format(at.epochMilliseconds));
    if (byTemporal !== hour || byIntl !== hour) {
      return `The time zone data on this machine is wrong: at ${at.toString()} the hour in the UK is ${hour}, but Temporal says ${byTemporal} and Intl says ${byIntl}. Use a current Node release, and unset NODE_ICU_DATA if it is set.`;
    }
  }
  return undefined;
}
