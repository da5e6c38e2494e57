import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { describeSettings } from '../../src/organisation/settings.ts';
import { SETTING_NAMES, SETTINGS_GROUPS } from '../../src/web/settings-groups.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { png } from '../support/png.ts';
import { htmlFaults } from '../e2e/checks.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  database = await openTestDatabase();
  await emptyDatabase(database);
  site = await openSite(
    database,
    {},
    {
      checkConnection: async (connection) => {
        if (connection === 'zoom') throw new Error('the name zoom.example cannot be found');
        return [
          { check: 'Mail', state: 'problem', detail: 'the password is refused', advice: 'Correct SMTP_URL.' },
        ];
      },
    },
  );
  await setUpGroup(site);
  browser = new Browser(site);
  await browser.signIn('administrator@example.org');
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

const upload = (content: string | Buffer, name = 'logo.png') =>
  browser.upload('/admin/settings/logo', {}, { field: 'logo', name, content });

describe('the settings', () => {
  it('are all on the page, each once and with a name', () => {
    const shown = SETTINGS_GROUPS.flatMap(({ keys }) => keys);
    expect(shown.toSorted()).toEqual(
      describeSettings()
        .map(({ key }) => key)
        .toSorted(),
    );
    expect(shown.filter((key) => SETTING_NAMES[key] === undefined)).toEqual([]);
  });

  it('can all be saved as they are shown, group by group, which changes nothing', async () => {
    const page = await browser.get('/admin/settings');
    expect(await htmlFaults(page.body)).toEqual([]);
    const before = (await listAudit(database.db)).length;
    for (const { id, keys } of SETTINGS_GROUPS) {
      const values = Object.fromEntries(keys.map((key) => [key, valueOn(page.body, key)]));
      expect((await browser.post(`/admin/settings/${id}`, values)).statusCode, id).toBe(303);
    }
    expect(await listAudit(database.db)).toHaveLength(before);
  });
});

describe('the words of a mail', () => {
  const url = '/admin/settings/mails/reminder-day';
  const shipped = 'A quick reminder that we meet tomorrow. We look forward to seeing you.';

  it('can be changed, are seen in the mail before and after, and go back to what they were', async () => {
    expect((await browser.get('/admin/settings/mails')).body).toContain(shipped);
    const words = 'Dear {{groupName}},\n\nsee you <b>soon</b>: {{meetingWhen}}.';
    const own = {
      subject: '{{howSoon}}, <us>: {{meetingTitle}}',
      words,
      whatsapp: 'Do *come* to {{groupName}}.',
    };
    const preview = await browser.post(`${url}/preview`, own);
    expect(preview.body).toMatch(/see you &lt;b&gt;soon&lt;\/b&gt;: Wednesday 2 June 2027, 7 pm \(UK time\)/);
    expect(preview.body).toContain('>Tomorrow, &#60;us&#62;: Monthly meeting</div>');
    expect(preview.body).toContain('Do <strong>come</strong> to Northfield OT Network.');
    expect((await browser.get(`${url}/mail`)).body).toContain(shipped);
    expect((await browser.post(url, own)).statusCode).toBe(303);
    const page = await browser.get(url);
    expect(await htmlFaults(page.body)).toEqual([]);
    expect(page.body).toContain('As it came with Convenor');
    const mail = (await browser.get(`${url}/mail`)).body;
    expect(mail).toContain('Dear Northfield OT Network,');
    expect(mail).toContain('/u/example');
    expect(mail).not.toContain(shipped);
    expect(mail).toContain('&#60;us&#62;');
    expect(mail).toContain('<strong>come</strong>');
    for (const part of ['words', 'subject', 'whatsapp']) await browser.post(`${url}/revert`, { part });
    const again = (await browser.get(`${url}/mail`)).body;
    expect(again).toContain('>Tomorrow: Monthly meeting, Wednesday 2 June 2027, 7 pm (UK time)</div>');
    expect(again).toContain('The link takes you in when we start.');
    expect((await browser.get(`${url}/mail`)).body).toContain(shipped);
    const changes = (await listAudit(database.db)).filter(({ action }) => action === 'mail_text.changed');
    expect(changes.map(({ subject, before, after }) => [subject, before, after])).toEqual([
      ['reminder-day.whatsapp', own.whatsapp, 'as it came'],
      ['reminder-day.subject', own.subject, 'as it came'],
      ['reminder-day', words, 'as it came'],
      ['reminder-day.whatsapp', 'as it came', own.whatsapp],
      ['reminder-day', 'as it came', words],
      ['reminder-day.subject', 'as it came', own.subject],
    ]);
  });

  it.each([
    [
      'words',
      'Come to {{groupNmae}}',
      /line 1: There is no field \{\{groupNmae\}\}; is \{\{groupName\}\} meant\?/,
    ],
    ['words', 'One\n{{#if x}}', /line 2: /],
    ['words', '  ', /must not be empty/],
    ['words', 'x'.repeat(1001), /at most 1000 characters/],
    ['subject', 'See you {{howMany}}', /There is no field \{\{howMany\}\}/],
    ['whatsapp', 'Join at https://example.org/', /must not hold a link/],
  ])('are refused, and kept as typed, when they are not in order: %s, %j', async (part, text, message) => {
    const typed = { subject: 'Tomorrow', words: shipped, whatsapp: 'See you', [part]: text };
    const answer = await browser.post(url, typed);
    expect(answer.statusCode).toBe(422);
    expect(answer.body.replaceAll('&#x3D;', '=')).toMatch(message);
    expect(valueOn(answer.body, 'subject')).toBe(typed.subject);
    expect((await browser.post(`${url}/preview`, typed)).statusCode).toBe(422);
    expect((await browser.get('/admin/settings/mails/none')).statusCode).toBe(404);
  });
});

