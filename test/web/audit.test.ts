import { readFileSync } from 'node:fs';
import { eq, sql } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { holdSending } from '../../src/announcements/sending-hold.ts';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { deliveries } from '../../src/db/schema.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { fileComplaint } from '../../src/subscribers/complaints.ts';
import { noteDifferences } from '../../src/sync/differences.ts';
import { ROUTES } from '../../src/web/route-table.ts';
import { juneMeeting, person } from '../attendance/people.ts';
import { confirmed, FORMS } from '../noticeboard/handing-in.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { png } from '../support/png.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { Browser, openSite, PASSWORD, type Site } from './site.ts';

/** Acts of somebody who is signed in that leave no entry, and why. */
const NO_ENTRY: Readonly<Record<string, string>> = {
  'POST /admin/account/second-step': 'nothing is on before the code is confirmed',
  'POST /admin/meetings/series/preview': 'shows dates, changes nothing',
  'POST /admin/announcements/preview': 'shows a preview, changes nothing',
  'POST /admin/bulletins/schedule/:topic/preview': 'shows dates, changes nothing',
  'POST /admin/settings/mails/:key/preview': 'shows a preview, changes nothing',
  'POST /admin/settings/connections/:name': 'tries a connection, changes nothing',
};
/** Acts that need Zoom; the tests of those pages see their entries. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'POST /admin/meetings/:id/room': 'test/web/zoom.test.ts',
  'POST /admin/meetings/:id/attendance/fetch': 'test/web/attendance.test.ts',
};

let database: OpenDatabase;
let site: Site;
let browser: Browser;
const walked = new Set<string>();

beforeAll(async () => {
  database = await openTestDatabase();
  await emptyDatabase(database);
  site = await openSite(
    database,
    { MAILERLITE_API_KEY: 'a key', MAILERLITE_WEBHOOK_SECRET: 'a secret' },
    { loadSample: async () => undefined },
  );
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

type Fields = Record<string, string | readonly string[]>;
/** What an entry holds: the state before, the state after, both, or neither where the act says everything. */
type Holds = 'before' | 'after' | 'both' | 'neither';

/** Does what a route does and demands an entry of the audit log by the person, with what it must hold. */
async function act(
  key: string,
  at: Record<string, string>,
  fields: Fields,
  action: string,
  holds: Holds,
): Promise<LightMyRequestResponse> {
  const url = Object.entries(at).reduce(
    (path, [name, value]) => path.replace(`:${name}`, value),
    key.replace('POST ', ''),
  );
  return entered(key, () => browser.post(url, fields), action, holds);
}

async function entered(
  key: string,
  run: () => Promise<LightMyRequestResponse>,
  action: string,
  holds: Holds,
): Promise<LightMyRequestResponse> {
  expect(ROUTES[key], key).toBeDefined();
  const known = new Set((await listAudit(database.db, { limit: 1_000 })).map(({ id }) => id));
  const answer = await run();
  expect.soft([200, 303], `${key}: ${answer.body.slice(0, 1_500)}`).toContain(answer.statusCode);
  const entry = (await listAudit(database.db, { limit: 1_000 })).find(
    (one) => !known.has(one.id) && one.action === action,
  );
  expect.soft(entry, `${key} leaves an entry ${action}`).toBeDefined();
  expect.soft(entry?.actor, key).toMatch(/^admin:/);
  if (holds === 'before' || holds === 'both') expect.soft(entry?.before, `${key}: before`).not.toBeNull();
  if (holds === 'after' || holds === 'both') expect.soft(entry?.after, `${key}: after`).not.toBeNull();
  walked.add(key);
  site.clock.advance({ seconds: 1 });
  return answer;
}

async function one(statement: ReturnType<typeof sql>): Promise<string> {
  const [row] = await rows<{ id: string }>(database.db, statement);
  return row!.id;
}

const idIn = (answer: LightMyRequestResponse) =>
  /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(answer.headers.location!)![0];

