import { beforeEach, describe, expect, it } from 'vitest';
import { eq } from 'drizzle-orm';
import { approveDraft, prepareDraft } from '../../src/drafts/prepare.ts';
import { deliver } from '../../jobs/deliver.ts';
import { freeze } from '../../jobs/freeze.ts';
import { runAnnouncements } from '../../jobs/run-announcements.ts';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { archiveFeed, archivePage, listArchive } from '../../src/announcements/archive.ts';
import { buildAtomFeed } from '../../src/announcements/atom.ts';
import { parseDraftFile, parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft, listDrafts } from '../../src/announcements/compose.ts';
import { draftForMissed } from '../../src/announcements/follow-up.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { findPost, postingWarning, recordPosted } from '../../src/announcements/whatsapp-posts.ts';
import { auditLog, deliveries } from '../../src/db/schema.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import type { Mailer } from '../../src/mail/types.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { waMeLink, WHATSAPP_LIMIT } from '../../src/render/whatsapp.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

const START = '2027-06-14T10:00:00Z';
const BASE_URL = 'https://network.example.org';
const zone = 'Europe/London';
const clock = new ManualClock(START);
const context = { clock, actor: 'admin:1', zone };
const rules = { zone, mailerlite: false };
const database = useTestDatabase();

const mailer: Mailer = {
  kind: 'smtp',
  send: () => Promise.resolve({ result: 'accepted', response: '250 ok' }),
  check: () => Promise.reject(new Error('not asked')),
  close: () => Promise.resolve(),
};
const services = () => testServices(database, clock, { mailer });

beforeEach(async () => {
  clock.set(START);
  await setUpOrganisation(services());
});

const fromFile = (text: string) => parseDraftFile(text, rules, (name) => Promise.resolve(name));
const input = (changes: object = {}) =>
  parseDraftInput(
    { kind: 'news', subject: 'News & views', body: 'Hello, *all* is well.', ...changes },
    rules,
  );

function problemsOf(parse: () => unknown): [string, string][] {
  try {
    parse();
  } catch (error) {
    return (error as { problems: { field: string; message: string }[] }).problems.map((p) => [
      p.field,
      p.message,
    ]);
  }
  return [];
}

describe('what is handed in', () => {
  it('has the topic of its kind, no time of its own, and SMTP unless something else is said', () => {
    expect(input({ kind: 'Vacancy bulletin', sendAt: '' })).toMatchObject({
      kind: 'vacancy_bulletin',
      topic: 'vacancies',
      channel: 'smtp',
      sendWall: null,
      expiresOn: null,
    });
    expect(input({ sendAt: '2027-07-01 09:30', topic: 'training' })).toMatchObject({
      topic: 'training',
      sendWall: '2027-07-01T09:30',
    });
  });

  it.each([
    [{ kind: 'newz' }, 'kind', /is news meant/],
    [{ subject: 'Two\nlines' }, 'subject', /one line/],
    [{ kind: 'meeting_invitation' }, 'meetingId', /choose the meeting/],
    [{ channel: 'mailerlite' }, 'channel', /not connected/],
    [{ sendAt: '2027-03-28T01:30' }, 'sendAt', /does not exist/],
    [{ sendAt: 'tomorrow' }, 'sendAt', /./],
    [{ body: 'One\nDear {{nmae|you}}' }, 'body', /line 2: .*is \{\{name\}\} meant/],
    [{ body: 'Dear {{name}}' }, 'body', /line 1: .*\{\{name\|there\}\}/],
    [{ body: 'One\n\nOn {{meetingWhen}}' }, 'body', /line 3: .*needs a meeting/],
    [{ body: 'Dear {{name' }, 'body', /line 1: .*braces/],
    [{ body: '{{#each x}}{{/each}}' }, 'body', /line 1/],
    [{ subject: 'For {{groupname}}' }, 'subject', /\{\{groupName\}\} meant/],
  ])('is refused with the field and the line: %j', (changes, field, message) => {
    expect(problemsOf(() => input(changes))).toEqual([[field, expect.stringMatching(message)]]);
  });

  it('may come as a file with values at its top', async () => {
    const file =
      '---\n# a remark\nkind: request\ntopic: news\nsubject: "Who: can help?"\ntime: 2027-07-01 09:00\n---\n\n## Help\n\nDear {{nmae|all}}\n';
    await expect(fromFile(file)).rejects.toMatchObject({
      problems: [{ field: 'body', message: expect.stringMatching(/^line 11: /) as string }],
    });
    expect(await fromFile(file.replace('nmae', 'name'))).toMatchObject({
      kind: 'request',
      subject: 'Who: can help?',
      sendWall: '2027-07-01T09:00',
      body: '## Help\n\nDear {{name|all}}',
    });
  });

  it.each([
    ['---\nkind: news\nText', /line 1/],
    ['---\nkind news\n---\nText', /line 2/],
    ['---\nkind: news\nkind: news\n---\nText', /line 3: "kind" is given twice/],
    ['---\ntopik: news\n---\nText', /is "topic" meant/],
    ['---\nkind: news\nsubject: A\ntime: 2027-13-01 09:00\n---\nText', /^time: /],
  ])('is refused as a file that is not in order: %j', async (file, message) => {
    await expect(fromFile(file)).rejects.toThrow(message);
  });

  it('is kept as a draft that goes to nobody', async () => {
    const { announcement, draft } = await createDraft(
      database.db,
      input({ expiresOn: '2027-06-30' }),
      context,
    );
    expect([announcement.state, announcement.audienceKind, draft.revision]).toEqual(['draft', 'topic', 1]);
    expect(draft.expiresAt?.toString()).toBe('2027-06-30T23:00:00Z');
    expect((await listDrafts(database.db)).map((found) => found.draft.subject)).toEqual(['News & views']);
    clock.set('2027-06-16T10:00:00Z');
    await runDueWork([freeze, runAnnouncements, deliver], services());
    expect((await listDrafts(database.db))[0]!.announcement.state).toBe('draft');
  });
});

