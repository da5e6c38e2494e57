/**
 * Bank holidays of the three parts of the United Kingdom, computed: fixed days with their substitutes, days
 * that follow Easter or a weekday, and the days that were moved or added by proclamation (Banking and
 * Financial Dealings Act 1971, section 1 and schedule 1). A holiday that falls on a weekend is its substitute
 * weekday only, as in the government's own list. Checked for the years from 2000; a day that is proclaimed
 * later has to be added to PROCLAIMED.
 */
export const NATIONS = ['england-and-wales', 'scotland', 'northern-ireland'] as const;
export type Nation = (typeof NATIONS)[number];

/** The name of each holiday by its date. */
type Holidays = Map<string, string>;

const EVERYWHERE: readonly Nation[] = NATIONS;

/** Days that were added once, and those that took the place of a regular one. */
const PROCLAIMED: readonly {
  readonly date: string;
  readonly name: string;
  readonly nations: readonly Nation[];
}[] = [
  { date: '2002-06-03', name: 'Golden Jubilee bank holiday', nations: EVERYWHERE },
  { date: '2011-04-29', name: 'Royal wedding bank holiday', nations: EVERYWHERE },
  { date: '2012-06-05', name: 'Diamond Jubilee bank holiday', nations: EVERYWHERE },
  { date: '2022-06-03', name: 'Platinum Jubilee bank holiday', nations: EVERYWHERE },
  { date: '2022-09-19', name: 'State Funeral of Queen Elizabeth II', nations: EVERYWHERE },
  { date: '2023-05-08', name: 'Coronation of King Charles III', nations: EVERYWHERE },
  { date: '2026-06-15', name: 'World Cup bank holiday', nations: ['scotland'] },
];

/** The early May bank holiday of these years, moved for the anniversary of VE Day. */
const MOVED_EARLY_MAY: ReadonlyMap<number, number> = new Map([[2020, 8]]);

/** The spring bank holiday of these years, moved into June for a jubilee. */
const MOVED_SPRING: ReadonlyMap<number, number> = new Map([
  [2002, 4],
  [2012, 4],
  [2022, 2],
]);

const MONDAY = 1;

/** The name of the bank holiday on `date` in that part of the country, if it is one. */
export function bankHoliday(date: Temporal.PlainDate, nation: Nation): string | undefined {
  return holidaysOf(date.year, nation).get(date.toString());
}

const COMPUTED = new Map<string, Holidays>();

function holidaysOf(year: number, nation: Nation): Holidays {
  const key = `${nation} ${year}`;
  const holidays = COMPUTED.get(key) ?? computeHolidays(year, nation);
  COMPUTED.set(key, holidays);
  return holidays;
}

function computeHolidays(year: number, nation: Nation): Holidays {
  const found: Holidays = new Map();
  const easter = easterSunday(year);
  addFixed(found, new Temporal.PlainDate(year, 1, 1), 'New Year\u2019s Day');
  if (nation === 'scotland') addFixed(found, new Temporal.PlainDate(year, 1, 2), '2nd January');
  if (nation === 'northern-ireland') {
    addFixed(found, new Temporal.PlainDate(year, 3, 17), 'St Patrick\u2019s Day');
    addFixed(found, new Temporal.PlainDate(year, 7, 12), 'Battle of the Boyne (Orangemen\u2019s Day)');
  }
  found.set(easter.subtract({ days: 2 }).toString(), 'Good Friday');
  if (nation !== 'scotland') found.set(easter.add({ days: 1 }).toString(), 'Easter Monday');
  found.set(earlyMay(year).toString(), 'Early May bank holiday');
  found.set(spring(year).toString(), 'Spring bank holiday');
  found.set(summer(year, nation).toString(), 'Summer bank holiday');
  // St Andrew's Day Bank Holiday (Scotland) Act 2007.
  if (nation === 'scotland' && year >= 2007) {
    addFixed(found, new Temporal.PlainDate(year, 11, 30), 'St Andrew\u2019s Day');
  }
  addChristmas(found, year);
  for (const extra of PROCLAIMED) {
    if (extra.nations.includes(nation)) found.set(extra.date, extra.name);
  }
  return found;
}

/** A day of a fixed date; on a weekend the next weekday that is not a holiday already takes its place. */
function addFixed(found: Holidays, date: Temporal.PlainDate, name: string): void {
  let day = date;
  while (day.dayOfWeek > 5 || found.has(day.toString())) day = day.add({ days: 1 });
  found.set(day.toString(), day.equals(date) ? name : `${name} (substitute day)`);
}

/** Boxing Day keeps its Monday when Christmas Day is the Sunday before; Christmas Day then takes the Tuesday. */
function addChristmas(found: Holidays, year: number): void {
  const christmas = new Temporal.PlainDate(year, 12, 25);
  const days: [Temporal.PlainDate, string][] = [
    [christmas, 'Christmas Day'],
    [christmas.add({ days: 1 }), 'Boxing Day'],
  ];
  if (christmas.dayOfWeek === 7) days.reverse();
  for (const [date, name] of days) addFixed(found, date, name);
}

function earlyMay(year: number): Temporal.PlainDate {
  const moved = MOVED_EARLY_MAY.get(year);
  return moved === undefined ? firstMonday(year, 5) : new Temporal.PlainDate(year, 5, moved);
}

function spring(year: number): Temporal.PlainDate {
  const moved = MOVED_SPRING.get(year);
  return moved === undefined ? lastMonday(year, 5) : new Temporal.PlainDate(year, 6, moved);
}

function summer(year: number, nation: Nation): Temporal.PlainDate {
  return nation === 'scotland' ? firstMonday(year, 8) : lastMonday(year, 8);
}

function firstMonday(year: number, month: number): Temporal.PlainDate {
  const first = new Temporal.PlainDate(year, month, 1);
  return first.add({ days: (MONDAY - first.dayOfWeek + 7) % 7 });
}

function lastMonday(year: number, month: number): Temporal.PlainDate {
  const last = new Temporal.PlainDate(year, month, 1).add({ months: 1 }).subtract({ days: 1 });
  return last.subtract({ days: last.dayOfWeek - MONDAY });
}

/** The Gregorian computus in the form that needs no exceptions (Meeus, Astronomical Algorithms, chapter 8). */
function easterSunday(year: number): Temporal.PlainDate {
  const a = year % 19;
  const b = Math.trunc(year / 100);
  const c = year % 100;
  const d = Math.trunc(b / 4);
  const e = b % 4;
  const f = Math.trunc((b + 8) / 25);
  const g = Math.trunc((b - f + 1) / 3);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.trunc(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.trunc((a + 11 * h + 22 * l) / 451);
  const monthAndDay = h + l - 7 * m + 114;
  return new Temporal.PlainDate(year, Math.trunc(monthAndDay / 31), (monthAndDay % 31) + 1);
}
