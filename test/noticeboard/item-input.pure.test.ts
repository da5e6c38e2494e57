import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ItemKind } from '../../src/db/schema.ts';
import { ConvenorError } from '../../src/kernel/errors.ts';
import { parseItemInput, parseItemKind } from '../../src/noticeboard/item-input.ts';
import { itemFacts, itemWhen, itemWhere } from '../../src/noticeboard/item-words.ts';
import { FORMS } from './handing-in.ts';

const context = { now: Temporal.Instant.from('2027-06-01T12:00:00Z'), zone: 'Europe/London' };

const read = (kind: ItemKind, changes: object = {}) =>
  parseItemInput(kind, { ...FORMS[kind], ...changes }, context);

/** The fields that a form is refused for, with what is said of each. */
function problems(kind: ItemKind, raw: unknown): Record<string, string> {
  try {
    parseItemInput(kind, raw, context);
  } catch (error) {
    if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
    return Object.fromEntries(error.problems.map(({ field, message }) => [field, message]));
  }
  return {};
}

describe('a vacancy', () => {
  it('is read with its closing day to the end of that day in the UK', () => {
    expect(read('vacancy', { role: '  Occupational therapist, Band 6 ' })).toMatchObject({
      kind: 'vacancy',
      title: 'Occupational therapist, Band 6',
      organisation: 'Example Teaching Hospital',
      place: 'Leeds',
      online: false,
      pay: 'Band 6',
      link: 'https://jobs.example.org/vacancy/1',
    });
    expect(read('vacancy').openUntil.toString()).toBe('2027-06-30T23:00:00Z');
    expect(read('vacancy', { closingDate: '2027-06-01' }).openUntil.toString()).toBe('2027-06-01T23:00:00Z');
  });

  it('is refused with a sentence for every field that is wrong', () => {
    expect(
      problems('vacancy', {
        role: '',
        employer: 'x'.repeat(151),
        closingDate: '31.6.',
        link: 'jobs.example',
      }),
    ).toEqual({
      role: 'must not be empty',
      employer: 'must have at most 150 characters',
      closingDate: '"31.6." is not a date; write year-month-day, such as 2027-06-02',
      link: 'must be a web address (example: https://example.org/jobs/123)',
    });
    expect(problems('vacancy', {})).toMatchObject({ closingDate: 'must be given' });
    expect(
      problems('vacancy', { ...FORMS.vacancy, place: '', link: '', contact: '', closingDate: '2027-05-31' }),
    ).toEqual({
      place: 'must be given, unless it is online',
      link: 'must be given, or a contact, so that people know where to turn',
      closingDate: 'must not be in the past; Monday 31 May 2027 is over',
    });
    expect(problems('vacancy', { ...FORMS.vacancy, closingDate: '2072-06-30' })).toHaveProperty(
      'closingDate',
    );
    expect(problems('vacancy', { ...FORMS.vacancy, link: 'javascript:alert(1)' })).toHaveProperty('link');
    expect(problems('vacancy', { ...FORMS.vacancy, role: 'A\nB' })).toHaveProperty('role');
  });
});

