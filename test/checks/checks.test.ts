import { describe, expect, it } from 'vitest';
import { parseQuietHours } from '../../src/calendar/quiet-hours.ts';
import { checkContrast, checkSize, checkUnsubscribe, LARGEST_MAIL } from '../../src/checks/mail.ts';
import { checkLiveLinks } from '../../src/checks/live-links.ts';
import { checkPeople } from '../../src/checks/people.ts';
import { checkAudience, checkDates, checkSameDay, checkTime } from '../../src/checks/sending.ts';
import { checkFields, checkHeadings, checkImages, checkLinks } from '../../src/checks/text.ts';
import type { Sending } from '../../src/checks/types.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { slotMark } from '../../src/render/slots.ts';

const instant = (text: string) => Temporal.Instant.from(text);
const valueOf = () => 'value';
const baseUrl = 'https://network.example.org';
const brief = (findings: readonly { level: string; line?: number | undefined }[]) =>
  findings.map(({ level, line }) => [level, line]);
const written = (body: string) => ({ body, valueOf, baseUrl });
const mail = (html: string) => ({ mail: { subject: 'S', html, text: '' } });

const sending: Sending = {
  wantedAt: instant('2027-01-11T10:00:00Z'),
  sendAt: instant('2027-01-11T10:00:00Z'),
  now: instant('2027-01-10T10:00:00Z'),
  zone: 'Europe/London',
  quietHours: parseQuietHours('22:00-08:00'),
  endsAt: null,
  audience: 50,
  lastAudiences: [48, 52, 49],
  sameDay: [],
};

describe('links', () => {
  it.each([
    ['[Book](https://www.rcot.co.uk/events)\n\n[Our page](https://network.example.org/m/1)'],
    ['Write to [us](mailto:hello@rcot.co.uk) or see https://www.rcot.co.uk'],
  ])('that lead somewhere pass: %s', (body) => {
    expect(checkLinks(written(body))).toEqual([]);
  });

  it.each([
    ['One\n\n[Book](htps://www.rcot.co.uk)', 'error', 3],
    ['[Book](www.rcot.co.uk)', 'error', 1],
    ['[Book](http://localhost:3000/x)', 'error', 1],
    ['[Book](http://192.168.1.4/x)', 'error', 1],
    ['[Book](https://www.example.com/course)', 'error', 1],
    ['[Book]()', 'error', 1],
    ['A\nB\n[Book](https://www.rcot.co.uk/a b)', 'error', 3],
    ['![A chart](file:///chart.png)', 'error', 1],
    ['[Book](mailto:nobody)', 'error', 1],
    ['[Book](http://www.rcot.co.uk)', 'warning', 1],
    ['See the course [here](https://www.rcot.co.uk)', 'warning', 1],
  ] as const)('that lead nowhere are found: %s', (body, level, line) => {
    expect(brief(checkLinks(written(body)))).toEqual([[level, line]]);
  });
});

describe('links that are asked for', () => {
  const links = [
    { url: 'https://www.rcot.co.uk/a', line: 1 },
    { url: 'https://www.rcot.co.uk/gone', line: 2 },
    { url: 'https://www.rcot.co.uk/busy', line: 3 },
    { url: 'https://www.rcot.co.uk/silent', line: 4 },
    { url: 'http://127.0.0.1/admin', line: 5 },
  ];

  it('are errors when gone, warnings in doubt, and never lead to the server’s own neighbours', async () => {
    const asked: string[] = [];
    const findings = await checkLiveLinks(links, (url, method) => {
      asked.push(`${method} ${url}`);
      if (url.endsWith('/a')) return Promise.resolve(method === 'HEAD' ? 405 : 200);
      if (url.endsWith('/gone')) return Promise.resolve(404);
      if (url.endsWith('/busy')) return Promise.resolve(503);
      return Promise.reject(new Error('no answer'));
    });
    expect(brief(findings)).toEqual([
      ['error', 2],
      ['warning', 3],
      ['warning', 4],
    ]);
    expect(asked.some((line) => line.includes('127.0.0.1'))).toBe(false);
  });
});

describe('pictures', () => {
  it('need words', () => {
    expect(checkImages(written('![A hand in a splint](https://rcot.co.uk/a.png)'))).toEqual([]);
    expect(brief(checkImages(written('Text\n\n![](https://rcot.co.uk/a.png)')))).toEqual([['error', 3]]);
  });
});

describe('headings', () => {
  it('follow each other', () => {
    expect(checkHeadings(written('## One\n\n### Two\n\n## Three'))).toEqual([]);
    expect(brief(checkHeadings(written('# One\n\n## Two\n\n#### Three')))).toEqual([
      ['error', 1],
      ['error', 5],
    ]);
  });
});

describe('merge fields', () => {
  it('are known, and none is left over', () => {
    const done = { mail: { subject: 'S', html: '', text: 'Hello there' }, fieldFaults: [] };
    expect(checkFields(done)).toEqual([]);
    expect(brief(checkFields({ ...done, fieldFaults: [{ line: 4, message: 'no such field' }] }))).toEqual([
      ['error', 4],
    ]);
    expect(brief(checkFields({ ...done, mail: { ...done.mail, text: 'Hello {{ name }}' } }))).toEqual([
      ['error', undefined],
    ]);
  });
});