it(
  'is in the audit log, by whom, with what was before and after, whatever somebody who is signed in changes',
  { timeout: 120_000 },
  async () => {
    const { db } = database;
    const { clock } = site;
    const services = testServices(database, clock, { mailer: createOutboxMailer(db, { clock }) });
    const me = await createAdmin(
      db,
      { email: 'ruth@example.org', name: 'Ruth', role: 'administrator', password: PASSWORD },
      { clock, actor: 'system' },
    );
    browser = new Browser(site);
    await browser.signIn('ruth@example.org');

    await act('POST /admin/set-up/sample', {}, {}, 'setting.changed', 'after');
    const organisation = {
      organisationName: 'Northfield Therapy Partnership',
      groupName: 'Northfield OT Network',
      contactEmail: 'network@example.org',
      postalAddress: '1 High Street',
    };
    await act(
      'POST /admin/set-up/organisation',
      {},
      { ...organisation, bankHolidays: 'england-and-wales' },
      'setting.changed',
      'both',
    );
    await act(
      'POST /admin/settings/:group',
      { group: 'organisation' },
      { ...organisation, groupName: 'Another', brandColour: '#1b6450' },
      'setting.changed',
      'both',
    );
    const logo = { field: 'logo', name: 'logo.png', content: png(40, 20) };
    await entered(
      'POST /admin/settings/logo',
      () => browser.upload('/admin/settings/logo', {}, logo),
      'setting.changed',
      'both',
    );
    await act('POST /admin/settings/logo/remove', {}, {}, 'setting.changed', 'both');
    await act('POST /admin/settings/test-mail', {}, {}, 'test_mail.asked_for', 'neither');
    const welcome = { key: 'welcome' };
    const words = { subject: 'Welcome to {{groupName}}', words: 'Good to have you with us.' };
    await act('POST /admin/settings/mails/:key', welcome, words, 'mail_text.changed', 'both');
    const part = { part: 'words' };
    await act('POST /admin/settings/mails/:key/revert', welcome, part, 'mail_text.changed', 'both');
    await act(
      'POST /admin/wordings/:key',
      { key: 'news' },
      { text: 'I agree to news.', covers: 'yes' },
      'wording.changed',
      'both',
    );

    // People of the list.
    const added = await act(
      'POST /admin/subscribers/new',
      {},
      { email: 'ann@example.org', name: 'Ann Lee', topics: ['meetings', 'news'] },
      'subscriber.added',
      'after',
    );
    const ann = { id: idIn(added) };
    await act(
      'POST /admin/subscribers/:id/edit',
      ann,
      { email: 'ann@example.org', name: 'Ann Leigh' },
      'subscriber.changed',
      'after',
    );
    await act(
      'POST /admin/subscribers/:id/topics',
      ann,
      { topics: ['meetings', 'news', 'training'], note: 'asked by telephone' },
      'subscriber.topics_changed',
      'both',
    );
    await entered(
      'POST /admin/subscribers/import',
      async () => {
        const answer = await browser.upload(
          '/admin/subscribers/import',
          { topics: 'meetings' },
          { field: 'file', name: 'people.csv', content: 'email\nbob@example.org\n' },
        );
        await browser.get(answer.headers.location!);
        return answer;
      },
      'subscribers.imported',
      'after',
    );
    const bob = { id: await one(sql`select id from subscribers where email = 'bob@example.org'`) };
    await act(
      'POST /admin/subscribers/:id/remove',
      bob,
      { reason: 'asked for it' },
      'subscriber.removed',
      'both',
    );
    await act('POST /admin/subscribers/:id/allow', bob, {}, 'subscriber.allowed_again', 'both');
    await act('POST /admin/subscribers/:id/erase', bob, { sure: 'yes' }, 'subscriber.erased', 'neither');
    const complaint = await fileComplaint(db, { text: 'Too much mail.' }, { clock });
    await act(
      'POST /admin/complaints/:id/note',
      { id: complaint.id },
      { note: 'Looked at it.' },
      'complaint.note',
      'both',
    );
    await act(
      'POST /admin/complaints/:id/acknowledge',
      { id: complaint.id },
      {},
      'complaint.acknowledged',
      'both',
    );
    await act(
      'POST /admin/complaints/:id/close',
      { id: complaint.id },
      { outcome: 'Fewer mails.' },
      'complaint.closed',
      'both',
    );
    await act('POST /admin/complaints/:id/reopen', { id: complaint.id }, {}, 'complaint.reopened', 'both');
    await act('POST /admin/mailerlite/webhook', {}, {}, 'mailerlite_webhook.wanted', 'neither');
    await act('POST /admin/mailerlite/sync', {}, {}, 'mailerlite_sync.started', 'neither');
    await noteDifferences(db, [{ kind: 'gone_there', subscriberId: ann.id, mailerliteId: '7' }], { clock });
    const difference = { id: await one(sql`select id from sync_differences`) };
    await act(
      'POST /admin/mailerlite/differences/:id',
      difference,
      { action: 'put_back' },
      'sync_difference.resolved',
      'both',
    );

    // Meetings.
    const meeting = {
      title: 'Talk',
      description: '',
      link: 'https://zoom.us/j/98765432100',
      duration: '60',
      date: '2027-02-10',
      time: '19:00',
      zone: 'Europe/London',
      remindAmount: '1',
      remindUnit: 'd',
      remindAt: '09:00',
    };
    const talk = { id: idIn(await act('POST /admin/meetings/new', {}, meeting, 'meeting.added', 'after')) };
    await act(
      'POST /admin/meetings/:id/change',
      talk,
      { ...meeting, time: '20:00', confirmed: 'yes' },
      'meeting.changed',
      'both',
    );
    const series = {
      ...meeting,
      title: 'First Monday',
      repeat: 'weekday',
      nth: '1',
      weekday: 'MO',
      every: '1',
    };
    const mondays = {
      id: idIn(await act('POST /admin/meetings/series/new', {}, series, 'series.added', 'after')),
    };
    const undecided = { id: await one(sql`select id from meetings where status = 'undecided' limit 1`) };
    await act('POST /admin/meetings/:id/decide', undecided, { decision: 'keep' }, 'meeting.kept', 'both');
    await act(
      'POST /admin/meetings/series/:id/edit',
      mondays,
      { ...series, title: 'Mondays', confirmed: 'yes' },
      'series.changed',
      'both',
    );
    await act('POST /admin/meetings/series/:id/end', mondays, {}, 'series.archived', 'after');

    // Announcements.
    const draft = {
      kind: 'news',
      topic: 'news',
      channel: 'smtp',
      subject: 'News',
      body: 'Hello {{name|there}}, the library has moved.',
      when: 'approved',
    };
    const news = {
      id: idIn(await act('POST /admin/announcements/new', {}, draft, 'draft.created', 'after')),
    };
    await act(
      'POST /admin/announcements/:id/edit',
      news,
      { ...draft, subject: 'Other news', seen: '1' },
      'draft.edited',
      'both',
    );
    await act('POST /admin/announcements/:id/test', news, {}, 'draft.test_mail_asked_for', 'neither');
    const hash = async () => {
      const { body } = await browser.get(`/admin/announcements/${news.id}`);
      return {
        hash: /name="hash" value="([^"]+)"/.exec(body)![1]!,
        confirm: [...body.matchAll(/name="confirm" value="([^"]+)"/g)].map(([, key]) => key!),
      };
    };
    await act('POST /admin/announcements/:id/approve', news, await hash(), 'announcement.approved', 'both');
    await act('POST /admin/announcements/:id/undo', news, {}, 'announcement.approval_withdrawn', 'both');
    await act('POST /admin/announcements/:id/approve', news, await hash(), 'announcement.approved', 'both');
    await act('POST /admin/announcements/:id/hold', news, { reason: 'wait' }, 'announcement.held', 'both');
    await act('POST /admin/announcements/:id/resume', news, {}, 'announcement.approved', 'both');
    await act('POST /admin/announcements/:id/posted', news, {}, 'whatsapp.posted', 'neither');
    const spare = {
      id: idIn(
        await act(
          'POST /admin/announcements/new',
          {},
          { ...draft, subject: 'Spare' },
          'draft.created',
          'after',
        ),
      ),
    };
    await act('POST /admin/announcements/:id/delete', spare, {}, 'draft.removed', 'before');
    await browser.post('/admin/subscribers/new', { email: 'cat@example.org', name: 'Cat', topics: ['news'] });
    clock.advance({ minutes: 6 });
    await runDueWork(jobs, services);
    await browser.post('/admin/subscribers/new', { email: 'dan@example.org', name: 'Dan', topics: ['news'] });
    await act('POST /admin/announcements/:id/missed', news, {}, 'draft.created', 'after');
    await act('POST /admin/announcements/:id/correction', news, {}, 'draft.created', 'after');
    await db.update(deliveries).set({ state: 'unknown' }).where(eq(deliveries.announcementId, news.id));
    await act(
      'POST /admin/announcements/:id/resolve',
      news,
      { delivery: 'all', outcome: 'sent' },
      'deliveries.resolved',
      'after',
    );
    const reminder = {
      id: await one(
        sql`select id from announcements where state = 'approved' and meeting_id = ${talk.id} limit 1`,
      ),
    };
    await act(
      'POST /admin/announcements/:id/cancel',
      reminder,
      { reason: 'not needed' },
      'announcement.cancelled',
      'both',
    );
    await act('POST /admin/meetings/:id/cancel', talk, { reason: 'ill' }, 'meeting.cancelled', 'both');

    // The noticeboard and its bulletins.
    const item = {
      ...FORMS.vacancy,
      itemKind: 'vacancy',
      agreement: 'Free of charge.',
      termsAcceptedHow: 'by mail',
    };
    const own = { id: idIn(await act('POST /admin/items/new', {}, item, 'item.added', 'after')) };
    await act(
      'POST /admin/items/:id/edit',
      own,
      { ...item, pay: 'Band 8a', seen: '0' },
      'item.changed',
      'both',
    );
    const handed = await confirmed(db, clock, 'request');
    await act(
      'POST /admin/items/:id/decide',
      { id: handed.id },
      { act: 'ask', question: 'Where is it?' },
      'item.asked',
      'both',
    );
    const schedule = { repeat: 'week', weekday: 'TH', time: '09:00', approval: 'wait', introduction: '' };
    const vacancies = { topic: 'vacancies' };
    await act('POST /admin/bulletins/schedule/:topic', vacancies, schedule, 'bulletins.scheduled', 'after');
    await runDueWork(jobs, services);
    const bulletin = { id: await one(sql`select announcement_id as id from bulletins limit 1`) };
    await act(
      'POST /admin/bulletins/:id/introduce',
      bulletin,
      { introduction: 'Hello.', act: 'save' },
      'bulletin.introduced',
      'after',
    );
    await act('POST /admin/bulletins/:id/approve', bulletin, {}, 'announcement.approved', 'both');
    await act('POST /admin/bulletins/:id/hold', bulletin, {}, 'announcement.held', 'both');
    await act('POST /admin/bulletins/:id/resume', bulletin, {}, 'announcement.approved', 'both');
    await act('POST /admin/bulletins/:id/skip', bulletin, {}, 'announcement.cancelled', 'both');
    await act('POST /admin/bulletins/schedule/:topic/end', vacancies, {}, 'bulletins.ended', 'neither');
    await act('POST /admin/items/:id/take-down', own, { reason: 'filled' }, 'item.withdrawn', 'both');

    // Sending after a restore.
    await holdSending(db, { reason: 'restored' }, { clock, actor: 'system' });
    const [sent] = await db.select().from(deliveries).where(eq(deliveries.announcementId, news.id));
    await entered(
      'POST /admin/sending/log',
      () =>
        browser.upload(
          '/admin/sending/log',
          {},
          { field: 'file', name: 'mail.log', content: `${sent!.messageId} status=sent\n` },
        ),
      'sending.log_read',
      'after',
    );
    await act('POST /admin/sending/release', {}, { sure: 'yes' }, 'sending.released', 'after');

    // After a meeting.
    await juneMeeting(db);
    const june = { id: await one(sql`select id from meetings where title = 'Splinting after stroke'`) };
    const hilary = await person(db, clock, 'host@example.org', 'Hilary Host');
    clock.set('2027-06-02T20:30:00Z');
    await browser.signIn('ruth@example.org');
    const participants = readFileSync(new URL('../attendance/files/old-layout.csv', import.meta.url));
    await entered(
      'POST /admin/meetings/:id/attendance/file',
      () =>
        browser.upload(
          `/admin/meetings/${june.id}/attendance/file`,
          { zone: 'Europe/London' },
          { field: 'file', name: 'participants.csv', content: participants },
        ),
      'attendance.uploaded',
      'after',
    );
    const guest = await one(
      sql`select id from attendances where meeting_id = ${june.id} and subscriber_id is null limit 1`,
    );
    await act(
      'POST /admin/meetings/:id/attendance/confirm',
      june,
      { attendance: guest, person: 'ann@example.org' },
      'attendance.confirmed',
      'after',
    );
    await act(
      'POST /admin/meetings/:id/attendance/unconfirm',
      june,
      { attendance: guest },
      'attendance.unconfirmed',
      'before',
    );
    await act(
      'POST /admin/meetings/:id/after',
      june,
      { learningAims: 'Splints', act: 'save' },
      'meeting.follow_up',
      'after',
    );
    const host = await one(
      sql`select id from attendances where meeting_id = ${june.id} and subscriber_id = ${hilary}`,
    );
    await act(
      'POST /admin/meetings/:id/certificates',
      june,
      { attendance: host },
      'certificates.issued',
      'after',
    );
    const certificate = { id: await one(sql`select id from certificates limit 1`) };
    await act(
      'POST /admin/certificates/:id/revoke',
      certificate,
      { reason: 'was not there' },
      'certificate.revoked',
      'after',
    );

    // Those who sign in, and oneself.
    const helper = {
      name: 'Sam',
      email: 'sam@example.org',
      role: 'editor',
      password: 'another good password',
    };
    await act('POST /admin/people/new', {}, helper, 'admin.created', 'after');
    const sam = { id: await one(sql`select id from admins where email = 'sam@example.org'`) };
    await act('POST /admin/people/:id', sam, { name: 'Sam', role: 'administrator' }, 'admin.changed', 'both');
    await act('POST /admin/people/:id/access', sam, { disabled: 'yes' }, 'admin.changed', 'both');
    await act(
      'POST /admin/people/:id/password',
      sam,
      { password: 'yet another password' },
      'admin.password_changed',
      'neither',
    );
    const confirmStep = async () => {
      await browser.get('/admin/account');
      await browser.post('/admin/account/second-step');
      const { body } = await browser.get('/admin/account/second-step');
      const secret = /class="mono">([A-Z2-7 ]+)</.exec(body)![1]!.replaceAll(' ', '');
      const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate({
        timestamp: clock.now().epochMilliseconds,
      });
      return act('POST /admin/account/second-step/confirm', {}, { code }, 'second_factor.added', 'neither');
    };
    await confirmStep();
    await act(
      'POST /admin/account/recovery-codes',
      {},
      { current: PASSWORD },
      'recovery_codes.renewed',
      'neither',
    );
    await act(
      'POST /admin/people/:id/second-step/remove',
      { id: me.id },
      {},
      'second_factor.removed',
      'neither',
    );
    clock.advance({ seconds: 60 });
    await confirmStep();
    await act(
      'POST /admin/account/second-step/remove',
      {},
      { current: PASSWORD },
      'second_factor.removed',
      'neither',
    );
    await new Browser(site).signIn('ruth@example.org');
    await act('POST /admin/account/sessions/end', {}, { session: 'others' }, 'sessions.ended', 'after');
    const changed = 'an entirely new password';
    await act(
      'POST /admin/account/password',
      {},
      { current: PASSWORD, password: changed, again: changed },
      'admin.password_changed',
      'neither',
    );
    await browser.get('/admin/account');
    await act('POST /admin/sign-out', {}, {}, 'session.ended', 'neither');

    const acts = Object.entries(ROUTES)
      .filter(
        ([key, access]) => !key.startsWith('GET ') && (access === 'editor' || access === 'administrator'),
      )
      .map(([key]) => key);
    const known = [...walked, ...Object.keys(NO_ENTRY), ...Object.keys(ELSEWHERE)];
    expect(known.toSorted()).toEqual(acts.toSorted());
  },
);
