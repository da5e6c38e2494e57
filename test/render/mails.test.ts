/**
 * Every kind of mail in all its cases, compared with stored files and held to the rules of mail. After a change that
 * is meant, `npx vitest run --project pure test/render -u` renews the files; look at their difference.
 */
import { describe, expect, it } from 'vitest';
import { formatDateTime } from '../../src/calendar/format.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import type { MeetingModel, NextDate, SenderModel } from '../../src/render/mail-models.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { fillSlots } from '../../src/render/slots.ts';
import { faultsOfMailHtml, linksOf, visibleText } from './mail-html.ts';

const renderer = createRenderer({ templatesFolder });
const PERSONAL = {
  greetingName: 'Ann Example',
  unsubscribeUrl: 'https://otgroup.example/u/eyJzIjoiMDE4ZjNhNWUifQ.7gkq1b9v',
  preferencesUrl: 'https://otgroup.example/preferences/eyJzIjoiMDE4ZjNhNWUifQ.7gkq1b9v',
  rsvpUrl: 'https://otgroup.example/rsvp/eyJzIjoiMDE4ZjNhNWUifQ.7gkq1b9v',
};
const LIST_KINDS = new Set([
  'invitation',
  'reminder',
  'changed',
  'cancelled',
  'welcome',
  'announcement',
  'training-bulletin',
  'vacancy-bulletin',
]);
const MEETING_KINDS = new Set(['invitation', 'reminder', 'changed', 'cancelled']);

const cases = mailSamples(templatesFolder).map(({ name, kind, model }) => ({
  name,
  kind,
  model: model as {
    meeting: MeetingModel;
    nextDates: readonly NextDate[];
    clockChange: string | null;
    why: string;
  },
  mail: fillSlots(renderer.mail(kind, model), PERSONAL),
}));

describe('a group with a logo', () => {
  it('has it small beside its name, on white and with its name as words', () => {
    const { kind, model } = mailSamples(templatesFolder).find(({ name }) => name === 'reminder.one-week')!;
    const logo = { url: 'https://otgroup.example/logo?v=0123456789ab', width: 400, height: 64 };
    const sender = { ...(model as { sender: SenderModel }).sender, logo };
    const { html } = fillSlots(renderer.mail(kind, { ...model, sender }), PERSONAL);
    const [picture, another] = html.match(/<img[^>]*>/g)!;
    expect(another).toBeUndefined();
    for (const part of [
      `src="${logo.url}"`,
      'width="140" height="22"',
      'alt="Northern Occupational Therapy Network"',
      'display:inline-block',
      'background-color:#ffffff',
    ]) {
      expect(picture).toContain(part);
    }
    expect(faultsOfMailHtml(html)).toEqual([]);
  });
});

describe.each(cases)('the mail $name', ({ name, mail }) => {
  it('is as it was last looked at', async () => {
    await expect(mail.html).toMatchFileSnapshot(`../golden/${name}.html`);
    await expect(`Subject: ${mail.subject}\n\n${mail.text}`).toMatchFileSnapshot(`../golden/${name}.txt`);
  });

  it('is valid, accessible HTML of a size that no client cuts', () => {
    expect(faultsOfMailHtml(mail.html)).toEqual([]);
    expect(Buffer.byteLength(mail.html)).toBeLessThan(90_000);
    expect(mail.html).toMatch(/^<!doctype html><html[^>]* lang="en-GB"/i);
    expect(mail.html.match(/<h1/g)).toHaveLength(1);
    expect(mail.html.match(/<table(?![^>]*role="presentation")/g)).toBeNull();
    expect(mail.html).not.toMatch(/<img/);
  });

  it('holds in classic Outlook, in Gmail and in the dark', () => {
    expect(mail.html).toContain('<!--[if mso]><table role="presentation" width="600"');
    expect(mail.html).toContain('<!--[if mso]></td></tr></table><![endif]-->');
    expect(mail.html).toMatch(/<style>[\s\S]*@media \(prefers-color-scheme: dark\)[\s\S]*<\/style>/);
    expect(mail.html).toContain('name="color-scheme" content="light dark"');
    expect(mail.html).toMatch(/<p[^>]* style="[^"]*font-size:16px/);
    for (const style of mail.html.match(/<style[\s\S]*?<\/style>/g)!) expect(style.length).toBeLessThan(8000);
  });

  it('begins with a preview line of 40 to 100 characters', () => {
    const preheader = /class="preheader"[^>]*>([^\u2007]*)/.exec(mail.html)![1]!;
    expect(visibleText(preheader).trim().length).toBeGreaterThanOrEqual(40);
    expect(visibleText(preheader).trim().length).toBeLessThanOrEqual(100);
  });

  it('greets by name, or without one', () => {
    expect(visibleText(mail.html)).toContain('Hello Ann,');
    expect(mail.text).toContain('\nHello Ann,\n');
    const sample = mailSamples(templatesFolder).find((s) => s.name === name)!;
    const nameless = fillSlots(renderer.mail(sample.kind, sample.model), { ...PERSONAL, greetingName: null });
    expect(nameless.text).toContain('\nHello,\n');
  });

  it('has every link of the HTML in its text', () => {
    for (const link of linksOf(mail.html)) {
      expect(link).toMatch(/^(?:https:\/\/|mailto:)/);
      expect(mail.text).toContain(link.replace(/^mailto:/, ''));
    }
  });

  it('keeps no mark and no trace of a template', () => {
    for (const part of [mail.subject, mail.html, mail.text]) {
      expect(part).not.toMatch(/[\ue000\ue001]|\{\{|\}\}\}|undefined|\[object/);
    }
    expect(mail.subject).not.toContain('\n');
  });

  it('says who sends it and why', () => {
    const text = visibleText(mail.html);
    expect(text).toContain('OT Evening Group');
    expect(text).toContain('hello@otgroup.example');
    expect(text).toMatch(/You get this /);
  });
});