async function send(changes: object = {}) {
  const { announcement } = await createDraft(database.db, input(changes), context);
  await goesOut(announcement.id);
  return announcement.id;
}

/** Approves a draft with all its warnings, and lets it go out. */
async function goesOut(id: string) {
  const view = await prepareDraft(services(), id);
  const confirmedWarnings = view.findings.map(findingKey);
  await approveDraft(services(), id, { hash: view.hash, confirmedWarnings }, 'admin:1');
  clock.set(clock.now().add({ minutes: 5 }).toString());
  await runDueWork([freeze, runAnnouncements, deliver], services());
}

describe('the archive', () => {
  const archive = async () => ({ clock, settings: await readSettings(database.db) });
  const titles = async () => (await listArchive(database.db, await archive())).map(({ title }) => title);

  it('holds what was sent, until it is over, the newest first', async () => {
    await addPeople(database.db, clock, 1, 'news');
    const first = await send({ subject: 'First for {{name|all}}', expiresOn: '2027-06-20' });
    await send({ subject: 'Second' });
    await createDraft(database.db, input({ subject: 'Not sent' }), context);
    expect(await titles()).toEqual(['Second', 'First for all']);
    const page = await archivePage(database.db, first, await archive());
    expect(page).toMatchObject({ over: false, listed: true, html: '<p>Hello, <em>all</em> is well.</p>' });
    clock.set('2027-06-20T22:59:59Z');
    expect(await titles()).toHaveLength(2);
    clock.set('2027-06-20T23:00:00Z');
    expect(await titles()).toEqual(['Second']);
    expect(await archivePage(database.db, first, await archive())).toEqual({
      over: true,
      title: 'First for all',
    });
  });

  it('has a page, by its link alone, for what goes to some people of a topic', async () => {
    const people = await addPeople(database.db, clock, 2, 'news');
    const id = await send();
    await database.db.delete(deliveries).where(eq(deliveries.subscriberId, people[0]!));
    const missed = await draftForMissed(database.db, id, context);
    await goesOut(missed.announcement.id);
    const { content } = await findAnnouncement(database.db, missed.announcement.id);
    expect((content as { html: string }).html).toContain(`${BASE_URL}/a/${missed.announcement.id}"`);
    expect(await archivePage(database.db, missed.announcement.id, await archive())).toMatchObject({
      over: false,
      listed: false,
    });
    expect(await titles()).toEqual(['News & views']);
  });

  it('keeps what tells of a meeting that has been, and not the invitation to it', async () => {
    await addPeople(database.db, clock, 1, 'news');
    const { id: meetingId } = await addMeeting(
      database.db,
      singleMeeting('2027-06-14T20:00', { remind: [] }),
      planning(clock),
    );
    const invitation = await send({ kind: 'meeting_invitation', topic: 'news', meetingId, subject: 'Come' });
    await send({ meetingId, subject: 'About it' });
    expect(await titles()).toEqual(['About it', 'Come']);
    clock.set('2027-06-14T19:00:00Z');
    expect(await titles()).toEqual(['About it']);
    expect(await archivePage(database.db, invitation, await archive())).toMatchObject({ over: true });
  });

  it('follows the setting of each kind', async () => {
    await addPeople(database.db, clock, 1, 'news');
    const id = await send();
    await changeSetting(database.db, 'archiveNews', 'link', { clock, actor: 'test' });
    expect(await titles()).toEqual([]);
    expect(await archivePage(database.db, id, await archive())).toMatchObject({ listed: false });
    await changeSetting(database.db, 'archiveNews', 'none', { clock, actor: 'test' });
    await expect(archivePage(database.db, id, await archive())).rejects.toMatchObject({ code: 'not_found' });
  });

  it('has a feed', async () => {
    await addPeople(database.db, clock, 1, 'news');
    const id = await send();
    const feed = await archiveFeed(database.db, BASE_URL, await archive());
    expect(feed).toContain('<title>News &#38; views</title>');
    expect(feed).toContain(`href="${BASE_URL}/a/${id}"`);
    expect(feed).toContain('<updated>2027-06-14T10:05:00Z</updated>');
  });
});

