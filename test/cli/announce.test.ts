import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { findDraft } from '../../src/announcements/compose.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { parseSingleMeetingInput } from '../../src/meetings/meeting-input.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import type { Mailer, OutgoingMail } from '../../src/mail/types.ts';
import { addPeople } from '../support/meetings.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { Browser, openSite, setUpGroup, type Site } from '../web/site.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
let site: Site;
let sent: OutgoingMail[] = [];

const mailer: Mailer = {
  kind: 'smtp',
  send: (mail) => {
    sent.push(mail);
    return Promise.resolve({ result: 'accepted', response: '250 ok' });
  },
  check: () => Promise.reject(new Error('not asked')),
  close: () => Promise.resolve(),
};

const BASE_URL = 'http://localhost:3000';
const START = '2027-01-11T10:00:00Z';
const NEWS = `---
kind: news
subject: News for {{name|all}}
time: 2027-01-12 09:30
---

Hello {{name|there}}, ask Dr Jones.
`;

interface Announced {
  id: string;
  hash: string;
  audience: number;
  sendAt: string;
  findings: { check: string; line: number; key: string }[];
}

beforeAll(async () => {
  // Both have one address, so that one text has one hash, and it is one that takes cookies without TLS.
  cli = await openTestCli({ environment: { BASE_URL } });
  site = await openSite(cli.database, { BASE_URL });
});
afterAll(async () => {
  await site.app.close();
  await cli[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await cli.reset(START);
  site.clock.set(START);
  sent = [];
  await setUpGroup(site);
  await addPeople(cli.database.db, cli.clock, 3, 'news');
});

function file(text: string): string {
  writeFileSync(path.join(cli.folder, 'news.md'), text);
  return 'news.md';
}

async function announce(text = NEWS): Promise<Announced> {
  const { status, json, stderr } = await cli.run('announce', file(text), '--json');
  expect(status, stderr).toBe(0);
  return json<Announced>();
}

async function workAt(instant: string) {
  cli.clock.set(instant);
  await runDueWork(
    jobs.filter(({ name }) => name !== 'check-links'),
    testServices(cli.database, cli.clock, { mailer }),
  );
}

describe('announce', () => {
  it('keeps a file as a draft and says whom it reaches when, and what the checks found', async () => {
    const { stdout } = await cli.run('announce', file(NEWS));
    expect(stdout).toContain('3 people by smtp on Tuesday 12 January 2027, 9.30 am (UK time)');
    expect(stdout).toContain('warning: people, line 7: "Dr Jones" reads like a person’s name');
    const draft = await announce();
    expect(draft).toMatchObject({ state: 'draft', audience: 3, sendAt: '2027-01-12T09:30:00Z' });
    const wrong = await cli.run('announce', file('---\nkind: newz\nsubject: A\n---\nHello'), '--json');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('is news meant?');
    expect((await cli.run('announce', 'nothing.md')).stderr).toContain('nothing.md cannot be read');
  });

  it('finds the meeting that it tells of: the next one, or one by a part of its id', async () => {
    const text = (meeting: string) =>
      `---\nkind: meeting_invitation\nsubject: Come\nmeeting: ${meeting}\n---\nAt {{meetingWhen}}.`;
    const none = await cli.run('announce', file(text('next')), '--json');
    expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('there is no coming meeting')]);
    const by = { clock: cli.clock, actor: 'test', settings: await readSettings(cli.database.db) };
    const add = (title: string, start: string) =>
      addMeeting(
        cli.database.db,
        parseSingleMeetingInput({
          title,
          start,
          zone: 'Europe/London',
          duration: '60',
          remind: [],
          link: 'https://zoom.us/j/1',
        }),
        by,
      );
    const later = await add('Later', '2027-02-20T19:00');
    cli.clock.set('2027-01-11T10:01:00Z');
    const soon = await add('Soon', '2027-02-03T19:00');
    for (const [named, meeting] of [
      ['next', soon],
      [later.id.slice(-8), later],
      [later.id.slice(0, 13), later],
      [soon.id, soon],
    ] as const) {
      const { json, stderr } = await cli.run('announce', file(text(named)), '--json');
      expect(stderr).toBe('');
      expect(json()).toMatchObject({ meeting: meeting.id });
    }
    expect((await cli.run('announce', file(text('nxet')))).stderr).toContain(
      '"nxet" names no meeting: write next',
    );
    expect((await cli.run('announce', file(text('00000000')))).stderr).toContain(
      'There is no meeting 00000000',
    );
    expect((await cli.run('announce', file(text('')))).stderr).toContain('meeting: choose the meeting');
  });

  it('may go out by MailerLite where it is connected, and says so where it is not', async () => {
    const text = NEWS.replace('kind: news', 'kind: news\nchannel: mailerlite');
    expect((await cli.run('announce', file(text))).stderr).toContain('MailerLite is not connected');
    const connected = await openSite(cli.database, { BASE_URL, MAILERLITE_API_KEY: 'a key' });
    await using _ = { [Symbol.asyncDispose]: () => connected.app.close() };
    const tab = new Browser(connected);
    await tab.signIn('administrator@example.org');
    expect((await tab.get('/admin/announcements/new')).body).toContain('MailerLite campaign');
    const saved = await tab.post('/admin/announcements/new', {
      kind: 'news',
      channel: 'mailerlite',
      subject: 'News',
      body: 'Hello.',
    });
    const page = await tab.get(String(saved.headers.location));
    expect(page.body).toContain('MailerLite campaign');
  });

  it('is shown by preview as a subscriber gets it', async () => {
    const { id } = await announce();
    const { json } = await cli.run('preview', id, '--out', 'shown', '--as', 'person1@example.org', '--json');
    const { subject, files } = json<{ subject: string; files: Record<string, string> }>();
    expect(subject).toBe('News for Person');
    expect(Object.keys(files)).toEqual(['html', 'txt', 'eml', 'whatsapp.txt', 'page.html']);
    expect(readFileSync(files['txt']!, 'utf8')).toContain('Hello Person, ask');
    expect(readFileSync(files['whatsapp.txt']!, 'utf8')).toMatch(/^\*News for all\*\n/);
  });
});