/** What the form holds in a field. */
function valueOn(html: string, key: string): string {
  const field = new RegExp(`<(?:input|textarea|select)[^>]*id="${key}"[^>]*>`).exec(html)!;
  const rest = html.slice(field.index + field[0].length);
  const coded = field[0].startsWith('<input')
    ? /value="([^"]*)"/.exec(field[0])![1]!
    : field[0].startsWith('<textarea')
      ? rest.slice(0, rest.indexOf('</textarea>'))
      : (/<option value="([^"]*)" selected>/.exec(rest.slice(0, rest.indexOf('</select>')))?.[1] ?? '');
  return coded.replaceAll('&#x27;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

describe('the logo', () => {
  it('stands on every page once it is there, is served as nothing but a picture, and can be taken away', async () => {
    expect((await upload(png(300, 80))).statusCode).toBe(303);
    const home = (await site.app.inject('/')).body;
    const address = /<img class="logo" src="([^"]+)" width="300" height="80" alt="">/
      .exec(home)![1]!
      .replace('&#x3D;', '=');
    const file = await site.app.inject(address);
    expect(file.headers['content-type']).toBe('image/png');
    expect(file.headers['content-security-policy']).toBe("default-src 'none'; sandbox");
    expect(file.headers['x-content-type-options']).toBe('nosniff');
    expect(file.headers['cache-control']).toContain('immutable');
    expect(file.rawPayload).toEqual(png(300, 80));
    const [entry] = await listAudit(database.db);
    expect(entry).toMatchObject({ action: 'setting.changed', subject: 'logo', before: '' });
    expect((await browser.post('/admin/settings/logo/remove')).statusCode).toBe(303);
    expect((await site.app.inject('/logo')).statusCode).toBe(404);
    expect((await site.app.inject('/')).body).not.toContain('class="logo"');
  });

  it.each([
    [
      'an SVG, whatever it is called',
      '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
      'must be a picture: PNG, JPEG or WebP',
    ],
    [
      'a page with the beginning of a picture',
      Buffer.concat([Buffer.from('ffd8ff', 'hex'), Buffer.from('<script>alert(1)</script>')]),
      'is damaged',
    ],
    ['one that is too large', Buffer.concat([png(300, 80), Buffer.alloc(60_000)]), 'at most 48 kB'],
    ['one with too many pixels', png(4000, 20), 'this is 4000 by 20'],
    ['none', '', 'must be'],
  ])('is not %s', async (_, content, message) => {
    const answer = await upload(content);
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('id="logo-problem"');
    expect(answer.body).toContain(message);
    expect((await site.app.inject('/logo')).statusCode).toBe(404);
  });
});

describe('a connection', () => {
  it('is tried on demand, and what is wrong is said in words', async () => {
    expect((await browser.get('/admin/settings/connections')).body).not.toContain('the password');
    const mail = await browser.post('/admin/settings/connections/mail');
    expect(mail.body).toContain('The password is refused.');
    expect(mail.body).toContain('Correct SMTP_URL.');
    expect(await htmlFaults(mail.body)).toEqual([]);
    const zoom = await browser.post('/admin/settings/connections/zoom');
    expect(zoom.body).toContain('The name zoom.example cannot be found.');
    expect((await browser.post('/admin/settings/connections/nothing')).statusCode).toBe(404);
  });
});

describe('the first steps', () => {
  it('end with a test mail in one’s own inbox', async () => {
    expect((await browser.get('/admin')).body).toContain('See a test mail in your own inbox');
    await browser.post('/admin/settings/test-mail');
    expect((await browser.get('/admin')).body).toMatch(/<s class="soft">See a test mail/);
    expect((await listAudit(database.db))[0]).toMatchObject({ action: 'test_mail.asked_for' });
  });
});