describe('the finished mail', () => {
  const renderer = createRenderer({ templatesFolder });
  const sample = mailSamples(templatesFolder).find(({ name }) => name === 'announcement')!;
  const rendered = renderer.mail(sample.kind, sample.model);

  it('passes as our own template makes it', () => {
    expect(checkContrast({ mail: rendered })).toEqual([]);
    expect(checkSize({ mail: rendered })).toEqual([]);
    expect(checkUnsubscribe({ mail: rendered })).toEqual([]);
  });

  it('is refused when it is hard to read, too large, or cannot be left', () => {
    const grey = '<table bgcolor="#ffffff"><tr><td><p style="color: #aaaaaa">Pale</p></td></tr></table>';
    expect(checkContrast(mail(grey))).toMatchObject([{ level: 'error', check: 'contrast' }]);
    expect(checkContrast(mail('<p style="color:#777;background-color:#fff">Nearly</p>'))).toHaveLength(1);
    expect(checkSize(mail('x'.repeat(LARGEST_MAIL + 1)))).toMatchObject([{ level: 'error', check: 'size' }]);
    expect(checkUnsubscribe(mail(slotMark('unsubscribeUrl')))).toMatchObject([
      { level: 'error', message: expect.stringContaining('plain text') as string },
    ]);
  });
});

describe('words about people', () => {
  const people = (body: string, allowedNames: string[] = []) =>
    checkPeople({ subject: 'News', allowedNames, ...written(body) }).map(({ line, message }) => [
      line,
      message.split('"')[1],
    ]);

  it.each([
    ['Our Monthly Meeting is on Wednesday. Please bring a question about Hand Therapy.'],
    ['The Royal College of Occupational Therapists, 2 June 2027, at 7 pm, for 60 people at £25.50.'],
    ['See https://www.rcot.co.uk/jane-doe/07700900123'],
  ])('are not seen where there are none: %s', (body) => {
    expect(people(body)).toEqual([]);
  });

  it.each([
    ['One\n\nDear Anna Bell, thank you', 3, 'Anna Bell'],
    ['A client of Mrs Bell', 1, 'Mrs Bell'],
    ['Ring 07700 900123 today', 1, '07700 900123'],
    ['Ring +44 20 7946 0018 today', 1, '+44 20 7946 0018'],
    ['Write to anna.bell@gmail.com', 1, 'anna.bell@gmail.com'],
    ['Number 943 476 5919 was seen', 1, '943 476 5919'],
  ])('are shown for confirming: %s', (body, line, words) => {
    expect(people(body)).toEqual([[line, words]]);
  });

  it('may be allowed', () => {
    expect(people('We welcome Anna Bell and Tom Stone', ['anna bell'])).toEqual([[1, 'Tom Stone']]);
  });

  it('are also found in the subject', () => {
    expect(checkPeople({ subject: 'Anna Bell speaks', allowedNames: [], ...written('Text') })).toMatchObject([
      { level: 'warning', check: 'people' },
    ]);
  });
});

describe('the time', () => {
  it('may be any that is to come and not quiet', () => {
    expect(checkTime(sending)).toEqual([]);
  });

  it('is pointed out when it has passed, or is quiet', () => {
    const passed = { ...sending, wantedAt: instant('2027-01-09T10:00:00Z') };
    expect(checkTime(passed)).toMatchObject([{ level: 'warning', check: 'time' }]);
    const quiet = {
      ...sending,
      wantedAt: instant('2027-01-11T23:00:00Z'),
      sendAt: instant('2027-01-12T08:00:00Z'),
    };
    expect(checkTime(quiet)).toMatchObject([
      { check: 'quiet hours', message: expect.stringContaining('Tuesday 12 January 2027, 8 am') as string },
    ]);
    expect(checkTime({ ...sending, wantedAt: null, now: instant('2027-01-11T23:00:00Z') })).toHaveLength(1);
  });

  it('is compared with other mail that day', () => {
    expect(checkSameDay(sending)).toEqual([]);
    const other = { title: 'Reminder: Monthly meeting', sendAt: instant('2027-01-11T09:00:00Z') };
    expect(checkSameDay({ ...sending, sameDay: [other] })).toMatchObject([
      { level: 'warning', check: 'same day' },
    ]);
  });
});

describe('the number of people', () => {
  it('is like the last ones', () => {
    expect(checkAudience(sending)).toEqual([]);
    expect(checkAudience({ ...sending, lastAudiences: [] })).toEqual([]);
  });

  it('is doubted when it is far from them, and refused when it is nobody', () => {
    expect(checkAudience({ ...sending, audience: 20 })).toMatchObject([{ level: 'warning' }]);
    expect(checkAudience({ ...sending, audience: 105 })).toMatchObject([{ level: 'warning' }]);
    expect(checkAudience({ ...sending, audience: 0 })).toMatchObject([{ level: 'error' }]);
  });
});

describe('dates', () => {
  const dates = (body: string, changes: Partial<Sending> = {}) =>
    brief(checkDates({ sending: { ...sending, ...changes }, ...written(body) }));

  it('that are to come pass', () => {
    expect(
      dates('Apply by 11 January 2027 or 2027-02-01.', { endsAt: instant('2027-02-01T00:00:00Z') }),
    ).toEqual([]);
  });

  it('that will be over are found', () => {
    expect(dates('One\n\nApply by 10th January 2027.')).toEqual([['warning', 3]]);
    expect(dates('Text', { endsAt: instant('2027-01-11T10:00:00Z') })).toEqual([['error', undefined]]);
  });
});
