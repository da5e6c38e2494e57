import { createHmac } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { fileComplaint } from '../../src/subscribers/complaints.ts';
import { startJoining } from '../../src/subscribers/joining.ts';
import { addSubscriber, findSubscriber } from '../../src/subscribers/subscribers.ts';
import { subscriberRecord } from '../../src/subscribers/subscriber-record.ts';
import { noteDifferences } from '../../src/sync/differences.ts';
import { finishPull, runningPull, startPull } from '../../src/sync/pull-runs.ts';
import { readWebhookState, saveWebhook, wantWebhook } from '../../src/sync/webhook-state.ts';
import { ROUTES } from '../../src/web/route-table.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { singleMeeting } from '../support/meetings.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

const SECRET = '5Q1KSgqJ3c';

let database: OpenDatabase;
let site: Site;
let browser: Browser;
let id: string;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database, { MAILERLITE_API_KEY: 'a key', MAILERLITE_WEBHOOK_SECRET: SECRET });
  const { email } = await setUpGroup(site);
  const { clock, addressHash } = site.deps;
  const added = await addSubscriber(
    database.db,
    { email: 'ann.lee@example.org', name: 'Ann Lee', topics: ['meetings', 'training'] },
    { clock, addressHash, actor: 'test' },
  );
  id = added.id;
  site.clock.advance({ minutes: 1 });
  browser = new Browser(site);
  await browser.signIn(email);
  return () => site.app.close();
});

const actions = async () => (await listAudit(database.db)).map(({ action }) => action);
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
const send = (url: string, payload = '') =>
  site.app.inject({ method: 'POST', url, headers: urlencoded, payload });

describe('the page where people choose', () => {
  const page = () => new URL(site.deps.links.preferencesUrl(id)).pathname;

  it('has a link with which the person invites others', async () => {
    const { body } = await site.app.inject(page());
    const link = new URL(/<code id="invite">([^<]+)</.exec(body)![1]!).pathname;
    expect((await site.app.inject(link)).body).toContain('A member of the group has invited you');
  });

  it('pauses until a day of one’s own, and keeps a wrong one to be put right', async () => {
    const wrong = await send(page(), 'act=save&topics=meetings&name=Ann&pausedUntil=2026-12-01');
    expect(wrong.statusCode).toBe(422);
    expect(wrong.body).toContain('The day must be a date in the future');
    expect(wrong.body).toContain('value="2026-12-01"');
    const right = await send(page(), 'act=save&topics=meetings&name=Ann&pausedUntil=2027-03-01');
    expect(right.body).toContain('until Monday 1 March 2027');
  });

  it('notes the wording that stood beside a box, and asks again when it has changed', async () => {
    const shown = (await site.app.inject(page())).body;
    expect(shown).toContain('value="news@1"');
    await send(page(), 'act=save&topics=meetings&topics=news&name=Ann&wording=meetings%401&wording=news%401');
    const { consent } = await subscriberRecord(database.db, id);
    expect(consent.find(({ topic }) => topic === 'news')).toMatchObject({ act: 'given', wording: 'news@1' });
    await browser.get('/admin/wordings/vacancies');
    await browser.post('/admin/wordings/vacancies', { text: 'Something else.', covers: 'yes' });
    const old = await send(page(), 'act=save&topics=vacancies&name=Ann&wording=vacancies%401');
    expect(old.statusCode).toBe(422);
    expect(old.body).toContain('has changed meanwhile');
  });

  it('leaves and comes back by the undo beside it', async () => {
    expect((await send(page(), 'act=leave')).body).toContain('put me back');
    expect((await findSubscriber(database.db, id))!.topics).toEqual([]);
    await send(page(), 'act=undo');
    expect((await findSubscriber(database.db, id))!.topics).toEqual(['meetings', 'training']);
  });

  it('mails the link to the record, which shows everything and is a file, too', async () => {
    expect((await send(page(), 'act=record')).body).toContain('We have sent the link');
    const link = new URL(site.deps.links.recordUrl(id, site.clock.now().add({ hours: 24 }))).pathname;
    const { body } = await site.app.inject(link);
    expect(body).toContain('E-mail address: ann.lee@example.org');
    const file = await site.app.inject(`${link}/record.json`);
    expect(file.headers['content-disposition']).toContain('attachment');
    expect(file.json<{ person: { email: string } }>().person.email).toBe('ann.lee@example.org');
    site.clock.advance({ hours: 25 });
    expect((await site.app.inject(link)).statusCode).toBe(409);
  });

  it('erases the person after a question, and then knows nobody', async () => {
    const question = await site.app.inject(`${page()}/erase`);
    expect(question.body).toContain('cannot be undone');
    expect(await findSubscriber(database.db, id)).toBeDefined();
    const done = await send(`${page()}/erase`);
    expect(done.statusCode).toBe(200);
    expect(await findSubscriber(database.db, id)).toBeUndefined();
    const after = await site.app.inject(page());
    expect(after.statusCode).toBe(404);
    expect(after.body).toContain('We keep nothing about you any more');
  });
});

