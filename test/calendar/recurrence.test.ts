import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRuleMatches, describeRule, occurrenceDates, parseRule } from '../../src/calendar/recurrence.ts';
import { toInstant } from '../../src/calendar/wall.ts';

const date = (text: string): Temporal.PlainDate => Temporal.PlainDate.from(text);
const FROM = date('2026-01-01');
const TO = date('2030-12-31');
const CODES = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;

function dates(rule: string, from = FROM, to = TO, startsOn = FROM): string[] {
  return occurrenceDates(parseRule(rule), { startsOn, from, to }).map(String);
}

/** Every day from 2026 to 2030 that `matches`, found without Temporal and without the rule engine. */
function walk(
  matches: (day: { weekday: number; day: number; month: number; left: number }) => boolean,
): string[] {
  const found: string[] = [];
  for (let time = Date.UTC(2026, 0, 1); time < Date.UTC(2031, 0, 1); time += 86_400_000) {
    const at = new Date(time);
    const [month, day] = [at.getUTCMonth() + 1, at.getUTCDate()];
    const left = new Date(Date.UTC(at.getUTCFullYear(), month, 0)).getUTCDate() - day;
    if (matches({ weekday: at.getUTCDay(), day, month, left })) found.push(at.toISOString().slice(0, 10));
  }
  return found;
}

describe('the dates of a rule, against a walk over every day of 2026 to 2030', () => {
  const weekday = fc.integer({ min: 0, max: 6 });

  it('nth weekday, in both ways of writing it', () => {
    fc.assert(
      fc.property(weekday, fc.integer({ min: 1, max: 5 }), (w, n) => {
        const expected = walk((d) => d.weekday === w && Math.ceil(d.day / 7) === n);
        const code = CODES[w] ?? '';
        expect(dates(`FREQ=MONTHLY;BYDAY=${n}${code}`)).toEqual(expected);
        expect(dates(`FREQ=MONTHLY;BYDAY=${code};BYSETPOS=${n}`)).toEqual(expected);
      }),
    );
  });

  it('last weekday, and those counted from the end', () => {
    fc.assert(
      fc.property(weekday, fc.integer({ min: 1, max: 5 }), (w, n) => {
        const expected = walk((d) => d.weekday === w && Math.floor(d.left / 7) === n - 1);
        expect(dates(`FREQ=MONTHLY;BYDAY=-${n}${CODES[w] ?? ''}`)).toEqual(expected);
      }),
    );
  });

  it('day of the month, from either end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), (n) => {
        expect(dates(`FREQ=MONTHLY;BYMONTHDAY=${n}`)).toEqual(walk((d) => d.day === n));
        expect(dates(`FREQ=MONTHLY;BYMONTHDAY=-${n}`)).toEqual(walk((d) => d.left === n - 1));
      }),
    );
  });

  it('some months only', () => {
    fc.assert(
      fc.property(weekday, fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (w, months) => {
        const expected = walk((d) => months.includes(d.month) && d.weekday === w && d.day > 7 && d.day <= 14);
        expect(dates(`FREQ=MONTHLY;BYMONTH=${months.join()};BYDAY=2${CODES[w] ?? ''}`)).toEqual(expected);
      }),
    );
  });

  it('every week, and a Friday the 13th', () => {
    expect(dates('FREQ=WEEKLY;BYDAY=TU,TH')).toEqual(walk((d) => d.weekday === 2 || d.weekday === 4));
    expect(dates('FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13')).toEqual(
      walk((d) => d.weekday === 5 && d.day === 13),
    );
  });

  it('any window gives the dates of the whole that lie in it', () => {
    const day = fc.integer({ min: 0, max: 1825 }).map((days) => FROM.add({ days }));
    const rule = fc.constantFrom(
      'FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO',
      'FREQ=MONTHLY;BYMONTHDAY=31',
    );
    fc.assert(
      fc.property(rule, day, day, day, (r, startsOn, a, b) => {
        const whole = dates(r, startsOn, TO, startsOn);
        const within = whole.filter((d) => d >= a.toString() && d <= b.toString());
        expect(dates(r, a, b, startsOn)).toEqual(within);
      }),
    );
  });
});