describe('approve', () => {
  it('takes the hash of what was seen, wants warnings confirmed, and can be undone', async () => {
    const { id, hash, findings } = await announce();
    expect((await cli.run('approve', id, '--json')).status).toBe(2);
    const open = await cli.run('approve', id, '--hash', hash, '--json');
    expect([open.status, open.stderr.includes('Confirm each warning')]).toEqual([1, true]);
    const stale = await cli.run('approve', id, '--hash', 'other', '--confirm-all', '--json');
    expect(stale.stderr).toContain('not what you saw any more');
    const done = await cli.run('approve', id, '--hash', hash, '--confirm', findings[0]!.key, '--json');
    expect(done.json()).toMatchObject({
      state: 'approved',
      audience: 3,
      sendAt: '2027-01-12T09:30:00Z',
      undoUntil: '2027-01-11T10:05:00Z',
    });
    expect((await cli.run('undo', id, '--json')).json()).toEqual({ announcement: id, state: 'draft' });
    await workAt('2027-01-12T10:00:00Z');
    expect(sent).toEqual([]);
  });

  it('asks a person at a terminal, with the number, the channel and the time', async () => {
    const { id } = await announce();
    const no = await cli.runAtTerminal({ answers: ['no'] }, 'approve', id);
    expect(no.status).toBe(1);
    expect(no.asked[0]!.message).toBe(
      'The warnings are all right: send to 3 people by smtp on Tuesday 12 January 2027, 9.30 am (UK time)?',
    );
    const yes = await cli.runAtTerminal({ answers: ['yes'] }, 'approve', id);
    expect(yes.stdout).toContain('goes out on Tuesday 12 January 2027, 9.30 am (UK time)');
    const { draft } = await findDraft(cli.database.db, id);
    expect(draft.confirmedWarnings).toHaveLength(1);
  });

  it('sends once when two browser tabs and the command line approve at the same moment', async () => {
    const { id, hash } = await announce();
    const tab = new Browser(site);
    await tab.signIn('administrator@example.org');
    const url = `/admin/announcements/${id}`;
    const { body } = await tab.get(url);
    const confirm = [...body.matchAll(/name="confirm" value="([^"]+)"/g)].map(([, key]) => key!);
    expect(/name="hash" value="([^"]+)"/.exec(body)![1]).toBe(hash);
    const [first, second, typed] = await Promise.all([
      tab.post(`${url}/approve`, { hash, confirm }),
      tab.post(`${url}/approve`, { hash, confirm }),
      cli.run('approve', id, '--hash', hash, '--confirm-all', '--json'),
    ]);
    expect([first.statusCode, second.statusCode]).toEqual([303, 303]);
    const approvals = await listAudit(cli.database.db);
    expect(approvals.filter(({ action }) => action === 'announcement.approved')).toHaveLength(1);
    expect([0, 1]).toContain(typed.status);
    await workAt('2027-01-12T09:28:00Z');
    await workAt('2027-01-12T09:30:10Z');
    await workAt('2027-01-12T09:40:00Z');
    expect(sent.map(({ to }) => to.address).toSorted()).toEqual([
      'person0@example.org',
      'person1@example.org',
      'person2@example.org',
    ]);
  });
});