describe.each(cases.filter(({ kind }) => LIST_KINDS.has(kind)))('the list mail $name', ({ model, mail }) => {
  it('can be left, in both parts, and says who is responsible', () => {
    for (const url of [PERSONAL.unsubscribeUrl, PERSONAL.preferencesUrl]) {
      expect(linksOf(mail.html)).toContain(url);
      expect(mail.text).toContain(url);
    }
    expect(visibleText(mail.html)).toContain(model.why);
    expect(mail.text).toMatch(/responsib/);
  });
});

describe.each(cases.filter(({ kind }) => !LIST_KINDS.has(kind)))('the service mail $name', ({ mail }) => {
  it('carries no link to leave by', () => {
    expect(mail.text).not.toContain('nsubscribe');
  });
});

describe.each(cases.filter(({ kind }) => MEETING_KINDS.has(kind)))(
  'the notice $name',
  ({ kind, model, mail }) => {
    it('names the same moment everywhere, and the next three dates', () => {
      const when = formatDateTime(Temporal.Instant.from(model.meeting.start), model.meeting.zone);
      for (const part of [mail.subject, visibleText(mail.html), mail.text]) expect(part).toContain(when);
      for (const { start, zone, url } of model.nextDates.slice(0, 3)) {
        for (const part of [visibleText(mail.html), mail.text]) {
          expect(part).toContain(formatDateTime(Temporal.Instant.from(start), zone));
        }
        expect(linksOf(mail.html)).toContain(url);
      }
      for (const part of [visibleText(mail.html), mail.text]) expect(part).toContain(model.clockChange ?? '');
    });

    it('leads into the meeting and into calendars, unless it is cancelled', () => {
      const { joinUrl, pageUrl, icsUrl, calendarLinks } = model.meeting;
      const links = linksOf(mail.html);
      expect(links).toContain(pageUrl);
      for (const url of [joinUrl, icsUrl, ...Object.values(calendarLinks)]) {
        expect([url, links.includes(url), mail.text.includes(url)]).toEqual([
          url,
          kind !== 'cancelled',
          kind !== 'cancelled',
        ]);
      }
    });
  },
);

describe('a reminder', () => {
  it('has its own words for each distance', () => {
    const openings = cases
      .filter(({ kind }) => kind === 'reminder')
      .map(({ mail }) => /Hello Ann,\n\n(.*)\n/.exec(mail.text)![1]!);
    // "One day" appears twice: in June and in January.
    expect(new Set(openings).size).toBe(openings.length - 1);
  });
});

describe('a mail about a change', () => {
  it('names what changed, from what and to what, and nothing else', () => {
    const { mail } = cases.find(({ name }) => name === 'changed')!;
    const text = visibleText(mail.html);
    expect(text).toContain(
      'Wednesday 9 June 2027, 7.30 pm (UK time) Before: Wednesday 2 June 2027, 7 pm (UK time)',
    );
    expect(text).toContain('1 hour 30 minutes Before: 1 hour');
    expect(text).toContain('Joining link. There is a new one');
    expect(text).not.toContain('Title.');
    expect(mail.subject).toContain('now Wednesday 9 June 2027, 7.30 pm (UK time)');
  });
});

describe('a mail to administrators', () => {
  it.each([
    ['missed', 'Notice: Reminder: Monthly meeting'],
    [
      'bank-holiday',
      'Hello Ann, Monthly meeting would take place on Monday 27 December 2027, 7 pm (UK time)',
    ],
    ['run-held', 'So far 40 mails have gone out, and 174 people are still waiting'],
  ])('%s says what it is about', (wanted, sentence) => {
    const { mail } = cases.find(({ name }) => name === wanted)!;
    const text = visibleText(mail.html)
      .replace(/\s+/g, ' ')
      .replace(/ ([:.])/g, '$1');
    expect(text).toContain(sentence);
  });
});

describe('a request to confirm', () => {
  it('asks, and promotes nothing', () => {
    const { mail } = cases.find(({ name }) => name === 'confirm-subscription')!;
    expect(linksOf(mail.html).filter((link) => !link.startsWith('mailto:'))).toEqual([
      'https://otgroup.example/confirm/eyJzIjoiMDE4ZjNhNWUiLCJ0IjoiY29uZmlybSJ9.7gkq1b9v',
      'https://otgroup.example/confirm/eyJzIjoiMDE4ZjNhNWUiLCJ0IjoiY29uZmlybSJ9.7gkq1b9v',
    ]);
    expect(mail.text).not.toMatch(/next dates/i);
  });
});