describe('the dates of a series', () => {
  it('begin and end with the series, both days included', () => {
    const rule = parseRule('FREQ=MONTHLY;BYDAY=1WE');
    const between = (startsOn: string, endsOn: string): string[] =>
      occurrenceDates(rule, { startsOn: date(startsOn), endsOn: date(endsOn), from: FROM, to: TO }).map(
        String,
      );
    expect(between('2027-01-06', '2027-03-03')).toEqual(['2027-01-06', '2027-02-03', '2027-03-03']);
    expect(between('2027-01-07', '2027-03-02')).toEqual(['2027-02-03']);
    expect(between('2027-03-04', '2027-03-05')).toEqual([]);
    expect(between('2027-03-05', '2027-03-04')).toEqual([]);
  });

  it('count an interval from the month of the first day', () => {
    expect(
      dates('FREQ=MONTHLY;INTERVAL=2;BYDAY=1WE', date('2027-01-01'), date('2027-06-30'), date('2026-12-20')),
    ).toEqual(['2027-02-03', '2027-04-07', '2027-06-02']);
  });

  it('follow each other by 28 or 35 days for 24 months, give or take the hour of a clock change', () => {
    const slots = dates('FREQ=MONTHLY;BYDAY=1WE', date('2026-10-01'), date('2028-10-31')).map((d) =>
      toInstant(`${d}T19:00`, 'Europe/London'),
    );
    expect(slots).toHaveLength(25);
    const gaps = slots.slice(1).map((slot, i) => slot.since(slots[i] ?? slot).total('hours'));
    for (const gap of gaps) expect([28, 35].flatMap((d) => [d * 24 - 1, d * 24, d * 24 + 1])).toContain(gap);
  });
});