describe('every signed link of a person', () => {
  /** A fingerprint of each table. */
  async function everything(): Promise<Record<string, string>> {
    const tables = await rows<{ name: string }>(
      database.db,
      sql`select tablename as name from pg_tables where schemaname = 'public' order by 1`,
    );
    const prints: Record<string, string> = {};
    for (const { name } of tables) {
      const [print] = await rows<{ print: string }>(
        database.db,
        sql.raw(
          `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as print from "${name}" t`,
        ),
      );
      prints[name] = print!.print;
    }
    return prints;
  }

  it('only shows by GET and HEAD, as often as a scanner follows it: nothing is written', async () => {
    const { db } = database;
    const { clock, links, addressHash } = site.deps;
    const form = { email: 'bea@example.org', memberKind: 'student', topics: ['news'], declaration: true };
    await startJoining(db, { form }, { clock, addressHash });
    const settings = await readSettings(db);
    await addMeeting(db, singleMeeting('2027-02-03T19:00'), { clock, actor: 'test', settings });
    const [request] = await rows<{ id: string }>(db, sql`select id from join_requests`);
    const [meeting] = await rows<{ id: string }>(db, sql`select id from meetings`);
    const later = clock.now().add({ hours: 1 });
    const preferences = links.preferencesUrl(id);
    const record = links.recordUrl(id, later);
    const addresses: Record<string, string> = {
      'GET /u/:token': links.unsubscribeUrl(id),
      'GET /preferences/:token': preferences,
      'GET /preferences/:token/erase': `${preferences}/erase`,
      'GET /my-record/:token': record,
      'GET /my-record/:token/record.json': `${record}/record.json`,
      'GET /join/:token': links.inviteUrl(id, later),
      'GET /join/confirm/:token': links.confirmUrl(request!.id, later),
      'GET /rsvp/:token/:id': `${links.rsvpUrl(id)}/${meeting!.id}?answer=yes`,
    };
    const ofPeople = Object.entries(ROUTES)
      .filter(([key, access]) => access === 'link' && /^GET \/(?!noticeboard|hand-in)/.test(key))
      .map(([key]) => key);
    expect(Object.keys(addresses).toSorted()).toEqual(ofPeople.toSorted());
    const before = await everything();
    for (const [key, address] of Object.entries(addresses)) {
      const { pathname, search } = new URL(address);
      for (const method of ['GET', 'HEAD', 'GET'] as const) {
        const { statusCode } = await site.app.inject({ method, url: pathname + search });
        expect([key, method, statusCode]).toEqual([key, method, 200]);
      }
    }
    expect(await everything()).toEqual(before);
  });
});

