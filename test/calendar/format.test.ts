import { describe, expect, it } from 'vitest';
import {
  formatDate,
  formatDateTime,
  formatDuration,
  formatShortDate,
  formatShortDateTime,
  formatTime,
  formatTimeRange,
  zoneLabel,
} from '../../src/calendar/format.ts';

const LONDON = 'Europe/London';
const at = (text: string): Temporal.Instant => Temporal.Instant.from(text);

describe('dates and times for people', () => {
  it('name the day, the date, the time and the zone', () => {
    expect(formatDateTime(at('2027-06-02T18:00Z'), LONDON)).toBe('Wednesday 2 June 2027, 7 pm (UK time)');
    expect(formatDateTime(at('2027-01-06T19:30Z'), LONDON)).toBe(
      'Wednesday 6 January 2027, 7.30 pm (UK time)',
    );
    expect(formatDateTime(at('2027-01-06T19:30Z'), 'America/New_York')).toBe(
      'Wednesday 6 January 2027, 2.30 pm (New York time)',
    );
  });

  it('have short forms for lists', () => {
    expect(formatShortDateTime(at('2027-06-02T18:00Z'), LONDON)).toBe('Wed 2 Jun 2027, 7 pm');
    expect(formatShortDate(Temporal.PlainDate.from('2027-09-30'))).toBe('Thu 30 Sep 2027');
    expect(formatDate(Temporal.PlainDate.from('2027-09-30'))).toBe('Thursday 30 September 2027');
  });

  it.each([
    ['00:00', '12 midnight'],
    ['00:05', '12.05 am'],
    ['09:00', '9 am'],
    ['11:59', '11.59 am'],
    ['12:00', '12 noon'],
    ['12:30', '12.30 pm'],
    ['19:00', '7 pm'],
    ['23:59', '11.59 pm'],
  ])('write %s as %s', (time, words) => {
    expect(formatTime(Temporal.PlainTime.from(time))).toBe(words);
  });

  it('write a span of time, with the day when it ends on another', () => {
    expect(formatTimeRange(at('2027-06-02T18:00Z'), at('2027-06-02T19:30Z'), LONDON)).toBe(
      '7 pm to 8.30 pm (UK time)',
    );
    expect(formatTimeRange(at('2027-06-02T22:00Z'), at('2027-06-02T23:30Z'), LONDON)).toBe(
      '11 pm to 12.30 am on Thursday 3 June 2027 (UK time)',
    );
  });

  it.each([
    [LONDON, 'UK time'],
    ['Europe/Belfast', 'UK time'],
    ['UTC', 'UTC'],
    ['America/Argentina/Buenos_Aires', 'Buenos Aires time'],
    ['Europe/Dublin', 'Dublin time'],
  ])('call the zone %s "%s"', (zone, label) => {
    expect(zoneLabel(zone)).toBe(label);
  });

  it.each([
    [1, '1 minute'],
    [45, '45 minutes'],
    [60, '1 hour'],
    [90, '1 hour 30 minutes'],
    [121, '2 hours 1 minute'],
    [1440, '24 hours'],
  ])('write %i minutes as %s', (minutes, words) => {
    expect(formatDuration(minutes)).toBe(words);
  });
});
