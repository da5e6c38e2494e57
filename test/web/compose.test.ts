import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { readBooks } from '../../src/announcements/books.ts';
import { findDraft, listDrafts } from '../../src/announcements/compose.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { findPost } from '../../src/announcements/whatsapp-posts.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import type { Mailer, OutgoingMail } from '../../src/mail/types.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { addPeople, singleMeeting } from '../support/meetings.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { Browser, NOW, openSite, PASSWORD, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;
let other: Browser;
let sent: OutgoingMail[] = [];
/** Whether the mail server's answers get lost. */
let answersLost = false;

const mailer: Mailer = {
  kind: 'smtp',
  send: (mail) => {
    sent.push(mail);
    return Promise.resolve(
      answersLost
        ? { result: 'unknown', reason: 'The connection broke off.' }
        : { result: 'accepted', response: '250 ok' },
    );
  },
  check: () => Promise.reject(new Error('not asked')),
  close: () => Promise.resolve(),
};

beforeAll(async () => {
  database = await openTestDatabase();
  await emptyDatabase(database);
  site = await openSite(database);
  await setUpGroup(site);
  await addPeople(database.db, site.clock, 3, 'news');
  browser = await signedIn('administrator@example.org');
  other = await signedIn('other@example.org', 'administrator');
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});
beforeEach(async () => {
  site.clock.set(NOW);
  sent = [];
  answersLost = false;
  await database.db.execute(sql`truncate announcements, service_mails cascade`);
});

const TEXT = {
  kind: 'news',
  subject: 'News for {{name|all}}',
  body: 'Hello {{name|there}}, the *library* has moved.\n\n## Where\n\nSee [the new page](https://library.nhs.uk/new).',
  when: 'approved',
};

async function work(at?: string): Promise<void> {
  if (at !== undefined) site.clock.set(at);
  await runDueWork(
    jobs.filter(({ name }) => name !== 'check-links'),
    { ...testServices(database, site.clock, { mailer }), links: site.deps.links },
  );
}

/** Writes an announcement with the form and gives the address of its page. */
async function write(fields: Record<string, string> = {}): Promise<string> {
  const answer = await browser.post('/admin/announcements/new', { ...TEXT, act: 'save', ...fields });
  expect(answer.statusCode, answer.body).toBe(303);
  return answer.headers.location!;
}

const idOf = (url: string) => url.split('/').at(-1)!;
const valueOf = (html: string, name: string) =>
  [...html.matchAll(new RegExp(`name="${name}" value="([^"]+)"`, 'g'))].map(([, value]) => value!);

/** Presses the button that the page of a draft shows, with every warning confirmed. */
async function approve(url: string, as = browser) {
  const { body } = await as.get(url);
  return as.post(`${url}/approve`, { hash: valueOf(body, 'hash')[0]!, confirm: valueOf(body, 'confirm') });
}

/** Somebody who signs in, made first where a role is given. */
async function signedIn(email: string, role?: 'administrator' | 'editor'): Promise<Browser> {
  const by = { clock: site.clock, actor: 'test' };
  if (role) await createAdmin(database.db, { email, name: 'Sam Reed', role, password: PASSWORD }, by);
  const one = new Browser(site);
  await one.signIn(email);
  return one;
}

describe('writing an announcement', () => {
  it('shows while one writes what people will see, and keeps nothing', async () => {
    const live = await browser.post('/admin/announcements/preview', {
      ...TEXT,
      subject: 'Ask Jane Smith',
    });
    expect(live.body).toContain('the <em>library</em> has moved');
    expect(live.body).toContain('To 3 people by e-mail');
    expect(live.body).toMatch(/Jane Smith.*reads like a person’s name/s);
    expect(live.body).toContain('<strong>Ask Jane Smith</strong>');
    const wrong = await browser.post('/admin/announcements/preview', { ...TEXT, body: 'Hello {{nam}}' });
    expect(wrong.body).toContain('is {{name}} meant?');
    const pressed = await browser.post('/admin/announcements/new', { ...TEXT, act: 'preview' });
    expect(pressed.body).toContain('the <em>library</em> has moved');
    expect(pressed.body).toContain('value="News for {{name|all}}"');
    expect(await listDrafts(database.db)).toEqual([]);
  });

  it('keeps what was typed when something is wrong, with a sentence at the field', async () => {
    const answer = await browser.post('/admin/announcements/new', {
      ...TEXT,
      kind: 'meeting_invitation',
      body: 'Line one\n{{meetingWhn}}',
      when: 'at',
      date: '2027-03-28',
      time: '01:30',
      act: 'save',
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('choose the meeting that this invites to');
    expect(answer.body).toContain('line 2: There is no field {{meetingWhn}}; is {{meetingWhen}} meant?');
    expect(answer.body).toContain('the clocks of Europe/London go forward over this time');
    expect(answer.body).toContain('value="2027-03-28"');
    expect(answer.body).toContain('Line one\n{{meetingWhn}}</textarea>');
  });

  it('shows a draft in every form, as any subscriber, and sends a test to oneself', async () => {
    const { db, clock } = { db: database.db, clock: site.clock };
    const settings = await readSettings(db);
    const meeting = await addMeeting(db, singleMeeting('2027-06-16T19:00', { remind: [] }), {
      clock,
      settings,
      actor: 'test',
    });
    const url = await write({
      kind: 'meeting_invitation',
      topic: 'training',
      meetingId: meeting.id,
      subject: 'Join us: {{meetingTitle}}',
      body: 'Hello {{name|there}}, come on {{meetingWhen}}.',
    });
    const words = 'Wednesday 16 June 2027, 7 pm';
    for (const view of ['text', 'whatsapp', 'calendar', 'page', 'source']) {
      const { body, statusCode } = await browser.get(`${url}?view=${view}`);
      expect(statusCode).toBe(200);
      expect(body, view).toContain(words);
    }
    const asOne = await browser.get(`${url}?view=text&as=person1@example.org`);
    expect(asOne.body).toContain('Hello Person, come on');
    expect(asOne.body).toContain('This person would not get it: Does not get mail about this topic.');
    expect((await browser.get(`${url}?as=nobody@example.org`)).body).toContain('Nobody on the list has');
    const dark = await browser.get(`${url}/mail?view=dark`);
    const light = await browser.get(`${url}/mail?view=wide`);
    expect([dark.body, light.body].map((html) => html.includes('@media not all'))).toEqual([false, true]);
    expect(dark.headers['content-security-policy']).toContain('sandbox');

    await browser.post(`${url}/test`);
    await work();
    expect(sent.map(({ to, subject }) => [to.address, subject])).toEqual([
      ['administrator@example.org', 'Test: Join us: Extra meeting'],
    ]);
    expect(sent[0]!.calendar?.content).toContain('20270616T180000Z');
    expect(sent[0]!.text).toContain('Hello Ruth, come on');
    expect((await findAnnouncement(db, idOf(url))).state).toBe('draft');
  });

  it('removes a draft after a question', async () => {
    const url = await write();
    expect((await browser.get(`${url}/delete`)).body).toContain('This cannot be undone');
    await browser.post(`${url}/delete`);
    expect((await browser.get(url)).statusCode).toBe(404);
  });
});

describe('approving', () => {
  it('says on the button how many, by which channel and when, and is undone within five minutes', async () => {
    const url = await write();
    expect((await browser.get(url)).body).toContain('Send to 3 people by e-mail in five minutes');
    expect((await approve(url)).statusCode).toBe(303);
    const page = await browser.get(url);
    expect(page.body).toContain('Approved by Ruth Okafor');
    expect(page.body).toContain('Nothing leaves before 8.20 pm');
    expect(page.body).toContain('The page behind its link opens when the announcement goes out.');
    await browser.post(`${url}/undo`);
    await work('2027-01-12T20:30:00Z');
    expect(sent).toEqual([]);
    const later = await write({ when: 'at', date: '2027-01-14', time: '09:30' });
    expect((await browser.get(later)).body).toContain(
      'Send to 3 people by e-mail on Thursday 14 January 2027, 9.30 am (UK time)',
    );
  });

  it('sends once when two people press the button at once, and never an edit that nobody approved', async () => {
    const url = await write();
    await Promise.all([approve(url), approve(url, other)]);
    await work('2027-01-12T20:16:00Z');
    await browser.get(`${url}/edit`);
    await browser.post(`${url}/edit`, { ...TEXT, body: 'Hello, all is changed.', seen: '1', act: 'save' });
    await work('2027-01-12T20:30:00Z');
    expect(sent).toEqual([]);
    const stale = await other.post(`${url}/approve`, { hash: 'of the old text' });
    expect(stale.statusCode).toBe(409);
    expect(stale.body).toContain('It is not what you saw any more');
    await Promise.all([approve(url), approve(url, other)]);
    await work('2027-01-12T20:35:00Z');
    expect(sent.map(({ text }) => text.includes('all is changed'))).toEqual([true, true, true]);
  });

  it('is blocked by errors, and asks for each warning, which is recorded', async () => {
    const url = await write({
      body: '# Big\n\nAsk Dr Jones, 12 January 2020.\n\n![](https://pics.nhs.uk/a.png)',
    });
    const faulty = await browser.get(url);
    expect(faulty.body).toContain('Headings, line 1');
    expect(faulty.body).toContain('Pictures, line 5');
    expect(faulty.body).not.toContain('Send to 3 people');
    await browser.get(`${url}/edit`);
    await browser.post(`${url}/edit`, { ...TEXT, body: 'Ask Dr Jones about it.', seen: '1', act: 'save' });
    const { body } = await browser.get(url);
    const hash = valueOf(body, 'hash')[0]!;
    const unconfirmed = await browser.post(`${url}/approve`, { hash });
    expect(unconfirmed.statusCode).toBe(409);
    await approve(url);
    const { draft } = await findDraft(database.db, idOf(url));
    expect(draft.confirmedWarnings.map(({ check, line }) => [check, line])).toEqual([['people', 1]]);
  });

  it('is not for editors, and asks for a second person where the setting says so', async () => {
    const editor = await signedIn('editor@example.org', 'editor');
    const url = await write();
    const seen = await editor.get(url);
    expect(seen.body).toContain('An administrator approves it: 3 people by e-mail');
    expect((await editor.post(`${url}/approve`, { hash: 'any' })).statusCode).toBe(403);
    const by = { clock: site.clock, actor: 'test' };
    await changeSetting(database.db, 'approvalBySecondPerson', 'yes', by);
    await approve(url);
    expect((await findAnnouncement(database.db, idOf(url))).state).toBe('awaiting_approval');
    expect((await browser.get(url)).body).toContain('another administrator must approve it');
    await approve(url, other);
    expect((await findAnnouncement(database.db, idOf(url))).state).toBe('approved');
    await changeSetting(database.db, 'approvalBySecondPerson', 'no', by);
  });
});

describe('what has gone out', () => {
  it('with an uncertain end is settled by a person, one by one or all at once', async () => {
    const url = await write();
    await approve(url);
    answersLost = true;
    await work('2027-01-12T20:17:00Z');
    await work('2027-01-12T20:20:30Z');
    const page = await browser.get(url);
    expect(page.body).toContain('3 deliveries with an uncertain end');
    const [one] = valueOf(page.body, 'delivery').filter((id) => id !== 'all');
    const settle = (delivery: string, outcome: string) =>
      browser.post(`${url}/resolve`, { delivery, outcome });
    expect((await settle(one!, '')).statusCode).toBe(422);
    await settle(one!, 'sent');
    expect((await browser.get(url)).body).toContain('2 deliveries with an uncertain end');
    await settle('all', 'failed');
    const after = await browser.get(url);
    expect(after.body).toContain('2 deliveries are settled.');
    expect(after.body).not.toContain('uncertain end');
    expect(await readBooks(database.db, [idOf(url)])).toEqual(
      new Map([[idOf(url), expect.objectContaining({ sent: 1, failed: 2, unknown: 0 })]]),
    );
    expect(sent).toHaveLength(3);
  });

  it('shows its progress as events, and can be followed by a mail to latecomers, a correction and a post', async () => {
    const url = await write();
    await approve(url);
    await work('2027-01-12T20:17:00Z');
    const address = await site.app.listen({ port: 0, host: '127.0.0.1' });
    const stream = await fetch(`${address}${url}/progress?state=approved`, {
      headers: { cookie: browser.cookieHeader() },
    });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const received = stream.text();
    await work('2027-01-12T20:20:30Z');
    const events = await received;
    expect(events).toMatch(/^event: figures\ndata: /);
    expect(events).toContain('<b>3</b><span>sent</span>');
    expect(events).toMatch(/event: state\ndata: sent\n\nevent: end\ndata: sent\n\n$/);

    await browser.get('/admin/more');
    expect((await browser.get(url)).body).not.toContain('Send to those who missed it');
    await database.db.execute(
      sql`update deliveries set state = 'failed' where email = 'person2@example.org'`,
    );
    const page = await browser.get(url);
    expect(page.body).toContain('1 person joined since');
    const missed = await browser.post(`${url}/missed`);
    expect((await browser.get(missed.headers.location!)).body).toContain('Send to 1 person by e-mail');
    const correction = await browser.post(`${url}/correction`);
    expect((await browser.get(correction.headers.location!)).body).toContain('Correction: News for');

    expect(page.body).toContain('https://wa.me/?text&#x3D;');
    expect(page.body).not.toContain('may wake people');
    site.clock.set('2027-01-12T23:00:00Z');
    // Nobody was there for hours, so the session has ended.
    await browser.signIn('administrator@example.org');
    expect((await browser.get(url)).body).toContain('It is 11 pm. A message to the group may wake people');
    await browser.post(`${url}/posted`);
    expect((await findPost(database.db, idOf(url)))?.postedBy).toMatch(/^admin:/);
    expect((await browser.get(url)).body).toContain('Ruth Okafor posted it on');
  });
});
