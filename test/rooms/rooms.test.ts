import { describe, expect, it } from 'vitest';
import { shownDifferences, splitDifferences } from '../../src/rooms/differences.ts';
import { zoomNumber } from '../../src/rooms/numbers.ts';
import { newPasscode } from '../../src/rooms/wanted.ts';

describe('the number of a Zoom meeting', () => {
  it.each([
    ['https://us06web.zoom.us/j/84512300001?pwd=abc.1', '84512300001'],
    ['https://zoom.us/j/845123000', '845123000'],
    ['https://example.zoom.us/s/84512300001', '84512300001'],
    ['https://zoom.us/my/somebody', undefined],
    ['https://zoom.us.example.org/j/84512300001', undefined],
    ['https://notzoom.us/j/84512300001', undefined],
    ['https://meet.example.org/j/84512300001', undefined],
    ['zoom', undefined],
  ])('in %s is %s', (link, number) => {
    expect(zoomNumber(link)).toBe(number);
  });
});

describe('a difference', () => {
  const topic = { field: 'topic', wanted: 'Ours', found: 'Theirs' };

  it('is ours when we changed since the last push, and theirs otherwise', () => {
    expect(splitDifferences([topic], { topic: 'Before' })).toEqual({ ours: ['topic'], theirs: [] });
    expect(splitDifferences([topic], {})).toEqual({ ours: ['topic'], theirs: [] });
    expect(splitDifferences([topic], { topic: 'Ours' })).toEqual({ ours: [], theirs: [topic] });
  });

  it('is hidden once it was agreed to, until the other side changes again', () => {
    const shown = (accepted: Record<string, string>) =>
      shownDifferences([topic], { justPushed: [], before: [], accepted });
    expect(shown({ topic: 'Theirs' })).toEqual([]);
    expect(shown({ topic: 'Older' })).toEqual([{ ...topic, cause: 'edited' }]);
  });

  it('is overruled when it stands right after our push, and as long as it does not move', () => {
    const [overruled] = shownDifferences([topic], { justPushed: ['topic'], before: [], accepted: {} });
    expect(overruled?.cause).toBe('overruled');
    const next = (found: string) =>
      shownDifferences([{ ...topic, found }], { justPushed: [], before: [overruled!], accepted: {} })[0]
        ?.cause;
    expect(next('Theirs')).toBe('overruled');
    expect(next('Another')).toBe('edited');
  });
});

describe('a passcode', () => {
  it('keeps to Zoom’s letters and length, has what strict accounts demand, and never comes twice', () => {
    const codes = Array.from({ length: 200 }, newPasscode);
    for (const code of codes)
      expect(code).toMatch(/^(?=.*[a-zA-Z])(?=.*\d)(?=.*[@\-_*])[A-Za-z0-9@\-_*]{10}$/);
    expect(new Set(codes).size).toBe(200);
  });
});