describe('a feed', () => {
  it('is well-formed whatever is in it', () => {
    const nasty = 'A <b> & "c" \' \u0000\u0008\ud800 ]]> 👩‍⚕️';
    const at = Temporal.Instant.from(START);
    const feed = buildAtomFeed({
      id: nasty,
      title: nasty,
      author: nasty,
      selfUrl: BASE_URL,
      pageUrl: BASE_URL,
      updated: at,
      entries: [
        { id: nasty, title: nasty, url: `${BASE_URL}/?a=1&b="2"`, updated: at, html: `<p>${nasty}</p>` },
      ],
    });
    expect(feed).not.toMatch(/[\u0000-\u0008\ud800-\udfff](?![\udc00-\udfff])/u);
    const tags = feed.replace(/^<\?xml.*?\?>/, '').match(/<[^>]*>/g)!;
    const open: string[] = [];
    for (const tag of tags) {
      if (tag.endsWith('/>')) continue;
      const name = /^<\/?([\w:]+)/.exec(tag)![1]!;
      if (tag.startsWith('</')) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
    expect(feed.replaceAll(/&#\d+;/g, '')).not.toContain('&');
  });
});

describe('the WhatsApp text', () => {
  it('is short, has one link, its own marks, and none that slipped in', async () => {
    await addPeople(database.db, clock, 1, 'news');
    await changeSetting(database.db, 'groupName', 'The *best* group', { clock, actor: 'test' });
    const body = `## What is *new*\n\n**Two** things for {{groupName}}:\n\n- a_b at https://www.rcot.co.uk\n- [book](https://www.rcot.co.uk/b)\n\n${'More and more. '.repeat(100)}`;
    const { announcement } = await createDraft(database.db, input({ body }), context);
    const { content } = await prepareDraft(services(), announcement.id);
    const text = content.whatsapp!;
    expect(text.split('\n').slice(0, 7)).toEqual([
      '*News & views*',
      `${BASE_URL}/a/${announcement.id}`,
      '',
      '*What is new*',
      '',
      '*Two* things for The ∗best∗ group:',
      '',
    ]);
    expect(text).toContain('- aˍb at (see the link above)\n- book');
    expect(text.length).toBeLessThanOrEqual(WHATSAPP_LIMIT);
    expect(text.match(/https?:/g)).toHaveLength(1);
    expect(decodeURIComponent(waMeLink(text).replace('https://wa.me/?text=', ''))).toBe(text);
  });

  it('is noted as posted once, when the administrator says so', async () => {
    const { announcement } = await createDraft(database.db, input(), context);
    expect(await findPost(database.db, announcement.id)).toBeUndefined();
    const first = await recordPosted(database.db, announcement.id, context);
    clock.set('2027-06-15T10:00:00Z');
    expect(await recordPosted(database.db, announcement.id, { clock, actor: 'admin:2' })).toEqual(first);
    const audit = await database.db.select().from(auditLog).where(eq(auditLog.action, 'whatsapp.posted'));
    expect(audit).toHaveLength(1);
  });

  it('comes with a warning at night, on the clock of the group', () => {
    expect(postingWarning(Temporal.Instant.from('2027-06-14T20:59:00Z'), zone)).toBeUndefined();
    expect(postingWarning(Temporal.Instant.from('2027-06-14T21:00:00Z'), zone)).toContain('It is 10 pm');
    expect(postingWarning(Temporal.Instant.from('2027-01-14T07:59:00Z'), zone)).toContain('7.59 am');
    expect(postingWarning(Temporal.Instant.from('2027-01-14T08:00:00Z'), zone)).toBeUndefined();
  });
});
