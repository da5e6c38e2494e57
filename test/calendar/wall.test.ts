import { describe, expect, it } from 'vitest';
import {
  parseDate,
  parseWallDateTime,
  parseWallTime,
  parseZone,
  toInstant,
  toWall,
} from '../../src/calendar/wall.ts';

const LONDON = 'Europe/London';

describe('a zone', () => {
  it('is taken by its name in any spelling and put right', () => {
    expect(parseZone('europe/london')).toBe('Europe/London');
    expect(parseZone(' America/Argentina/Buenos_Aires ')).toBe('America/Argentina/Buenos_Aires');
    expect(parseZone('utc')).toBe('UTC');
  });

  it.each([
    ['GMT', 'Europe/London'],
    ['BST', 'Europe/London'],
    ['London', 'Europe/London'],
    ['new york', 'America/New_York'],
    ['+01:00', 'Europe/London'],
    ['Etc/GMT-1', 'Europe/London'],
    ['Europe/Londn', 'Europe/London'],
    ['', 'Europe/London'],
  ])('"%s" is refused with %s as the suggestion', (text, suggestion) => {
    expect(() => parseZone(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        problems: [{ field: 'timeZone', message: expect.stringContaining(suggestion) as string }],
      }),
    );
  });
});

describe('a time of day', () => {
  it('is read on the 24-hour clock', () => {
    expect(parseWallTime('19:00').toString()).toBe('19:00:00');
    expect(parseWallTime(' 9:30 ').toString()).toBe('09:30:00');
    expect(parseWallTime('00:00').toString()).toBe('00:00:00');
  });

  it.each([
    ['7 pm', '19:00'],
    ['7.30pm', '19:30'],
    ['12am', '00:00'],
    ['19.15', '19:15'],
    ['24:00', '19:00'],
    ['12:60', '19:00'],
    ['noon', '19:00'],
    ['', '19:00'],
  ])('"%s" is refused with %s as the suggestion', (text, suggestion) => {
    expect(() => parseWallTime(text)).toThrow(
      expect.objectContaining({
        problems: [{ field: 'time', message: expect.stringContaining(`such as ${suggestion}`) as string }],
      }),
    );
  });
});

describe('a date', () => {
  it('is read in ISO form', () => {
    expect(parseDate('2028-02-29').toString()).toBe('2028-02-29');
  });

  it.each([
    '2027-02-31',
    '2027-02-29',
    '2027-13-01',
    '2027-00-10',
    '2027-06-00',
    '02/06/2027',
    '2027-6-2',
    '',
  ])('"%s" is refused', (text) => {
    expect(() => parseDate(text, 'from')).toThrow(/^from: /);
  });

  it('says how many days the month has', () => {
    expect(() => parseDate('2027-02-31')).toThrow(/from 01 to 28/);
  });
});

describe('a wall-clock date and time', () => {
  it('is read without a zone', () => {
    expect(parseWallDateTime('2026-12-02T19:00').toString()).toBe('2026-12-02T19:00:00');
    expect(parseWallDateTime('2026-12-02 19:00:00').toString()).toBe('2026-12-02T19:00:00');
  });

  it.each([
    '2026-12-02',
    '19:00',
    '2026-12-02T19:00Z',
    '2026-12-02T19:00+01:00',
    '2026-12-02T25:00',
    '2027-02-31T19:00',
    'tomorrow 7 pm',
    '',
  ])('"%s" is refused', (text) => {
    expect(() => parseWallDateTime(text)).toThrow(/^start: /);
  });
});

describe('wall time and instants', () => {
  it('follow the clocks of their own date, not those of today', () => {
    expect(toInstant('2027-01-06T19:00', LONDON).toString()).toBe('2027-01-06T19:00:00Z');
    expect(toInstant('2027-06-02T19:00', LONDON).toString()).toBe('2027-06-02T18:00:00Z');
  });

  it('move a time that the spring change leaves out forward by the missing hour', () => {
    expect(toInstant('2027-03-28T01:30', LONDON).toString()).toBe('2027-03-28T01:30:00Z');
    expect(toWall(toInstant('2027-03-28T01:30', LONDON), LONDON).toString()).toBe('2027-03-28T02:30:00');
  });

  it('take the first of a time that the autumn change repeats', () => {
    expect(toInstant('2027-10-31T01:30', LONDON).toString()).toBe('2027-10-31T00:30:00Z');
  });

  it('hold through loading and saving, every quarter of an hour around both changes', () => {
    for (const day of ['2027-03-28', '2027-10-31', '2026-10-25']) {
      const midnight = Temporal.PlainDate.from(day).toPlainDateTime().subtract({ hours: 6 });
      for (let quarter = 0; quarter < 96; quarter += 1) {
        const saved = toInstant(midnight.add({ minutes: 15 * quarter }), LONDON);
        expect(toInstant(toWall(saved, LONDON), LONDON).equals(saved)).toBe(true);
      }
    }
  });
});
