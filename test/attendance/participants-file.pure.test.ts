import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readFileTime } from '../../src/attendance/file-times.ts';
import { mergeParticipants, sessionOf } from '../../src/attendance/merge.ts';
import { readParticipantsFile, type FileContext } from '../../src/attendance/participants-file.ts';

/** Wednesday 2 June 2027, 7 pm to 8 pm UK time. */
const meeting: FileContext = {
  startsAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
  durationMinutes: 60,
  zone: 'Europe/London',
};

const file = (name: string) => readFileSync(new URL(`files/${name}`, import.meta.url));
const read = (text: string | Uint8Array, context = meeting) =>
  readParticipantsFile(typeof text === 'string' ? new TextEncoder().encode(text) : text, context);

function people(bytes: Uint8Array): Record<string, unknown>[] {
  return mergeParticipants(read(bytes).rows, sessionOf(meeting)).map(({ names, seconds, provenSeconds }) => ({
    name: names[0],
    time: clock(seconds),
    proven: clock(provenSeconds),
  }));
}

function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

describe('a file in the old layout', () => {
  it('gives each person the time that a hand calculation gives', () => {
    expect(people(file('old-layout.csv'))).toEqual([
      // 19:15:00–19:45:00 and again 19:50:00–19:55:00 from the same number.
      { name: '+44 7700 900123', time: '35:00', proven: '0:00' },
      // Waiting room 18:57:00–18:58:30 left out; 19:00:00–19:20:15 = 20:15 and 19:23:45–20:00:00 = 36:15.
      { name: 'Ada Byron', time: '56:30', proven: '56:30' },
      // Laptop 19:05:00–19:50:00 = 45:00; the phone without an address adds 19:50:00–19:55:30.
      { name: 'Ben Okri', time: '50:30', proven: '45:00' },
      // 19:02:00–19:30:00 = 28:00 and 19:31:00–20:00:00 = 29:00 under the name as it was before.
      { name: 'Catherine Stevens', time: '57:00', proven: '0:00' },
      // Never let in.
      { name: 'Dora Waits', time: '0:00', proven: '0:00' },
      { name: 'Hilary Host', time: '60:00', proven: '60:00' },
      // Two telephones that are both called iPhone are two people for all we know.
      { name: 'iPhone', time: '30:00', proven: '0:00' },
      { name: 'iPhone', time: '30:00', proven: '0:00' },
      // 19:59:30–20:00:00.
      { name: 'Late, Eve', time: '0:30', proven: '0:30' },
    ]);
  });

  it('tells the meeting’s number, and joins and leaves beyond the planned hours', () => {
    const { rows, meetingNumber, skipped } = read(file('old-layout.csv'));
    expect(meetingNumber).toBe('84512300001');
    expect(skipped).toEqual([]);
    const host = mergeParticipants(rows, sessionOf(meeting)).find(
      ({ email }) => email === 'host@example.org',
    );
    expect(host?.firstJoinedAt?.toString()).toBe('2027-06-02T17:51:07Z');
    expect(host?.lastLeftAt?.toString()).toBe('2027-06-02T19:06:40Z');
  });

  it('counts devices and marks callers', () => {
    const found = mergeParticipants(read(file('old-layout.csv')).rows, sessionOf(meeting));
    const by = (name: string) => found.find(({ names }) => names.includes(name));
    expect(by('Ada Byron')).toMatchObject({ joins: 2, email: 'ada@example.org', byPhone: false });
    expect(by('Ben Okri')).toMatchObject({ joins: 2, names: ['Ben Okri', 'ben okri'] });
    expect(by('+447700900123')).toMatchObject({ byPhone: true, joins: 2, email: undefined });
    expect(by('Dora Waits')).toMatchObject({ joins: 0 });
  });
});

describe('a file in the new layout, with the day before the month', () => {
  it('gives each person the time that a hand calculation gives', () => {
    expect(people(file('new-layout.csv'))).toEqual([
      // A bare "Anna" may be either of the two others.
      { name: 'Anna', time: '5:00', proven: '0:00' },
      { name: 'Anna (Leeds)', time: '10:00', proven: '0:00' },
      { name: 'Anna (York)', time: '30:00', proven: '0:00' },
      // Two people of one name, and a device that could belong to either.
      { name: 'Jo Smith', time: '40:00', proven: '40:00' },
      { name: 'Jo Smith', time: '50:00', proven: '50:00' },
      { name: 'Jo Smith', time: '30:00', proven: '0:00' },
      // Pronouns and another encoding of the accents; 19:00–19:45 over two devices, 20 minutes of it signed in.
      { name: 'Zoë Müller (she/her)', time: '45:00', proven: '20:00' },
    ]);
  });

  it('names the lines that could not be used', () => {
    expect(read(file('new-layout.csv')).skipped).toEqual([
      { line: 13, reason: 'has no join or leave time' },
      { line: 14, reason: 'has no name' },
    ]);
  });
});

