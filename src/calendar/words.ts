/** Small English for the calendar: names, ordinals, lists. Our own tables, so that no ICU version changes a mail. */

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** The weekday of an ISO number, 1 for Monday to 7 for Sunday. */
export function weekdayName(isoDay: number): string {
  const name = WEEKDAYS[isoDay - 1];
  if (name === undefined) throw new RangeError(`There is no weekday ${isoDay}`);
  return name;
}

/** The month of a number, 1 for January to 12 for December. */
export function monthName(month: number): string {
  const name = MONTHS[month - 1];
  if (name === undefined) throw new RangeError(`There is no month ${month}`);
  return name;
}

/** "a", "a and b", "a, b and c". */
export function listInWords(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}

/** "1 hour", "2 hours". */
export function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}

/** "1st", "2nd", "3rd", "11th", "21st". */
export function ordinalNumber(n: number): string {
  const tens = n % 100;
  if (tens >= 11 && tens <= 13) return `${n}th`;
  return `${n}${{ 1: 'st', 2: 'nd', 3: 'rd' }[n % 10] ?? 'th'}`;
}

/** "first" to "fifth"; counted from the end "last", "second last"; beyond that the number. */
export function ordinalWord(n: number): string {
  if (n === -1) return 'last';
  if (n < 0) return `${ordinalWord(-n)} last`;
  return ['first', 'second', 'third', 'fourth', 'fifth'][n - 1] ?? ordinalNumber(n);
}
