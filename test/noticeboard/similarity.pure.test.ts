import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ALIKE,
  likeness,
  normaliseForComparison,
  type Comparable,
} from '../../src/noticeboard/similarity.ts';

const day = Temporal.PlainDate.from('2027-06-30');

const vacancy: Comparable = {
  title: 'Occupational therapist, Band 6',
  organisation: 'Leeds Teaching Hospitals NHS Trust',
  place: 'Leeds',
  online: false,
  text: '',
  link: 'https://www.jobs.example.org/vacancy/1',
  day,
};
const alike = (changes: Partial<Comparable>, base = vacancy) =>
  likeness(base, { ...base, ...changes }) >= ALIKE;

describe('two items', () => {
  it('are alike when they are the same in other words', () => {
    expect(alike({})).toBe(true);
    expect(alike({ title: 'OT (Band 6)', organisation: 'Leeds Teaching Hospitals' })).toBe(true);
    expect(alike({ title: 'BAND 6 Occupational Therapist' })).toBe(true);
    expect(alike({ place: 'Leeds, West Yorkshire' })).toBe(true);
    expect(alike({ day: day.add({ days: 3 }) })).toBe(true);
  });

  it('are not alike when they are another post, at another employer or for another date', () => {
    expect(alike({ title: 'Occupational therapist, Band 5', link: null })).toBe(false);
    expect(alike({ title: 'Physiotherapist, Band 6', link: null, day: day.add({ days: 30 }) })).toBe(false);
    expect(
      alike({ organisation: 'Cornwall Council', place: 'Truro', link: null, day: day.add({ days: 14 }) }),
    ).toBe(false);
  });

  it('are alike when one link leads to both on one day', () => {
    const link = 'http://jobs.example.org/vacancy/1/?utm_source=board';
    expect(alike({ title: 'Therapist wanted', organisation: 'LTHT', link })).toBe(true);
    expect(alike({ title: 'Therapist wanted', organisation: 'LTHT', link: `${link}&id=2` })).toBe(false);
    expect(alike({ title: 'Therapist wanted', organisation: 'LTHT', link, day: day.add({ days: 40 }) })).toBe(
      false,
    );
  });

  it('that are requests are compared by their text', () => {
    const request = { ...vacancy, title: 'x', organisation: '', place: '', link: null };
    const base = { ...request, text: 'Does anybody have a spare bath lift for four weeks?' };
    expect(alike({ text: 'does anybody have a spare bath lift, for 4 weeks' }, base)).toBe(true);
    expect(alike({ text: 'Who knows a good course on driving assessment?' }, base)).toBe(false);
  });

  it('are as alike one way as the other, and between 0 and 1', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('Occupational Therapist', 'OT', 'Leeds', ''));
    const item = fc.record({
      title: text,
      organisation: text,
      place: text,
      online: fc.boolean(),
      text,
      link: fc.constantFrom(null, 'https://a.example/1', 'https://a.example/2'),
      day: fc.integer({ min: 0, max: 400 }).map((days) => day.add({ days })),
    });
    fc.assert(
      fc.property(item, item, (one, other) => {
        const value = likeness(one, other);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1.0000001);
        expect(likeness(other, one)).toBeCloseTo(value, 10);
      }),
    );
  });
});

describe('what is compared', () => {
  it('is without accents, marks and the ends of firms’ names', () => {
    expect(normaliseForComparison('Café & Co. Ltd')).toBe('cafe and co');
    expect(normaliseForComparison('Occupational Therapists')).toBe('ot');
    expect(normaliseForComparison('NHS Trust')).toBe('nhs trust');
  });
});