describe('a training event', () => {
  it('is from a start to an end, at the right hour in summer and in winter', () => {
    const summer = read('training');
    expect(summer.startsAt?.toString()).toBe('2027-06-16T17:30:00Z');
    expect(summer.openUntil.toString()).toBe('2027-06-16T19:30:00Z');
    expect(summer).toMatchObject({ wallStart: '2027-06-16T18:30', wallEnd: '2027-06-16T20:30', dates: [] });
    const winter = read('training', { start: '2028-01-12T18:30', end: '2028-01-12T20:30' });
    expect(winter.startsAt?.toString()).toBe('2028-01-12T18:30:00Z');
    expect(itemWhen(summer)).toBe('Wednesday 16 June 2027, 6.30 pm to 8.30 pm (UK time)');
    expect(itemWhere(summer)).toBe('Online');
  });

  it('may be on several days, in any order and manner of writing', () => {
    const days = { start: '', end: '' };
    for (const dates of [
      '2027-06-29, 2027-06-22',
      ['2027-06-29', '2027-06-22'],
      '2027-06-29\n2027-06-22\n2027-06-22',
    ]) {
      const event = read('training', { ...days, dates });
      expect(event.dates).toEqual(['2027-06-22', '2027-06-29']);
      expect(event.startsAt?.toString()).toBe('2027-06-21T23:00:00Z');
      expect(event.openUntil.toString()).toBe('2027-06-29T23:00:00Z');
      expect(itemWhen(event)).toBe('Tuesday 22 June 2027 and Tuesday 29 June 2027');
    }
  });

  it('is over at the end of its last day also when the clocks change on it', () => {
    const on = (dates: string) => read('training', { start: '', end: '', dates }).openUntil.toString();
    expect(on('2028-03-25')).toBe('2028-03-26T00:00:00Z');
    expect(on('2028-03-26')).toBe('2028-03-26T23:00:00Z');
    expect(on('2027-10-30')).toBe('2027-10-30T23:00:00Z');
    expect(on('2027-10-31')).toBe('2027-11-01T00:00:00Z');
  });

  it('says what is missing of its time', () => {
    const with_ = (changes: object) => problems('training', { ...FORMS.training, ...changes });
    expect(with_({ start: '', end: '' })).toEqual({
      start: 'must be given with an end, or the dates instead',
    });
    expect(with_({ end: '' })).toEqual({ end: 'must be given with the start' });
    expect(with_({ end: '2027-06-16T18:30' })).toEqual({ end: 'must be after the start' });
    expect(with_({ end: '2027-09-16T18:30' })).toHaveProperty('end');
    expect(with_({ dates: '2027-06-16' })).toHaveProperty('dates');
    expect(with_({ start: '2027-05-16T18:30', end: '2027-05-16T20:30' })).toHaveProperty('end');
    expect(with_({ start: '2028-03-26T01:30', end: '2028-03-26T03:30' })).toEqual({
      start: 'does not exist: the clocks of Europe/London go forward over this time',
    });
    expect(with_({ cpdHours: 'six' })).toEqual({ cpdHours: 'must be a number of hours (example: 6 or 1.5)' });
    expect(with_({ online: '' })).toEqual({ place: 'must be given, unless it is online' });
  });
});

describe('a request', () => {
  it('needs a text, of which the first words are its title, and stays for two months', () => {
    const request = read('request');
    expect(request.title).toBe('Does anybody have a spare bath lift?');
    expect(request.closesOn.toString()).toBe('2027-07-31');
    expect(read('request', { closingDate: '2027-06-10' }).closesOn.toString()).toBe('2027-06-10');
    expect(problems('request', { text: ' ' })).toEqual({ text: 'must not be empty' });
    const long = read('request', { text: 'word '.repeat(100) }).title;
    expect(long.length).toBeLessThanOrEqual(80);
    expect(long).toMatch(/word…$/);
  });
});

describe('any form', () => {
  it('is read or refused with problems, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ItemKind>('vacancy', 'training', 'request'),
        fc.dictionary(
          fc.constantFrom(
            'role',
            'employer',
            'title',
            'provider',
            'start',
            'end',
            'dates',
            'text',
            'link',
            'place',
          ),
          fc.oneof(fc.string(), fc.array(fc.string()), fc.integer(), fc.constant(null)),
        ),
        (kind, changes) => {
          const found = problems(kind, { ...FORMS[kind], ...changes });
          if (Object.keys(found).length === 0) itemFacts(read(kind, changes));
        },
      ),
    );
    expect(problems('vacancy', null)).not.toEqual({});
  });

  it('is of a kind that is known', () => {
    expect(parseItemKind(' Vacancy ')).toBe('vacancy');
    expect(() => parseItemKind('vacanci')).toThrow('did you mean vacancy?');
  });
});
