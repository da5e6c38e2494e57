import { describe, expect, it } from 'vitest';
import { bankHoliday, NATIONS } from '../../src/calendar/bank-holidays.ts';
import type { Nation } from '../../src/calendar/bank-holidays.ts';

/** Dates as published on gov.uk/bank-holidays, for years with substitutes, moves and added days. */
const PUBLISHED: Record<Nation, Record<number, string>> = {
  'england-and-wales': {
    2012: '01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26',
    2015: '01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28',
    2016: '01-01 03-25 03-28 05-02 05-30 08-29 12-26 12-27',
    2020: '01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28',
    2021: '01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28',
    2022: '01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27',
    2023: '01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26',
    2026: '01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28',
    2027: '01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28',
  },
  scotland: {
    2012: '01-02 01-03 04-06 05-07 06-04 06-05 08-06 11-30 12-25 12-26',
    2015: '01-01 01-02 04-03 05-04 05-25 08-03 11-30 12-25 12-28',
    2016: '01-01 01-04 03-25 05-02 05-30 08-01 11-30 12-26 12-27',
    2020: '01-01 01-02 04-10 05-08 05-25 08-03 11-30 12-25 12-28',
    2021: '01-01 01-04 04-02 05-03 05-31 08-02 11-30 12-27 12-28',
    2022: '01-03 01-04 04-15 05-02 06-02 06-03 08-01 09-19 11-30 12-26 12-27',
    2023: '01-02 01-03 04-07 05-01 05-08 05-29 08-07 11-30 12-25 12-26',
    2026: '01-01 01-02 04-03 05-04 05-25 06-15 08-03 11-30 12-25 12-28',
    2027: '01-01 01-04 03-26 05-03 05-31 08-02 11-30 12-27 12-28',
  },
  'northern-ireland': {
    2012: '01-02 03-19 04-06 04-09 05-07 06-04 06-05 07-12 08-27 12-25 12-26',
    2015: '01-01 03-17 04-03 04-06 05-04 05-25 07-13 08-31 12-25 12-28',
    2016: '01-01 03-17 03-25 03-28 05-02 05-30 07-12 08-29 12-26 12-27',
    2020: '01-01 03-17 04-10 04-13 05-08 05-25 07-13 08-31 12-25 12-28',
    2021: '01-01 03-17 04-02 04-05 05-03 05-31 07-12 08-30 12-27 12-28',
    2022: '01-03 03-17 04-15 04-18 05-02 06-02 06-03 07-12 08-29 09-19 12-26 12-27',
    2023: '01-02 03-17 04-07 04-10 05-01 05-08 05-29 07-12 08-28 12-25 12-26',
    2026: '01-01 03-17 04-03 04-06 05-04 05-25 07-13 08-31 12-25 12-28',
    2027: '01-01 03-17 03-26 03-29 05-03 05-31 07-12 08-30 12-27 12-28',
  },
};

function holidaysOf(year: number, nation: Nation): string {
  const found: string[] = [];
  for (let day = new Temporal.PlainDate(year, 1, 1); day.year === year; day = day.add({ days: 1 })) {
    if (bankHoliday(day, nation) !== undefined) found.push(day.toString().slice(5));
  }
  return found.join(' ');
}

describe('bank holidays', () => {
  for (const nation of NATIONS) {
    for (const [year, dates] of Object.entries(PUBLISHED[nation])) {
      it(`of ${nation} in ${year} are those that the government published`, () => {
        expect(holidaysOf(Number(year), nation)).toBe(dates);
      });
    }
  }

  it('are named, and a substitute says that it is one', () => {
    const name = (date: string, nation: Nation): string | undefined =>
      bankHoliday(Temporal.PlainDate.from(date), nation);
    expect(name('2027-12-27', 'england-and-wales')).toBe('Christmas Day (substitute day)');
    expect(name('2022-12-26', 'england-and-wales')).toBe('Boxing Day');
    expect(name('2023-01-03', 'scotland')).toBe('2nd January (substitute day)');
    expect(name('2027-03-29', 'scotland')).toBeUndefined();
    expect(name('2027-03-29', 'england-and-wales')).toBe('Easter Monday');
    expect(name('2011-04-29', 'england-and-wales')).toBe('Royal wedding bank holiday');
    expect(name('2020-05-04', 'scotland')).toBeUndefined();
  });

  it('never fall on a weekend', () => {
    for (const nation of NATIONS) {
      for (let year = 2028; year <= 2036; year += 1) {
        for (const date of holidaysOf(year, nation).split(' ')) {
          expect(Temporal.PlainDate.from(`${year}-${date}`).dayOfWeek).toBeLessThan(6);
        }
      }
    }
  });
});
