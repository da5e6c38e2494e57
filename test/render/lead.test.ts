import { describe, expect, it } from 'vitest';
import { leadOf } from '../../src/render/lead.ts';

const START = '2027-06-02T18:00:00Z';

function lead(sendAt: string, start = START) {
  return leadOf(Temporal.Instant.from(sendAt), Temporal.Instant.from(start), 'Europe/London');
}

describe('how far away a meeting is, in words', () => {
  it.each([
    ['2027-05-26T08:00:00Z', 'week', 'In one week'],
    ['2027-05-19T08:00:00Z', 'days', 'In 2 weeks'],
    ['2027-05-30T08:00:00Z', 'days', 'In 3 days'],
    ['2027-06-01T08:00:00Z', 'day', 'Tomorrow'],
    ['2027-06-01T22:59:00Z', 'day', 'Tomorrow'],
    ['2027-06-01T23:00:00Z', 'today', 'Today'],
    ['2027-06-02T08:00:00Z', 'today', 'Today'],
    ['2027-06-02T16:29:00Z', 'today', 'Today'],
    ['2027-06-02T16:30:00Z', 'minutes', 'In 90 minutes'],
    ['2027-06-02T17:00:00Z', 'hour', 'In one hour'],
    ['2027-06-02T17:03:00Z', 'hour', 'In one hour'],
    ['2027-06-02T17:50:00Z', 'minutes', 'In 10 minutes'],
    ['2027-06-02T17:57:00Z', 'minutes', 'Starting now'],
    ['2027-06-02T18:00:00Z', 'minutes', 'Starting now'],
  ])('%s: %s, "%s"', (sendAt, key, phrase) => {
    expect(lead(sendAt)).toEqual({ key, phrase });
  });

  it('counts days on the calendar of the zone, also across a change of the clocks', () => {
    // 7 days at 09:00 by the clock on the wall are 167 hours here.
    expect(lead('2027-03-24T09:00:00Z', '2027-03-31T18:00:00Z').key).toBe('week');
    expect(lead('2027-10-27T08:00:00Z', '2027-11-03T19:00:00Z').key).toBe('week');
  });

  it('speaks of an hour before a meeting just after midnight, not of tomorrow', () => {
    expect(lead('2027-06-02T22:30:00Z', '2027-06-02T23:30:00Z').key).toBe('hour');
  });
});