describe('the hook for MailerLite', () => {
  const event = JSON.stringify({
    event: 'subscriber.unsubscribed',
    id: '31897397363737859',
    email: 'ann.lee@example.org',
    status: 'unsubscribed',
    unsubscribed_at: '2027-01-12T20:16:00.000000Z',
  });
  const report = (body: string, signature?: string) =>
    site.app.inject({
      method: 'POST',
      url: '/hooks/mailerlite',
      headers: { 'content-type': 'application/json', ...(signature === undefined ? {} : { signature }) },
      payload: body,
    });
  const signed = (body: string, secret = SECRET) => createHmac('sha256', secret).update(body).digest('hex');
  const stored = () => rows(database.db, sql`select e.name from mailerlite_events e`);

  it('stores what is signed, once, and answers at once', async () => {
    const before = site.nudges();
    expect((await report(event, signed(event))).statusCode).toBe(202);
    expect((await report(event, signed(event))).statusCode).toBe(202);
    expect(await stored()).toHaveLength(1);
    expect(site.nudges()).toBe(before + 1);
    const batch = JSON.stringify({
      events: [JSON.parse(event), { type: 'subscriber.deleted', subscriber: { id: '7' } }],
      total: 2,
    });
    expect((await report(batch, signed(batch))).json()).toEqual({ stored: 1 });
  });

  it.each([
    ['no signature', undefined],
    ['the signature of another secret', signed(event, 'other')],
    ['a signature that is none', 'zz'],
  ])('refuses what has %s, and stores nothing', async (_, signature) => {
    expect((await report(event, signature)).statusCode).toBe(401);
    expect(await stored()).toEqual([]);
  });

  it('checks the bytes as they came, and takes what cannot be read for nothing', async () => {
    expect((await report(`${event} `, signed(event))).statusCode).toBe(401);
    expect((await report('not JSON', signed('not JSON'))).json()).toEqual({ stored: 0 });
  });
});