describe('a summary with one line per person', () => {
  it('adds the minutes, never beyond the meeting’s length', () => {
    expect(people(file('summary.csv'))).toEqual([
      { name: 'Ada Byron', time: '60:00', proven: '41:00' },
      { name: 'Ben Okri', time: '12:00', proven: '0:00' },
      { name: 'Hilary Host', time: '60:00', proven: '60:00' },
    ]);
  });
});

describe('a file that cannot be used', () => {
  const list = (...lines: string[]) =>
    ['Name (original name),Email,Join time,Leave time,Duration (minutes)', ...lines].join('\n');
  it.each([
    ['empty', '', /is empty/],
    ['of another kind', 'Topic,Type\nA,B', /must be the participants file that Zoom exports/],
    ['without anybody', list(), /no participants/],
    ['with unreadable times', list('Ada,,yesterday,today,5'), /unknown form, such as “yesterday”/],
    [
      'of another month',
      list('Ada,,05/05/2027 07:00:00 PM,05/05/2027 08:00:00 PM,60'),
      /does not fit this meeting/,
    ],
    [
      'from another time zone',
      list('Ada,,06/02/2027 11:00:00 AM,06/02/2027 12:00:00 PM,60'),
      /2027-06-02 11:00/,
    ],
    [
      'without a usable line',
      list('Ada,,06/02/2027 07:10:00 PM,06/02/2027 07:00:00 PM,0'),
      /line 2: ends before/,
    ],
    ['in another encoding', Uint8Array.from([0x4e, 0x61, 0xe9, 0x2c]), /not text in UTF-8/],
  ])('%s is refused with the reason', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(/^file: /);
  });

  it('is read with the time zone in which the account keeps its times', () => {
    const text = list('Ada,,06/02/2027 11:00:00 AM,06/02/2027 12:00:00 PM,60');
    const [row] = read(text, { ...meeting, zone: 'America/Los_Angeles' }).rows;
    expect(row?.time).toMatchObject({ from: meeting.startsAt });
  });

  it('may be the text that a spreadsheet saves in UTF-16', () => {
    const text = list('Ada,,06/02/2027 07:00:00 PM,06/02/2027 08:00:00 PM,60').replaceAll(',', '\t');
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    expect(read(utf16).rows).toHaveLength(1);
  });
});

describe('a time', () => {
  it.each([
    ['06/02/2027 07:05:09 PM', 'month_first', '2027-06-02T18:05:09Z'],
    ['06/02/2027 07:05:09 PM', 'day_first', '2027-02-06T19:05:09Z'],
    ['02.06.2027 19:05', 'day_first', '2027-06-02T18:05:00Z'],
    ['2027-06-02 19:05:09', 'month_first', '2027-06-02T18:05:09Z'],
    ['Jun 2, 2027 19:05:09', 'month_first', '2027-06-02T18:05:09Z'],
    ['2 June 2027 07:05 PM', 'month_first', '2027-06-02T18:05:00Z'],
    ['2027-06-02T18:05:09Z', 'month_first', '2027-06-02T18:05:09Z'],
    ['06/02/2027 12:00:00 AM', 'month_first', '2027-06-01T23:00:00Z'],
    ['06/02/2027 12:00:00 PM', 'month_first', '2027-06-02T11:00:00Z'],
  ] as const)('%s (%s) is %s', (text, order, expected) => {
    expect(readFileTime(text, order, 'Europe/London')?.toString()).toBe(expected);
  });

  it.each(['', '19:05', '31/31/2027 19:05', '02/30/2027 19:05', '06/02/2027 13:05 PM', '06/02/2027 25:00'])(
    '%s is none',
    (text) => {
      expect(readFileTime(text, 'month_first', 'Europe/London')).toBeUndefined();
    },
  );
});
