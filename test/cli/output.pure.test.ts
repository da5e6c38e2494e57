import { describe, expect, it } from 'vitest';
import { fields, table } from '../../src/cli/output/table.ts';
import { timeColumn } from '../../src/cli/output/time-column.ts';
import { count, displayWidth, printable, truncate, wrap } from '../../src/cli/output/text.ts';

const columns = [
  { heading: 'Id', value: (row: { id: string; name: string; n: number }) => row.id, whole: true as const },
  { heading: 'Name', value: (row: { name: string }) => row.name },
  { heading: 'People', value: (row: { n: number }) => String(row.n), align: 'right' as const },
];
const rows = [
  { id: '1', name: 'Ann', n: 5 },
  { id: '22', name: 'A long name that goes on for more than a line has room', n: 1000 },
];

describe('a table', () => {
  it('aligns its columns and shortens nothing without a width', () => {
    expect(
      table(rows, columns, undefined)
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual([
      'Id  Name                                                    People',
      '──  ──────────────────────────────────────────────────────  ──────',
      '1   Ann                                                          5',
      '22  A long name that goes on for more than a line has room    1000',
      '',
    ]);
  });

  it('shortens the widest cells until it fits', () => {
    const lines = table(rows, columns, 40).split('\n');
    expect(lines.every((line) => displayWidth(line) <= 40)).toBe(true);
    expect(lines[3]).toBe('22  A long name that goes on fo…    1000');
  });

  it('becomes a list of blocks where a row cannot fit', () => {
    expect(table(rows, columns, 12)).toContain('Name    Ann\nPeople  5\n\nId      22');
  });

  it('shows hostile text without letting it drive the terminal', () => {
    const text = table([{ id: '1', name: 'A\u001b[2J\r\nB\u202eC', n: 1 }], columns, 80);
    for (const character of ['\u001b', '\r', '\u202e']) expect(text).not.toContain(character);
  });
});

describe('a column of times', () => {
  const at = Temporal.Instant.from('2026-12-02T19:00:00Z');
  const times = (...zones: string[]) => {
    const entries = zones.map((zone) => ({ at, zone }));
    return table(entries, [timeColumn('When', entries, (entry) => entry)], 30);
  };

  it('names the zone once where all share it, else behind each time, and is never shortened', () => {
    expect(times('Europe/London', 'Europe/London')).toMatch(
      /^When \(UK time\) *\n─+\nWed 2 Dec 2026, 7 pm\n/,
    );
    expect(times('Europe/London', 'America/New_York')).toContain('Wed 2 Dec 2026, 2 pm (New York time)');
  });
});

describe('text', () => {
  it('counts wide characters and marks as a terminal does', () => {
    expect(displayWidth('Zoë')).toBe(3);
    expect(displayWidth('Zoe\u0308')).toBe(3);
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('🎉')).toBe(2);
    expect(displayWidth('👩‍⚕️')).toBe(2);
  });

  it('cuts at a whole character', () => {
    expect(truncate('🎉🎉🎉', 5)).toBe('🎉🎉…');
    expect(truncate('short', 5)).toBe('short');
  });

  it('wraps between words', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap('', 8)).toEqual(['']);
  });

  it('counts with the right noun', () => {
    expect(count(1, 'person', 'people')).toBe('1 person');
    expect(count(12_345, 'person', 'people')).toBe('12,345 people');
  });

  it('leaves out fields without a value', () => {
    expect(
      fields([
        ['Name', 'Ann'],
        ['Zone', undefined],
        ['Reason', ''],
      ]),
    ).toBe('Name  Ann\n');
  });

  it('replaces what a terminal would obey', () => {
    expect(printable('a\tb\u0007')).toBe('a b\ufffd');
  });
});