describe('the administrator', () => {
  it('changes a wording and is asked whether old agreements still count', async () => {
    await browser.get('/admin/wordings/meetings');
    const asked = await browser.post('/admin/wordings/meetings', { text: 'A new purpose.' });
    expect(asked.statusCode).toBe(422);
    expect(asked.body).toContain('Say whether agreements to the old text still count');
    expect(asked.body).toContain('A new purpose.');
    await browser.post('/admin/wordings/meetings', { text: 'A new purpose.', covers: 'no' });
    expect((await browser.get('/admin/wordings')).body).toContain('1 person must agree anew');
    expect((await findSubscriber(database.db, id))!.topics).toEqual(['training']);
    expect(await actions()).toContain('wording.changed');
    expect((await browser.get('/admin/wordings/nothing')).statusCode).toBe(404);
  });

  it('takes a complaint through to its end', async () => {
    const complaint = await fileComplaint(
      database.db,
      { text: 'Too much mail', email: 'eve@example.org' },
      { clock: site.clock },
    );
    const url = `/admin/complaints/${complaint.id}`;
    expect((await browser.get('/admin/complaints')).body).toContain(complaint.reference);
    await browser.get(url);
    expect((await browser.post(`${url}/close`, { outcome: '' })).body).toContain(
      'The text must not be empty',
    );
    await browser.post(`${url}/acknowledge`);
    await browser.post(`${url}/note`, { note: 'Rang her.' });
    await browser.post(`${url}/close`, { outcome: 'She gets less now.' });
    const { body } = await browser.get(url);
    for (const words of ['Acknowledged', 'Rang her.', 'She gets less now.', 'Ruth Okafor']) {
      expect(body).toContain(words);
    }
    expect((await browser.get('/admin/complaints')).body).toContain('No complaint waits');
    expect(await actions()).toEqual(
      expect.arrayContaining(['complaint.acknowledged', 'complaint.note', 'complaint.closed']),
    );
  });

  it('erases somebody only after saying that it is meant', async () => {
    const url = `/admin/subscribers/${id}/erase`;
    await browser.get(url);
    expect((await browser.post(url)).statusCode).toBe(422);
    expect(await findSubscriber(database.db, id)).toBeDefined();
    expect((await browser.post(url, { sure: 'yes' })).statusCode).toBe(303);
    expect(await findSubscriber(database.db, id)).toBeUndefined();
    expect(await actions()).toContain('subscriber.erased');
  });

  it('finds links with which people are invited', async () => {
    expect((await browser.get('/admin/subscribers/invite')).body).toContain('/join');
    const { body } = await browser.get(`/admin/subscribers/${id}/invite`);
    const link = new URL(/<code id="link">([^<]+)</.exec(body)![1]!).pathname;
    expect((await site.app.inject(link)).body).toContain('A member of the group has invited you');
  });

  it('is told on the first page when MailerLite’s plan is nearly used up or its reports fail', async () => {
    const by = { clock: site.clock, actor: 'test' };
    const first = async () => (await browser.get('/admin')).body;
    expect(await first()).not.toContain('MailerLite’s');
    await changeSetting(database.db, 'mailerlitePlanSubscribers', '1', by);
    await database.db.execute(sql`
      insert into mailerlite_links (subscriber_id, mailerlite_id, status, wanted_at)
      values (${id}, '7', 'active', now())
      on conflict (subscriber_id) do update set mailerlite_id = '7', status = 'active'`);
    expect(await first()).toContain('1 of the 1 subscribers that your MailerLite plan allows are used');
    await wantWebhook(database.db, by);
    const webhook = { url: 'https://x.example/hooks/mailerlite', mailerliteId: '1', secret: 's' };
    await saveWebhook(database.db, { ...webhook, faults: ['MailerLite has blocked it.'] }, by);
    expect(await first()).toContain('MailerLite has blocked it.');
  });

  it('reads what each difference is about, and why a comparison failed', async () => {
    const by = { clock: site.clock, actor: 'test' };
    await noteDifferences(
      database.db,
      [
        { kind: 'address_differs', subscriberId: id, mailerliteId: '7', detail: 'a hash' },
        { kind: 'not_taken_back', subscriberId: id, mailerliteId: '7' },
        { kind: 'erased_returned', mailerliteId: '31897397363737859' },
      ],
      by,
    );
    await database.db.execute(sql`
      insert into mailerlite_links (subscriber_id, mailerlite_id, email_there, wanted_at)
      values (${id}, '7', 'ann@new.example', now())
      on conflict (subscriber_id) do update set mailerlite_id = '7', email_there = 'ann@new.example'`);
    const { run } = await startPull(database.db, { trigger: 'nightly', startedBy: 'system' }, by);
    const failed = {
      state: 'failed',
      reason: 'MailerLite no longer lists 40 of 50 people.',
      missing: 40,
    } as const;
    await finishPull(database.db, run, failed, by);
    const page = await browser.get('/admin/mailerlite');
    expect(page.body).toContain('Here it is ann.lee@example.org, in MailerLite ann@new.example.');
    expect(page.body).not.toContain('a hash');
    expect(page.body).toContain('subscriber 31897397363737859');
    expect(page.body).toContain('Give the address of a MailerLite form');
    expect((await browser.get('/admin')).body).toContain('The last comparison with MailerLite failed');
    await changeSetting(database.db, 'mailerliteFormUrl', 'https://forms.example/back', by);
    expect((await browser.get('/admin/mailerlite')).body).toContain('href="https://forms.example/back"');
    await browser.post('/admin/mailerlite/sync', { missing: '40' });
    expect(await runningPull(database.db)).toMatchObject({ missingExpected: 40 });
  });

  it('compares with MailerLite, has it report, and decides about differences', async () => {
    await noteDifferences(database.db, [{ kind: 'gone_there', subscriberId: id, mailerliteId: '7' }], {
      clock: site.clock,
    });
    const first = await browser.get('/admin/mailerlite');
    expect(first.body).toContain('The lists were never compared');
    expect(first.body).toContain('Was removed in MailerLite');
    expect(first.body).toContain('Ann Lee');
    await browser.post('/admin/mailerlite/sync');
    expect(await runningPull(database.db)).toMatchObject({ trigger: 'demand' });
    await browser.post('/admin/mailerlite/webhook');
    expect(await readWebhookState(database.db)).toMatchObject({ wanted: true });
    const difference = /differences\/([0-9a-f-]{36})/.exec(first.body)![1]!;
    await browser.post(`/admin/mailerlite/differences/${difference}`, { action: 'remove_here' });
    expect((await findSubscriber(database.db, id))!.state).toBe('removed');
    expect((await browser.get('/admin/mailerlite')).body).toContain('The lists are being compared');
    expect(await actions()).toEqual(
      expect.arrayContaining([
        'mailerlite_sync.started',
        'mailerlite_webhook.wanted',
        'sync_difference.resolved',
      ]),
    );
  });
});
