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

/** The changes that are known for certain: the last Sundays of March and October at 01:00 UTC (SI 2002/262). */
function ukChange(year: number, month: 3 | 10): Temporal.Instant {
  const last = new Temporal.PlainDate(year, month, 31);
  const sunday = last.subtract({ days: last.dayOfWeek % 7 });
  return sunday.toZonedDateTime({ timeZone: 'UTC', plainTime: new Temporal.PlainTime(1) }).toInstant();
}

function ukHourByIntl(instant: Temporal.Instant): number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/London',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  return Number(format.format(instant.epochMilliseconds));
}

/**
 * Compares the two sources of zone data in this process, Temporal and Intl, with the law on the UK's next
 * changes of the clocks.
 *
 * @returns what is wrong, in a sentence with a remedy; undefined when they agree
 */
export function checkZoneData(now: Temporal.Instant): string | undefined {
  const { year } = now.toZonedDateTimeISO('UTC');
  for (const change of [
    ukChange(year, 3),
    ukChange(year, 10),
    ukChange(year + 1, 3),
    ukChange(year + 1, 10),
  ]) {
    for (const instant of [change.subtract({ minutes: 1 }), change]) {
      const summer = instant.toZonedDateTimeISO('UTC').month < 10 ? instant === change : instant !== change;
      const expected = (instant.toZonedDateTimeISO('UTC').hour + (summer ? 1 : 0)) % 24;
      const byTemporal = instant.toZonedDateTimeISO('Europe/London').hour;
      const byIntl = ukHourByIntl(instant);
      if (byTemporal !== expected || byIntl !== expected) {
        return `This machine's time zone data is wrong: at ${instant.toString()} clocks in the UK show ${expected} hours, but Temporal says ${byTemporal} and Intl says ${byIntl}. Use a current Node release with full language data (check NODE_ICU_DATA).`;
      }
    }
  }
  return undefined;
}
