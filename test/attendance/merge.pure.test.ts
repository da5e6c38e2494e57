import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  mergeParticipants,
  sessionOf,
  sessionSeconds,
  type ParticipantRow,
} from '../../src/attendance/merge.ts';

const startsAt = Temporal.Instant.from('2027-06-02T18:00:00Z');
const planned = { startsAt, durationMinutes: 60 };
const session = sessionOf(planned);

/** A row from minute to minute after the planned start. */
function row(name: string, from: number, to: number, extra: Partial<ParticipantRow> = {}): ParticipantRow {
  const time = { from: startsAt.add({ minutes: from }), to: startsAt.add({ minutes: to }) };
  return { name, time, inWaitingRoom: false, ...extra };
}

describe('merging', () => {
  it('joins rows by registration, by address and by Zoom identity, also through each other', () => {
    const merged = mergeParticipants(
      [
        row('Ada', 0, 10, { email: 'ada@example.org' }),
        row('A. Byron', 5, 20, { email: 'ada@example.org', registrantId: 'r1' }),
        row('Ada’s iPad', 15, 30, { registrantId: 'r1', personId: 'p1' }),
        row('Countess', 25, 40, { personId: 'p1' }),
      ],
      session,
    );
    expect(merged).toHaveLength(1);
    expect(merged[0]).toMatchObject({
      email: 'ada@example.org',
      seconds: 2400,
      provenSeconds: 2400,
      joins: 4,
    });
  });

  it('does not let a name decide between two people', () => {
    const merged = mergeParticipants(
      [row('Jo', 0, 10, { email: 'a@example.org' }), row('Jo', 0, 20, { personId: 'p9' }), row('Jo', 0, 30)],
      session,
    );
    expect(merged.map(({ seconds }) => seconds).sort((a, b) => a - b)).toEqual([600, 1200, 1800]);
  });

  it.each(['iPhone', 'Zoom User', 'SM-G991B', 'Galaxy S21', '', 'Samsung Galaxy A52'])(
    'keeps two devices called “%s” apart',
    (name) => {
      expect(mergeParticipants([row(name, 0, 10), row(name, 20, 30)], session)).toHaveLength(2);
    },
  );

  it('counts the time in any order of the rows, once, and within the session', () => {
    const minute = fc.integer({ min: -30, max: 90 });
    const spans = fc.array(fc.tuple(minute, minute), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(spans, fc.boolean(), (list, reversed) => {
        const rows = list.map(([a, b]) => row('Ada', Math.min(a, b), Math.max(a, b)));
        const [ada] = mergeParticipants(reversed ? rows.toReversed() : rows, session);
        const covered = Array.from({ length: 60 }, (_, at) =>
          list.some(([a, b]) => Math.min(a, b) <= at && at < Math.max(a, b)),
        );
        expect(ada?.seconds).toBe(covered.filter(Boolean).length * 60);
      }),
    );
  });
});

describe('the session', () => {
  const at = (minutes: number) => startsAt.add({ minutes });
  it.each([
    ['as planned when nothing else is known', {}, 60],
    ['from a late start', { startedAt: at(10), endedAt: at(70) }, 50],
    ['to an early end', { startedAt: at(-5), endedAt: at(45) }, 45],
    ['as planned when the record is of another hour', { startedAt: at(200), endedAt: at(260) }, 60],
  ])('is %s', (_, actual, minutes) => {
    expect(sessionSeconds(sessionOf(planned, actual))).toBe(minutes * 60);
  });
});
