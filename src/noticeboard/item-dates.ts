import { toInstant } from '../calendar/wall.ts';

/** When an item is, in the form of its row. */
export interface ItemSpan {
  readonly wallStart: string | null;
  readonly wallEnd: string | null;
  readonly dates: string[];
  readonly startsAt: Temporal.Instant;
  readonly closesOn: Temporal.PlainDate;
  readonly openUntil: Temporal.Instant;
}

/**
 * The instant at which a day is over on the clocks of `zone`: the start of the next one. On the days on which the
 * clocks change that is 23 or 25 hours after its own start.
 */
export function endOfDay(day: Temporal.PlainDate, zone: string): Temporal.Instant {
  return startOfDay(day.add({ days: 1 }), zone);
}

/** The first instant of a day on the clocks of `zone`. */
export function startOfDay(day: Temporal.PlainDate, zone: string): Temporal.Instant {
  return day.toZonedDateTime({ timeZone: zone }).toInstant();
}

/** An event from one time of day to another. */
export function timedSpan(
  start: Temporal.PlainDateTime,
  end: Temporal.PlainDateTime,
  zone: string,
): ItemSpan {
  const minute = (wall: Temporal.PlainDateTime) => wall.toString({ smallestUnit: 'minute' });
  return {
    wallStart: minute(start),
    wallEnd: minute(end),
    dates: [],
    startsAt: toInstant(start, zone),
    closesOn: end.toPlainDate(),
    openUntil: toInstant(end, zone),
  };
}

/** An event of whole days, which need not follow each other. */
export function daysSpan(days: readonly Temporal.PlainDate[], zone: string): ItemSpan {
  const dates = [...new Set(days.map(String))].sort();
  const [first, last] = [dates[0]!, dates.at(-1)!].map((text) => Temporal.PlainDate.from(text)) as [
    Temporal.PlainDate,
    Temporal.PlainDate,
  ];
  return {
    wallStart: null,
    wallEnd: null,
    dates,
    startsAt: startOfDay(first, zone),
    closesOn: last,
    openUntil: endOfDay(last, zone),
  };
}
