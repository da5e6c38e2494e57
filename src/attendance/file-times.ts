const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** How day and month stand in `06/02/2027`: an account's setting that the file does not tell. */
export type DateOrder = 'month_first' | 'day_first';

/**
 * A time of Zoom's participant files: `06/02/2027 06:55:12 PM`, `02/06/2027 18:55`, `2027-06-02 18:55:12`,
 * `Jun 2, 2027 18:55:12`, or ISO 8601 with its offset.
 *
 * @param zone the zone of the account that made the file, for times without an offset.
 * @returns `undefined` for anything else, also for a date that does not exist in that order.
 */
export function readFileTime(text: string, order: DateOrder, zone: string): Temporal.Instant | undefined {
  const clean = text.trim();
  try {
    if (/T.*(?:Z|[+-]\d\d:?\d\d)$/.test(clean)) return Temporal.Instant.from(clean);
    const [date, ...rest] = splitDate(clean);
    const day = date === undefined ? undefined : readDate(date, order);
    const time = readTime(rest.join(' '));
    if (!day || !time) return undefined;
    return day.toPlainDateTime(time).toZonedDateTime(zone).toInstant();
  } catch {
    return undefined;
  }
}

function splitDate(text: string): string[] {
  const named = /^([a-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2} [a-z]{3,9}\.?,? \d{4}),?\s+(.+)$/i.exec(text);
  return named ? [named[1]!, named[2]!] : text.split(/[\sT]+/);
}

function readDate(text: string, order: DateOrder): Temporal.PlainDate | undefined {
  const iso = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})$/.exec(text);
  if (iso) return plainDate(iso[1], iso[2], iso[3]);
  const numbers = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$/.exec(text);
  if (numbers) {
    const [, first, second, year] = numbers;
    return order === 'month_first' ? plainDate(year, first, second) : plainDate(year, second, first);
  }
  const month = MONTHS.indexOf(/[a-z]{3}/i.exec(text)?.[0].toLowerCase() ?? '');
  const [day, year] = text.match(/\d+/g) ?? [];
  return month === -1 ? undefined : plainDate(year, String(month + 1), day);
}

function plainDate(year = '', month = '', day = ''): Temporal.PlainDate {
  return Temporal.PlainDate.from(
    { year: Number(year), month: Number(month), day: Number(day) },
    { overflow: 'reject' },
  );
}

function readTime(text: string): Temporal.PlainTime | undefined {
  const match = /^(\d{1,2}):(\d\d)(?::(\d\d))?\s*(am|pm)?$/i.exec(text.trim());
  if (!match) return undefined;
  const half = match[4]?.toLowerCase();
  const hour = Number(match[1]);
  if (half !== undefined && (hour < 1 || hour > 12)) return undefined;
  return Temporal.PlainTime.from(
    {
      hour: half === undefined ? hour : (hour % 12) + (half === 'pm' ? 12 : 0),
      minute: Number(match[2]),
      second: Number(match[3] ?? 0),
    },
    { overflow: 'reject' },
  );
}
