import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterQuietHours,
  formatQuietHours,
  isQuiet,
  noticeTime,
  parseQuietHours,
} from '../../src/calendar/quiet-hours.ts';
import { toInstant, toWall } from '../../src/calendar/wall.ts';

const LONDON = 'Europe/London';
const NIGHT = parseQuietHours('22:00-08:00');
const wall = (text: string): Temporal.Instant => toInstant(text, LONDON);
const shown = (instant: Temporal.Instant): string => toWall(instant, LONDON).toString();

describe('quiet hours', () => {
  it('are read and written', () => {
    expect(formatQuietHours(parseQuietHours('22:00-08:00'))).toBe('22:00-08:00');
    expect(formatQuietHours(parseQuietHours(' 9:00 \u2013 17:30 '))).toBe('09:00-17:30');
    expect(parseQuietHours('OFF')).toBeNull();
    expect(formatQuietHours(null)).toBe('off');
  });

  it.each(['22:00', '22:00-22:00', '22:00-25:00', '22-8', '22:00-08:00-09:00', 'night', ''])(
    '"%s" is refused',
    (text) => {
      expect(() => parseQuietHours(text)).toThrow(/^quietHours: /);
    },
  );

  it('include their first minute and not their last', () => {
    expect(isQuiet(wall('2027-06-02T21:59'), LONDON, NIGHT)).toBe(false);
    expect(isQuiet(wall('2027-06-02T22:00'), LONDON, NIGHT)).toBe(true);
    expect(isQuiet(wall('2027-06-03T07:59'), LONDON, NIGHT)).toBe(true);
    expect(isQuiet(wall('2027-06-03T08:00'), LONDON, NIGHT)).toBe(false);
    expect(isQuiet(wall('2027-06-03T03:00'), LONDON, null)).toBe(false);
  });

  it('move a notice to their end, by the wall clock of that day', () => {
    expect(shown(afterQuietHours(wall('2027-06-02T23:00'), LONDON, NIGHT))).toBe('2027-06-03T08:00:00');
    expect(shown(afterQuietHours(wall('2027-03-27T23:00'), LONDON, NIGHT))).toBe('2027-03-28T08:00:00');
    expect(shown(afterQuietHours(wall('2027-10-31T00:30'), LONDON, NIGHT))).toBe('2027-10-31T08:00:00');
    expect(afterQuietHours(wall('2027-06-02T12:00'), LONDON, NIGHT).toString()).toBe('2027-06-02T11:00:00Z');
  });

  it('never move a notice to the start of its meeting or past it', () => {
    const before = (instant: string, start: string): string =>
      shown(noticeTime(wall(instant), LONDON, NIGHT, wall(start)));
    expect(before('2027-06-02T07:00', '2027-06-02T09:00')).toBe('2027-06-02T08:00:00');
    expect(before('2027-06-02T07:00', '2027-06-02T08:00')).toBe('2027-06-01T21:59:00');
    expect(before('2027-06-02T06:30', '2027-06-02T07:30')).toBe('2027-06-01T21:59:00');
    expect(before('2027-06-02T22:30', '2027-06-02T23:30')).toBe('2027-06-02T21:59:00');
    expect(before('2027-06-02T18:00', '2027-06-02T19:00')).toBe('2027-06-02T18:00:00');
  });

  describe('against a slow walk over every minute', () => {
    const HOWE = 'Australia/Lord_Howe';
    /** Mostly close to a change of the clocks, where times are left out or come twice; else at any hour. */
    const moment = fc
      .oneof(
        {
          weight: 4,
          arbitrary: fc.tuple(
            fc.constantFrom(
              [LONDON, '2027-03-28T01:00Z'],
              [LONDON, '2027-10-31T01:00Z'],
              [HOWE, '2027-04-03T15:00Z'],
              [HOWE, '2027-10-02T15:30Z'],
            ),
            fc.integer({ min: -90, max: 90 }),
          ),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(
            fc.constantFrom([LONDON, '2027-03-27T12:00Z'], [LONDON, '2027-06-01T00:00Z']),
            fc.integer({ min: 0, max: 2400 }),
          ),
        },
      )
      .map(([[zone = '', day = ''], minutes]) => ({ zone, at: Temporal.Instant.from(day).add({ minutes }) }));
    const quarters = (max: number): fc.Arbitrary<Temporal.PlainTime> =>
      fc.integer({ min: 0, max }).map((n) => new Temporal.PlainTime(Math.trunc(n / 4), (n % 4) * 15));
    const clock = fc.oneof({ weight: 4, arbitrary: quarters(12) }, { weight: 1, arbitrary: quarters(95) });
    const quiet = fc
      .tuple(clock, clock)
      .filter(([from, to]) => !from.equals(to))
      .map(([from, to]) => ({ from, to }));

    function walk(
      from: Temporal.Instant,
      step: 1 | -1,
      z: string,
      q: NonNullable<ReturnType<typeof parseQuietHours>>,
    ): Temporal.Instant {
      let at = from;
      while (isQuiet(at, z, q)) at = at.add({ minutes: step });
      return at;
    }

    it('the end is the first minute that is not quiet', () => {
      fc.assert(
        fc.property(moment, quiet, ({ at, zone: z }, q) => {
          expect(afterQuietHours(at, z, q).toString()).toBe(walk(at, 1, z, q).toString());
        }),
        { numRuns: 300 },
      );
    });

    it('a notice goes at its time, at the end, or in the last minute before', () => {
      fc.assert(
        fc.property(moment, quiet, fc.integer({ min: 0, max: 1500 }), ({ at, zone: z }, q, lead) => {
          const start = at.add({ minutes: lead });
          const later = walk(at, 1, z, q);
          const expected =
            later.equals(at) || Temporal.Instant.compare(later, start) < 0 ? later : walk(at, -1, z, q);
          const actual = noticeTime(at, z, q, start);
          expect(actual.toString()).toBe(expected.toString());
          expect(Temporal.Instant.compare(actual, start)).toBeLessThan(1);
          expect(isQuiet(actual, z, q)).toBe(false);
        }),
        { numRuns: 300 },
      );
    });
  });
});