describe('a rule', () => {
  it.each([
    ['FREQ=MONTHLY;BYDAY=1WE', 'first Wednesday of the month'],
    ['FREQ=MONTHLY;BYDAY=TH;BYSETPOS=3', 'third Thursday of the month'],
    ['FREQ=MONTHLY;BYDAY=-1FR', 'last Friday of the month'],
    ['FREQ=MONTHLY;BYDAY=1TU,3TU', 'first and third Tuesday of the month'],
    ['FREQ=MONTHLY;BYDAY=1TU,-1FR', 'first Tuesday and last Friday of the month'],
    ['FREQ=MONTHLY;BYDAY=5WE', 'fifth Wednesday of the month, where there is one'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', 'last working day of the month'],
    ['FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1', 'first Saturday or Sunday of the month'],
    ['FREQ=MONTHLY;BYMONTHDAY=15', '15th of the month'],
    ['FREQ=MONTHLY;BYMONTHDAY=1,-1', '1st and last day of the month'],
    ['FREQ=MONTHLY;BYMONTHDAY=31', '31st of the month, where there is one'],
    ['FREQ=MONTHLY;BYMONTH=1,7;BYMONTHDAY=31', '31st of January and July'],
    ['FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR', 'every Friday that is the 13th of the month'],
    ['FREQ=MONTHLY;INTERVAL=2;BYDAY=1WE', 'first Wednesday of every second month'],
    [
      'FREQ=MONTHLY;BYMONTH=1,2,3,4,5,6,7,9,10,11,12;BYDAY=1WE',
      'first Wednesday of every month except August',
    ],
    ['FREQ=WEEKLY;BYDAY=TU', 'every Tuesday'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU', 'Monday and Tuesday of every second week'],
  ])('%s reads "%s"', (text, words) => {
    expect(describeRule(parseRule(text))).toBe(words);
  });

  it.each([
    [' rrule:freq=monthly;interval=1;wkst=su;byday=+1we,1we; ', 'FREQ=MONTHLY;BYDAY=1WE'],
    ['FREQ=MONTHLY;BYSETPOS=3;BYDAY=TH', 'FREQ=MONTHLY;BYDAY=TH;BYSETPOS=3'],
    ['FREQ=WEEKLY;WKST=SU;BYDAY=TU;INTERVAL=2', 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=SU'],
    ['BYMONTHDAY=15,1,-1;FREQ=MONTHLY', 'FREQ=MONTHLY;BYMONTHDAY=-1,1,15'],
  ])('%s has one canonical form', (text, canonical) => {
    const rule = parseRule(text);
    expect(rule.text).toBe(canonical);
    expect(parseRule(canonical)).toEqual(rule);
  });

  it.each([
    ['FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31', 'never matches'],
    ['FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30', 'never matches'],
    ['FREQ=MONTHLY;BYMONTH=4,6,9,11;BYMONTHDAY=31', 'never matches'],
    ['FREQ=MONTHLY;BYDAY=1WE;BYMONTHDAY=20', 'never matches'],
    ['FREQ=MONTHLY;BYDAY=WE;BYSETPOS=6', 'never matches'],
    ['FREQ=MONTHLY;BYDAY=6WE', 'runs from 1 to 5'],
    ['FREQ=MONTHLY;BYDAY=0WE', 'runs from 1 to 5'],
    ['FREQ=MONTHLY;BYDAY=1XX', 'such as 1WE'],
    ['FREQ=MONTHLY;BYMONTHDAY=32', 'from 1 to 31'],
    ['FREQ=MONTHLY;BYMONTHDAY=0', 'from 1 to 31'],
    ['FREQ=MONTHLY;BYMONTH=13;BYDAY=1WE', 'from 1 to 12'],
    ['FREQ=MONTHLY;BYMONTH=-1;BYDAY=1WE', 'from 1 to 12'],
    ['FREQ=MONTHLY;INTERVAL=0;BYDAY=1WE', 'from 1 to 12'],
    ['FREQ=MONTHLY;INTERVAL=1000;BYDAY=1WE', 'from 1 to 12'],
    ['FREQ=MONTHLY', 'BYDAY or BYMONTHDAY'],
    ['FREQ=WEEKLY', 'FREQ=WEEKLY;BYDAY=WE'],
    ['FREQ=WEEKLY;BYDAY=1WE', 'without a number'],
    ['FREQ=WEEKLY;BYDAY=WE;BYMONTHDAY=1', 'FREQ=MONTHLY only'],
    ['FREQ=WEEKLY;BYDAY=WE;WKST=XX', 'WKST must be one of'],
    ['FREQ=MONTHLY;BYDAY=1WE;BYSETPOS=1', 'not both'],
    ['FREQ=YEARLY;BYDAY=1WE', 'BYMONTH'],
    ['FREQ=SECONDLY', 'MONTHLY or WEEKLY'],
    ['FREQ=DAILY', 'MONTHLY or WEEKLY'],
    ['BYDAY=1WE', 'FREQ is missing'],
    ['FREQ=MONTHLY;BYDAY=1WE;COUNT=3', 'a last day'],
    ['FREQ=MONTHLY;BYDAY=1WE;UNTIL=20271231', 'a last day'],
    ['FREQ=MONTHLY;BYDAY=1WE;BYHOUR=9', 'time of day'],
    ['FREQ=MONTHLY;BYDAY=1WE;BYDAY=2WE', 'twice'],
    ['FREQ=MONTHLY;BYDAY=1WE;BYWEEKDAY=MO', 'not one of'],
    ['FREQ=MONTHLY;BYDAY=', 'FREQ=MONTHLY;BYDAY=1WE'],
    ['31 February', 'FREQ=MONTHLY;BYDAY=1WE'],
    ['first Wednesday', 'FREQ=MONTHLY;BYDAY=1WE'],
    ['', 'FREQ=MONTHLY;BYDAY=1WE'],
  ])('"%s" is refused, and the reason says "%s"', (text, reason) => {
    expect(() => parseRule(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        problems: [{ field: 'rule', message: expect.stringContaining(reason) as string }],
      }),
    );
  });

  it('that is in order can still miss every month of its interval', () => {
    const rule = parseRule('FREQ=MONTHLY;INTERVAL=12;BYMONTH=3;BYDAY=1WE');
    expect(() => checkRuleMatches(rule, { startsOn: date('2027-06-01') })).toThrow(
      /never matches .* 2027-06-01/,
    );
    expect(() => checkRuleMatches(rule, { startsOn: date('2027-03-01') })).not.toThrow();
    const leap = parseRule('FREQ=MONTHLY;INTERVAL=12;BYMONTH=2;BYMONTHDAY=29');
    expect(() => checkRuleMatches(leap, { startsOn: date('2027-02-01') })).not.toThrow();
    // February comes round every 11 years: 2027, 2038, 2049, and 2060, a leap year at last.
    const rare = parseRule('FREQ=MONTHLY;INTERVAL=11;BYMONTH=2;BYMONTHDAY=29');
    expect(() => checkRuleMatches(rare, { startsOn: date('2027-02-01') })).not.toThrow();
    const first = parseRule('FREQ=MONTHLY;BYDAY=1WE');
    expect(() =>
      checkRuleMatches(first, { startsOn: date('2027-01-07'), endsOn: date('2027-01-31') }),
    ).toThrow(/first matches on 2027-02-03, after the series ends/);
  });

  it('is refused or understood, whatever the text', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'FREQ=MONTHLY',
        'FREQ=WEEKLY',
        'BYDAY=1WE',
        'BYDAY=WE',
        'BYMONTHDAY=31',
        'BYMONTH=2',
        'BYSETPOS=2',
        'INTERVAL=7',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        try {
          const rule = parseRule(parts.join(';'));
          expect(parseRule(rule.text)).toEqual(rule);
          expect(describeRule(rule)).not.toMatch(/undefined|NaN/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_input' });
        }
      }),
    );
  });
});
