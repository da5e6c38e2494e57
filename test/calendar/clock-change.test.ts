import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkZoneData, clockChangeBetween, clockChangeSentence } from '../../src/calendar/clock-change.ts';

const LONDON = 'Europe/London';
const at = (text: string): Temporal.Instant => Temporal.Instant.from(text);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a change of the clocks between a notice and its meeting', () => {
  it('is told in a sentence', () => {
    expect(clockChangeSentence(at('2027-03-24T09:00Z'), at('2027-03-31T18:00Z'), LONDON)).toBe(
      'The clocks go forward on Sunday 28 March 2027, before this meeting; the time given is UK time on the day.',
    );
    expect(clockChangeSentence(at('2026-10-24T08:00Z'), at('2026-10-26T19:00Z'), LONDON)).toBe(
      'The clocks go back on Sunday 25 October 2026, before this meeting; the time given is UK time on the day.',
    );
  });

  it('is known by its instant, day, direction and size', () => {
    const change = clockChangeBetween(at('2027-10-20T08:00Z'), at('2027-11-03T19:00Z'), LONDON);
    expect(change?.at.toString()).toBe('2027-10-31T01:00:00Z');
    expect(change?.date.toString()).toBe('2027-10-31');
    expect(change).toMatchObject({ direction: 'back', minutes: 60 });
    const halfHour = clockChangeBetween(
      at('2027-03-01T00:00Z'),
      at('2027-06-01T00:00Z'),
      'Australia/Lord_Howe',
    );
    expect(halfHour).toMatchObject({ direction: 'back', minutes: 30 });
  });

  it('counts from the very second of the change', () => {
    const change = at('2027-03-28T01:00Z');
    const before = change.subtract({ nanoseconds: 1 });
    expect(clockChangeBetween(before, change, LONDON)?.at.equals(change)).toBe(true);
    expect(clockChangeBetween(change, change.add({ hours: 24 }), LONDON)).toBeUndefined();
    expect(clockChangeBetween(before.subtract({ hours: 24 }), before, LONDON)).toBeUndefined();
  });

  it('is not mentioned when both ends show the same offset, or there is none', () => {
    expect(clockChangeSentence(at('2027-01-06T09:00Z'), at('2028-01-05T19:00Z'), LONDON)).toBeUndefined();
    expect(clockChangeSentence(at('2027-01-06T09:00Z'), at('2027-07-05T19:00Z'), 'UTC')).toBeUndefined();
    expect(clockChangeSentence(at('2027-03-31T18:00Z'), at('2027-03-24T09:00Z'), LONDON)).toBeUndefined();
  });
});

describe('the check of the zone data', () => {
  it('finds nothing wrong here, in any year of the next ten', () => {
    for (let year = 2026; year <= 2036; year += 1) {
      expect(checkZoneData(at(`${year}-06-01T00:00Z`))).toBeUndefined();
    }
  });

  it('names the instant and both answers when the two sources differ', () => {
    // At run time it is a getter, unlike in the types.
    const prototype = Intl.DateTimeFormat.prototype as unknown as { format: unknown };
    vi.spyOn(prototype, 'format', 'get').mockReturnValue(() => '23');
    const problem = checkZoneData(at('2026-12-01T00:00Z'));
    expect(problem).toContain('2026-03-29T00:59:00Z');
    expect(problem).toContain('Temporal says 0 and Intl says 23');
    expect(problem).toContain('NODE_ICU_DATA');
  });
});
