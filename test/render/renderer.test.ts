import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { templatesFolder } from '../../src/kernel/paths.ts';
import type { InvitationModel } from '../../src/render/mail-models.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { fillSlots } from '../../src/render/slots.ts';
import { linksOf, visibleText } from './mail-html.ts';

const sample = mailSamples(templatesFolder).find(({ name }) => name === 'invitation')!
  .model as InvitationModel;

const ours = createRenderer({ templatesFolder });

let folder: string;
let templates: string;
let overrides: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'convenor-templates-'));
  templates = path.join(folder, 'ours');
  overrides = path.join(folder, 'theirs');
  for (const part of ['email', 'whatsapp'])
    cpSync(path.join(templatesFolder, part), path.join(templates, part), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(root: string, name: string, source: string): void {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, source);
}

const render = () => createRenderer({ templatesFolder: templates, overridesFolder: overrides });

describe('a fault in a template stops the start', () => {
  it.each([
    [
      'a variable that the model lacks',
      '{{meeting.titel}}',
      /email\/invitation\/subject\.hbs, line 1: the model has no "titel"/,
    ],
    [
      'one that is only tested',
      'x\n{{#if meeting.titel}}y{{/if}}',
      /subject\.hbs, line 2: something that "if" is given/,
    ],
    [
      'one that a helper is given',
      '{{date meeting.strat meeting.zone}}',
      /subject\.hbs, line 1: something that "date"/,
    ],
    ['a helper that there is not', '{{shout meeting.title}}', /subject\.hbs.*shout/],
    ['a block that is not closed', 'a\n{{#if meeting.title}}b', /subject\.hbs, line 2: Expecting/],
    ['a partial that there is not', '{{> nowhere}}', /subject\.hbs.*nowhere/],
  ])('%s', (_what, source, message) => {
    write(templates, 'email/invitation/subject.hbs', source);
    expect(render).toThrow(message);
  });

  it('and is named where it is, also inside a partial', () => {
    write(templates, 'email/partials/html/about.hbs', '<p>\n{{meeting.abuot}}</p>');
    expect(render).toThrow(/partials\/html\/about\.hbs, line 2: the model has no "abuot"/);
  });
});

describe('files of the organisation', () => {
  it('take the place of ours, one by one', () => {
    write(overrides, 'email/invitation/subject.hbs', 'Come along: {{meeting.title}}');
    const renderer = render();
    expect(renderer.mail('invitation', sample).subject).toBe('Come along: Monthly meeting');
    expect(renderer.mail('invitation', sample).text).toContain('You are warmly invited');
  });

  it('are named when they are at fault', () => {
    write(overrides, 'email/reminder/text.hbs', '{{secret}}');
    expect(render).toThrow(
      new RegExp(`${overrides}/email/reminder/text\\.hbs, line 1: the model has no "secret"`),
    );
  });

  it('with a mistyped path are an error that says what is meant', () => {
    write(overrides, 'email/invitaton/subject.hbs', 'Come');
    expect(render).toThrow(
      /email\/invitaton\/subject\.hbs takes the place of no template; is email\/invitation\/subject\.hbs meant/,
    );
  });

  it('need not be there', () => {
    expect(() => createRenderer({ templatesFolder: templates })).not.toThrow();
  });
});

describe('text from people', () => {
  const hostile =
    '{{#each this}}{{/each}} {{sender.contactEmail}} <script>alert(1)</script> \ue000unsubscribeUrl\ue001 a\u202eb\u0007';

  it('is never compiled, never markup and never a place for a personal link', () => {
    const mail = fillSlots(
      ours.mail('invitation', {
        ...sample,
        meeting: { ...sample.meeting, title: hostile, description: hostile },
      }),
      {
        greetingName: null,
        unsubscribeUrl: 'https://x.example/u',
        preferencesUrl: 'https://x.example/p',
        rsvpUrl: 'https://x.example/r',
      },
    );
    for (const part of [mail.subject, mail.text, visibleText(mail.html)]) {
      expect(part).toContain(
        '{{#each this}}{{/each}} {{sender.contactEmail}} <script>alert(1)</script> unsubscribeUrl ab',
      );
    }
    expect(mail.html).not.toContain('<script>');
    expect(linksOf(mail.html).filter((link) => link === 'https://x.example/u')).toHaveLength(1);
  });

  it('keeps its paragraphs and line breaks', () => {
    const description = 'First line\r\nsecond line\n\n\nNew paragraph';
    const { html, text } = ours.mail('invitation', {
      ...sample,
      meeting: { ...sample.meeting, description },
    });
    expect(html).toMatch(/<p[^>]*>First line<br>second line<\/p>\s*<p[^>]*>New paragraph<\/p>/);
    expect(text).toContain('First line\nsecond line\n\nNew paragraph');
  });

  it('stays in its place in a subject', () => {
    const title = 'Meeting\r\nBcc: eve@example.org';
    expect(ours.mail('invitation', { ...sample, meeting: { ...sample.meeting, title } }).subject).toMatch(
      /^Meeting Bcc: eve@example\.org: Wednesday/,
    );
  });
});

describe('a mail', () => {
  it('shows at most three further dates', () => {
    const nextDates = Array.from({ length: 6 }, (_, i) => ({
      ...sample.nextDates[0]!,
      url: `https://x.example/m/${i}`,
    }));
    expect(ours.mail('invitation', { ...sample, nextDates }).text.match(/x\.example\/m\//g)).toHaveLength(3);
  });

  it('is the same under every time zone of the process', () => {
    const zone = process.env['TZ'];
    const mails = ['UTC', 'Europe/London', 'America/New_York'].map((tz) => {
      process.env['TZ'] = tz;
      return JSON.stringify(ours.mail('invitation', sample));
    });
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    expect(new Set(mails).size).toBe(1);
  });

  it('with a wrong instant is an error, not a wrong date', () => {
    const meeting = { ...sample.meeting, start: '2027-06-31T18:00:00Z' };
    expect(() => ours.mail('invitation', { ...sample, meeting })).toThrow();
  });
});

describe('a page', () => {
  it('is escaped, has its layout, and names a variable that is missing', () => {
    write(templates, 'web/layouts/plain.hbs', '<html><title>{{title}}</title>{{> @partial-block}}</html>');
    write(templates, 'web/partials/item.hbs', '<li>{{name}}</li>');
    write(
      templates,
      'web/admin/list.hbs',
      '{{#> layouts/plain title="List"}}{{#each items}}{{> item}}{{/each}}{{/layouts/plain}}',
    );
    const renderer = render();
    expect(renderer.page('admin/list', { items: [{ name: '<b>&' }] })).toBe(
      '<html><title>List</title><li>&lt;b&gt;&amp;</li></html>',
    );
    expect(() => renderer.page('admin/list', { items: [{}] })).toThrow(
      /partials\/item\.hbs, line 1: the model has no "name"/,
    );
    expect(() => renderer.page('admin/lisst', {})).toThrow(
      /no template "admin\/lisst"; is "admin\/list" meant/,
    );
  });
});
