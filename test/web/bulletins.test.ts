import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { withdrawItem } from '../../src/announcements/bulletins-items.ts';
import { listBulletins } from '../../src/announcements/bulletins-overview.ts';
import { findBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { listOutbox } from '../../src/outbox/outbox.ts';
import { approved } from '../noticeboard/handing-in.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { addPeople } from '../support/meetings.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let admin: Browser;
let colleague: Browser;
let editor: Browser;
beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
});
beforeEach(async () => {
  await emptyDatabase(database);
  site.clock.set('2027-06-01T12:00:00Z');
  const { email } = await setUpGroup(site);
  admin = new Browser(site);
  colleague = new Browser(site);
  editor = new Browser(site);
  await admin.signIn(email);
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

async function workAt(instant: string): Promise<void> {
  site.clock.set(instant);
  await work();
}

async function work(): Promise<void> {
  const { clock, deps } = site;
  const services = {
    ...testServices(database, clock, { mailer: createOutboxMailer(database.db, { clock }) }),
    config: deps.config,
    links: deps.links,
    renderer: deps.renderer,
  };
  await runDueWork(jobs, services);
}

/** Sessions end after half a day. */
const signInAgain = (browser: Browser) => browser.signIn('administrator@example.org');

const MONTHLY = { repeat: 'month', nth: '1', monthday: 'MO', weekday: 'TU', time: '09:00' };
const toPeople = async () =>
  (await listOutbox(database.db, { limit: 100 })).entries.filter(({ recipient }) =>
    recipient.startsWith('person'),
  );
const latest = async (topic: 'training' | 'vacancies') =>
  (await listBulletins(database.db, topic, { limit: 1 }))[0]!;

describe('a schedule of bulletins', () => {
  it('is set with select boxes, shows its dates, is changed and ended', async () => {
    const form = await admin.get('/admin/bulletins/schedule/training');
    expect(form.body).toContain('Monday 7 June 2027');
    const at = '/admin/bulletins/schedule/training';
    const weekly = { ...MONTHLY, repeat: 'week', approval: 'wait', introduction: 'See you there.' };
    expect((await admin.post(`${at}/preview`, weekly)).body).toContain('Tuesday 15 June 2027');
    const wrong = await admin.post(at, { ...weekly, repeat: 'own', ownRule: 'FREQ=SOMETIMES' });
    expect(wrong.statusCode).toBe(422);
    expect(wrong.body).toContain('When it goes out:');
    expect(wrong.body).toContain('value="FREQ&#x3D;SOMETIMES"');
    expect(await findBulletinSchedule(database.db, 'training')).toBeUndefined();
    expect((await admin.post(at, weekly)).statusCode).toBe(303);
    const list = (await admin.get('/admin/bulletins')).body;
    expect(list).toContain('Every Tuesday, 9 am (UK time). It waits for you to approve it.');
    expect(list).toContain('The next one, Tuesday 8 June 2027');
    const kept = await admin.get(at);
    expect(kept.body).toMatch(/id="repeat-week"[^>]* checked/);
    expect(kept.body).toContain('See you there.');
    expect((await admin.get(`${at}/end`)).body).toContain('Yes, end it');
    await admin.post(`${at}/end`);
    const ended = (await admin.get('/admin/bulletins')).body;
    expect(ended).toContain('so no bulletin goes out');
    expect(ended).not.toContain('the bulletin is skipped');
  });
});

describe('a bulletin', () => {
  it('is previewed, drafted, introduced, approved twice at once and goes out once, then is in the archive', async () => {
    const { db } = database;
    const { clock } = site;
    await addPeople(db, clock, 3, 'vacancies');
    const item = await approved(db, clock, 'vacancy');
    const filled = await approved(
      db,
      clock,
      'vacancy',
      { role: 'Team lead', place: 'York' },
      'b@example.org',
    );
    await admin.post('/admin/bulletins/schedule/vacancies', {
      ...MONTHLY,
      approval: 'wait',
      introduction: 'The usual words.',
    });
    const preview = await admin.get('/admin/bulletins/preview/vacancies');
    expect(preview.body).toContain('2 open vacancies');
    expect(preview.body).toContain('The usual words.');
    const frame = await admin.get('/admin/bulletins/preview/vacancies/mail');
    expect(frame.headers['content-security-policy']).toContain('sandbox');
    expect(frame.body).toContain(item.title);
    expect(frame.body).not.toContain('Read this on the web');
    const setting = (text: string) =>
      changeSetting(db, 'archiveVacancyBulletins', text, { clock, actor: 'test' });

    await workAt('2027-06-05T08:00:00Z');
    await signInAgain(admin);
    const { announcement } = await latest('vacancies');
    const at = `/admin/bulletins/${announcement.id}`;
    expect((await admin.get('/admin')).body).toContain('To approve: Vacancy bulletin');
    const page = await admin.get(at);
    expect(page.body).toContain(
      'Approve: send it to 3 people by e-mail on Monday 7 June 2027, 9 am (UK time)',
    );
    expect(page.body).toContain(item.title);
    expect(page.body).toContain('You can copy it once it is approved.');
    expect((await admin.get(`${at}?view=text`)).body).toContain('VACANCY BULLETIN');
    expect((await admin.get(`${at}?view=page`)).body).toContain('See everything that is open now');
    await admin.post(`/admin/announcements/${announcement.id}/test`);
    await work();
    const [test] = (await listOutbox(db, { search: 'Test: Vacancy bulletin' })).entries;
    expect(test).toMatchObject({ recipient: 'administrator@example.org' });
    for (const [archive, isThere] of [
      ['none', false],
      ['link', true],
      ['public', true],
    ] as const) {
      await setting(archive);
      const mail = (await admin.get(`${at}/mail`)).body;
      expect([archive, mail.includes(`/a/${announcement.id}`)]).toEqual([archive, isThere]);
    }

    // Whoever looked at it before the introduction changed has to look again.
    const seen = announcement.updatedAt.toString();
    clock.advance({ minutes: 1 });
    await admin.post(`${at}/introduce`, { introduction: 'Good luck with your applications.', act: 'save' });
    await admin.post(`${at}/approve`, { seen });
    expect((await admin.get(at)).body).toContain('This bulletin was changed just now.');

    await signInAgain(colleague);
    const now = (await latest('vacancies')).announcement.updatedAt.toString();
    clock.advance({ minutes: 1 });
    await Promise.all([
      admin.post(`${at}/approve`, { seen: now }),
      colleague.post(`${at}/approve`, { seen: now }),
    ]);
    const told = (await admin.get(at)).body + (await colleague.get(at)).body;
    expect(told).toContain('It goes out on Monday 7 June 2027, 9 am (UK time). Until then you can stop it.');
    expect(told).toContain('Somebody has approved it already. It goes out once.');
    await workAt('2027-06-07T07:57:00Z');
    await workAt('2027-06-07T08:00:00Z');
    await workAt('2027-06-07T08:10:00Z');
    expect((await toPeople()).map(({ recipient }) => recipient).sort()).toEqual([
      'person0@example.org',
      'person1@example.org',
      'person2@example.org',
    ]);

    clock.set('2027-06-07T21:30:00Z');
    await signInAgain(admin);
    expect((await admin.get(at)).body).toContain('It is 10.30 pm.');
    const posted = await admin.post(`/admin/announcements/${announcement.id}/posted`, { from: 'bulletin' });
    expect(posted.headers.location).toBe(`${at}#whatsapp`);
    expect((await admin.get(at)).body).toContain('posted it on Monday 7 June 2027, 10.30 pm (UK time).');

    const visitor = new Browser(site);
    expect((await visitor.get('/archive')).body).toContain(`/a/${announcement.id}`);
    const archived = await visitor.get(`/a/${announcement.id}`);
    expect(archived.body).toContain('Good luck with your applications.');
    expect(archived.body).not.toContain('Hello Person');
    expect(archived.body).not.toContain('noindex');
    const feed = await visitor.get('/archive.atom');
    expect(feed.headers['content-type']).toContain('application/atom+xml');
    expect(feed.body).toContain(`urn:uuid:${announcement.id}`);
    // What is taken down leaves page and feed, with the heading of its place.
    expect(archived.body).toMatch(/York[^]*Team lead/);
    await withdrawItem(db, filled.id, '', { clock, actor: 'test' });
    for (const url of [`/a/${announcement.id}`, '/archive.atom']) {
      const { body } = await visitor.get(url);
      expect(body).toContain(item.title);
      expect(body).not.toMatch(/York|Team lead/);
    }
    await setting('link');
    expect((await visitor.get('/archive')).body).not.toContain(announcement.id);
    expect((await visitor.get(`/a/${announcement.id}`)).body).toContain('noindex');
    await setting('none');
    expect((await visitor.get(`/a/${announcement.id}`)).statusCode).toBe(404);
    await setting('public');
    clock.set('2027-06-30T23:00:00Z');
    const over = await visitor.get(`/a/${announcement.id}`);
    expect([over.statusCode, over.body]).toEqual([410, expect.stringContaining('This is over')]);
    expect(over.body).not.toContain(item.title);
    expect((await visitor.get('/archive')).body).not.toContain(announcement.id);
  });

  it('goes out unless it is stopped; one that is skipped leaves its items to the next', async () => {
    const { db } = database;
    const { clock } = site;
    await addPeople(db, clock, 1, 'training');
    await approved(db, clock, 'training', { start: '2027-08-16T18:30', end: '2027-08-16T20:30' });
    await admin.post('/admin/bulletins/schedule/training', { ...MONTHLY, approval: 'automatic' });
    await workAt('2027-06-05T08:00:00Z');
    await signInAgain(admin);
    const { announcement } = await latest('training');
    const at = `/admin/bulletins/${announcement.id}`;
    expect((await admin.get(at)).body).toContain('unless somebody stops it');
    await admin.post(`${at}/hold`);
    await workAt('2027-06-07T08:00:00Z');
    expect(await toPeople()).toEqual([]);
    await signInAgain(admin);
    await admin.post(`${at}/resume`);
    expect((await admin.get(at)).body).toContain('It goes out now.');
    await admin.post(`${at}/hold`);
    expect((await admin.get(`${at}/skip`)).body).toContain('comes in the next bulletin');
    await admin.post(`${at}/skip`);
    await workAt('2027-07-03T08:00:00Z');
    const next = await latest('training');
    expect(next.announcement.id).not.toBe(announcement.id);
    await workAt('2027-07-05T07:57:00Z');
    await workAt('2027-07-05T08:00:00Z');
    expect(await toPeople()).toHaveLength(1);
    // In August nothing is new: it is skipped, and the page says so.
    await workAt('2027-07-31T08:00:00Z');
    await signInAgain(admin);
    expect((await admin.get('/admin/bulletins')).body).toContain('There was nothing to put in it.');
    const { email } = await setUpGroup(site, 'editor');
    await editor.signIn(email);
    expect((await editor.get(at)).statusCode).toBe(200);
    expect((await editor.post(`${at}/approve`)).statusCode).toBe(403);
  });
});
