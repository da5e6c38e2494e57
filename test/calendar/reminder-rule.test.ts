import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeReminderRule,
  formatReminderRule,
  parseReminderRule,
  reminderInstant,
} from '../../src/calendar/reminder-rule.ts';
import { toInstant, toWall } from '../../src/calendar/wall.ts';

const LONDON = 'Europe/London';

function due(rule: string, start: string): string {
  return reminderInstant(parseReminderRule(rule), toInstant(start, LONDON), LONDON).toString();
}

describe('a reminder rule', () => {
  it.each([
    ['7d@09:00', '7d@09:00', '7 days before at 9 am'],
    ['1d@9:00', '1d@09:00', '1 day before at 9 am'],
    ['0d@08:30', '0d@08:30', 'on the day at 8.30 am'],
    ['2D', '2d', '2 days before at the same time of day'],
    ['1h', '1h', '1 hour before'],
    ['60m', '1h', '1 hour before'],
    ['90m', '90m', '1 hour 30 minutes before'],
    ['24h', '24h', '24 hours before'],
    ['0m', '0m', 'at the start'],
    ['0h', '0m', 'at the start'],
    ['365d', '365d', '365 days before at the same time of day'],
  ])('%s is written %s and reads "%s"', (text, canonical, words) => {
    const rule = parseReminderRule(text);
    expect(formatReminderRule(rule)).toBe(canonical);
    expect(describeReminderRule(rule)).toBe(words);
    expect(parseReminderRule(canonical)).toEqual(rule);
  });

  it.each([
    '-1h',
    '366d',
    '8761h',
    '525601m',
    '1h@09:00',
    '7d@25:00',
    '7d@',
    '7 days',
    '1w',
    'h',
    '1.5h',
    '',
  ])('"%s" is refused', (text) => {
    expect(() => parseReminderRule(text)).toThrow(/^remind: .*such as|^remind: .*write 7d@09:00/);
  });

  it('counts exact offsets', () => {
    expect(due('0m', '2027-01-06T19:00')).toBe('2027-01-06T19:00:00Z');
    expect(due('1h', '2027-01-06T19:00')).toBe('2027-01-06T18:00:00Z');
    expect(due('1d', '2027-01-06T19:00')).toBe('2027-01-05T19:00:00Z');
    expect(due('7d', '2027-01-06T19:00')).toBe('2026-12-30T19:00:00Z');
  });

  it('keeps the wall clock over days and elapsed time over hours when the clocks change', () => {
    expect(due('7d@09:00', '2027-03-31T19:00')).toBe('2027-03-24T09:00:00Z');
    expect(due('1d@09:00', '2027-03-31T19:00')).toBe('2027-03-30T08:00:00Z');
    expect(due('7d', '2027-03-31T19:00')).toBe('2027-03-24T19:00:00Z');
    expect(due('168h', '2027-03-31T19:00')).toBe('2027-03-24T18:00:00Z');
    expect(due('7d@09:00', '2027-11-03T19:00')).toBe('2027-10-27T08:00:00Z');
  });

  it('gives each slot of the weeks around both changes once, at the same hour of the wall clock', () => {
    const rule = parseReminderRule('1d@09:00');
    for (const first of ['2026-10-18', '2027-03-21', '2027-10-24']) {
      const seen = new Set<string>();
      for (let day = 0; day < 15; day += 1) {
        const start = Temporal.PlainDate.from(first)
          .add({ days: day })
          .toPlainDateTime(new Temporal.PlainTime(19));
        const wall = toWall(reminderInstant(rule, toInstant(start, LONDON), LONDON), LONDON);
        expect(wall.toPlainTime().toString()).toBe('09:00:00');
        seen.add(wall.toPlainDate().toString());
      }
      expect(seen.size).toBe(15);
    }
  });

  it('is never after the start, unless it is a time on the day itself', () => {
    const minute = fc.integer({ min: 0, max: 5 * 366 * 1440 });
    fc.assert(
      fc.property(
        minute,
        fc.integer({ min: 1, max: 365 }),
        fc.integer({ min: 0, max: 1439 }),
        (m, days, clock) => {
          const start = Temporal.Instant.from('2026-01-01T00:00Z').add({ minutes: m });
          const time = new Temporal.PlainTime(Math.trunc(clock / 60), clock % 60);
          for (const rule of [
            { kind: 'days', days, time },
            { kind: 'elapsed', minutes: days },
          ] as const) {
            const at = reminderInstant(rule, start, LONDON);
            expect(Temporal.Instant.compare(at, start)).toBe(-1);
          }
        },
      ),
    );
  });
});
