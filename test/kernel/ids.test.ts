import { describe, expect, it } from 'vitest';
import { derivedId, newId } from '../../src/kernel/ids.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('ids', () => {
  it('are unique and sort by age, also within a millisecond', () => {
    const now = Temporal.Instant.from('2027-01-01T12:00:00.000Z');
    const ids = Array.from({ length: 20_000 }, () => newId(now));
    ids.push(newId(now.add({ milliseconds: 1 })));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids.slice(0, 100)) expect(id).toMatch(UUID);
  });

  it('that are derived are the same for the same parts, and differ where the parts do', () => {
    expect(derivedId('meeting', 'a', '2027-01-06')).toBe(derivedId('meeting', 'a', '2027-01-06'));
    expect(derivedId('meeting', 'a', '2027-01-06')).not.toBe(derivedId('meeting', 'a', '2027-01-07'));
    expect(derivedId('meeting', 'a')).toMatch(UUID);
  });
});
