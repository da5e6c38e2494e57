import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { admins, serviceMails } from '../../src/db/schema.ts';
import { listItems } from '../../src/noticeboard/item-list.ts';
import { findItem, itemHistory } from '../../src/noticeboard/items.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { termsFor } from '../../src/noticeboard/terms.ts';
import { approved, confirmed, FORMS } from '../noticeboard/handing-in.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { Browser, openSite, PASSWORD, setUpGroup, type Site } from './site.ts';

const NOW = '2027-06-01T12:00:00Z';

let database: OpenDatabase;
let site: Site;
let visitor: Browser;
let admin: Browser;
beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
});
beforeEach(async () => {
  await emptyDatabase(database);
  site.clock.set(NOW);
  const { email } = await setUpGroup(site);
  visitor = new Browser(site);
  admin = new Browser(site);
  await admin.signIn(email);
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

const path = (url: string) => new URL(url).pathname;
const later = () => site.clock.now().add({ hours: 240 });
const allItems = () => listItems(database.db, { order: 'newest' }, { clock: site.clock });
const setting = (key: string, text: string) =>
  changeSetting(database.db, key, text, { clock: site.clock, actor: 'test' });
const mails = async (kind: string) =>
  (await database.db.select().from(serviceMails)).filter((mail) => mail.kind === kind);

describe('handing something in', () => {
  it('goes by form, terms, confirmation and a question to the noticeboard', async () => {
    const { deps, clock } = site;
    await setting('vacancyTerms', 'If you appoint through us, our introduction fee applies.');
    const form = await visitor.get('/hand-in/vacancy');
    expect(form.body).toContain('our introduction fee applies');

    // Everything that is wrong is said at once, and what was typed is kept.
    const wrong = await visitor.post('/hand-in/vacancy', {
      ...FORMS.vacancy,
      role: '',
      email: 'sam',
    });
    expect(wrong.statusCode).toBe(422);
    for (const sentence of [
      'Name the role.',
      'Your e-mail address has no @',
      'Tick that you accept the terms of business.',
    ]) {
      expect(wrong.body, sentence).toContain(sentence);
    }
    expect(wrong.body).toContain('value="Example Teaching Hospital"');
    const past = await visitor.post('/hand-in/vacancy', {
      ...FORMS.vacancy,
      closingDate: '2027-05-31',
      place: '',
    });
    expect(past.body).toContain('The place must be given, unless it is online.');
    expect(past.body).toContain('The last day must not be in the past; Monday 31 May 2027 is over.');
    expect(await allItems()).toEqual([]);

    // A program that fills in every field gets the usual answer, and nothing is kept.
    const terms = (await termsFor(database.db, 'vacancy', await readSettings(database.db), { clock }))!;
    const good = { ...FORMS.vacancy, email: 'sam@hospital.example', name: 'Sam Example', terms: terms.id };
    expect((await visitor.post('/hand-in/vacancy', { ...good, website: 'x' })).body).toContain('inbox');
    expect(await allItems()).toEqual([]);

    expect((await visitor.post('/hand-in/vacancy', good)).body).toContain('sam@hospital.example');
    const [item] = await allItems();
    expect(item).toMatchObject({ state: 'submitted', terms: terms.id, termsAcceptedHow: 'with the form' });
    const confirm = path(deps.links.confirmItemUrl(item!.id, later()));
    expect((await visitor.get(confirm)).body).toContain('Yes, I handed this in');
    expect((await findItem(database.db, item!.id)).state).toBe('submitted');
    expect((await visitor.post(confirm)).body).toContain('with the administrators');
    expect((await visitor.get(confirm)).body).toContain('with the administrators');
    expect((await mails('item-review')).length).toBe(1);

    // The administrator asks by the link in the mail; looking changes nothing.
    const ruth = await createAdmin(
      database.db,
      { email: 'second@example.org', name: 'Sunil Rao', password: PASSWORD },
      { clock, actor: 'test' },
    );
    const review = path(deps.links.moderateItemUrl(item!.id, ruth.id, later()));
    const page = await visitor.get(review);
    expect(page.body).toContain('for Sunil Rao to decide');
    expect(page.body).toContain('sam@hospital.example');
    expect((await findItem(database.db, item!.id)).state).toBe('awaiting_review');
    const empty = await visitor.post(review, { act: 'ask', question: '' });
    expect(empty.body).toContain('Write the question.');
    expect((await visitor.post(review, { act: 'ask', question: 'Is it part time?' })).body).toContain(
      'The question is on its way.',
    );

    // The submitter answers with a change on a page of their own.
    const mine = path(deps.links.ownItemUrl(item!.id, later()));
    expect((await visitor.get(mine)).body).toContain('Is it part time?');
    const answered = await visitor.post(`${mine}/answer`, {
      ...FORMS.vacancy,
      hours: '20 a week',
      answer: 'Yes, 20 hours.',
    });
    expect(answered.body).toContain('Your answer is on its way');
    const again = await visitor.get(review);
    expect(again.body).toContain('Yes, 20 hours.');
    expect(again.body).toContain('20 a week');

    // The agreement is kept with who and when.
    expect((await visitor.post(review, { act: 'approve', seen: '0', agreement: 'Free.' })).body).toContain(
      'Somebody changed this item just now',
    );
    const done = await visitor.post(review, { act: 'approve', seen: '1', agreement: 'Free of charge.' });
    expect(done.body).toContain('It is on the noticeboard now. Whoever handed it in gets a mail.');
    expect(await findItem(database.db, item!.id)).toMatchObject({
      state: 'approved',
      agreedBy: `admin:${ruth.id}`,
      agreement: 'Free of charge.',
    });
    expect((await visitor.post(review, { act: 'reject', reason: 'No.' })).statusCode).toBe(409);
    expect((await visitor.get('/noticeboard')).body).toContain('Occupational therapist, Band 6');
    expect((await visitor.get(`/noticeboard/${item!.id}`)).body).toContain('Example Teaching Hospital');
    expect((await visitor.get(`/noticeboard/${item!.id}`)).body).not.toContain('sam@hospital.example');

    // The submitter takes it down; nobody reads it any more.
    expect((await visitor.post(`${mine}/take-down`)).body).toContain('Nobody sees it any more.');
    const gone = await visitor.get(`/noticeboard/${item!.id}`);
    expect(gone.statusCode).toBe(410);
    expect(gone.body).not.toContain('Band 6');
  });

  it('takes a link that is broken, of another purpose or too old for what it is', async () => {
    const { deps, clock } = site;
    const item = await confirmed(database.db, clock, 'request');
    const own = path(deps.links.ownItemUrl(item.id, later()));
    expect((await visitor.get(`${own}x`)).statusCode).toBe(404);
    expect((await visitor.get(own.replace('/hand-in/mine', '/hand-in/confirm'))).statusCode).toBe(404);
    expect((await visitor.get(own.replace('/hand-in/mine', '/noticeboard/review'))).statusCode).toBe(404);
    clock.advance({ hours: 241 });
    expect((await visitor.get(own)).body).toContain('the link does not work any more');
  });
});

describe('the noticeboard', () => {
  it('is filtered, drops what is over to the second of UK time, and is in the calendar as far as wanted', async () => {
    const { clock } = site;
    const leeds = await approved(database.db, clock, 'vacancy');
    const york = await approved(database.db, clock, 'vacancy', {
      role: 'Team lead',
      place: 'York',
      link: '',
      closingDate: '2027-06-20',
    });
    const course = await approved(database.db, clock, 'training');
    await confirmed(database.db, clock, 'request');
    const shown = async (url: string) => {
      const { body } = await visitor.get(url);
      return [leeds, york, course].filter(({ id }) => body.includes(id)).map(({ title }) => title);
    };
    expect(await shown('/noticeboard')).toHaveLength(3);
    expect((await visitor.get('/noticeboard')).body).not.toContain('bath lift');
    expect(await shown('/noticeboard?kind=training')).toEqual([course.title]);
    expect(await shown('/noticeboard?place=york')).toEqual(['Team lead']);
    expect(await shown('/noticeboard?text=team+example')).toEqual(['Team lead']);
    expect(await shown('/noticeboard?online=yes')).toEqual([course.title]);
    expect((await visitor.get('/noticeboard?text=nothing-like-it')).body).toContain('Nothing was found');

    const feed = async () => (await visitor.get('/calendar.ics')).body;
    expect(await feed()).toContain(`UID:${course.id}`);
    expect(await feed()).toContain('SUMMARY:Closing date: Team lead');
    expect((await visitor.get(`/noticeboard/${york.id}.ics`)).body).toContain('DTSTART;VALUE=DATE:20270620');
    await setting('feedClosingDates', 'no');
    expect(await feed()).not.toContain('Team lead');
    await setting('feedTrainingDates', 'no');
    expect(await feed()).not.toContain(course.id);

    clock.set('2027-06-20T22:59:59Z');
    expect(await shown('/noticeboard')).toContain('Team lead');
    clock.set('2027-06-20T23:00:00Z');
    expect(await shown('/noticeboard')).not.toContain('Team lead');
    const over = await visitor.get(`/noticeboard/${york.id}`);
    expect(over.statusCode).toBe(410);
    expect(over.body).toContain('its last day was Sunday 20 June 2027');
  });
});

describe('the administrators’ items', () => {
  it('show what waits, flag a repeat, and are decided once', async () => {
    const { clock } = site;
    await setting('vacancyTerms', 'Our introduction fee applies.');
    const first = await approved(database.db, clock, 'vacancy');
    clock.advance({ minutes: 30 });
    const repeat = await confirmed(
      database.db,
      clock,
      'vacancy',
      { role: 'OT Band 6' },
      'agency@example.org',
    );
    expect((await admin.get('/admin')).body).toContain('One item waits for a decision');
    const list = await admin.get('/admin/items');
    expect(list.body).toContain(`/admin/items/${repeat.id}`);
    expect(list.body).toContain('perhaps a repeat');
    expect(list.body).not.toContain(first.id);
    expect((await admin.get('/admin/items?show=open&text=hospital')).body).toContain(first.id);
    const page = await admin.get(`/admin/items/${repeat.id}`);
    expect(page.body).toContain('It looks like something that was handed in before');
    expect(page.body).toContain(`/admin/items/${first.id}`);

    const decide = `/admin/items/${repeat.id}/decide`;
    const noTerms = await admin.post(decide, { act: 'approve', agreement: 'Free.' });
    expect(noTerms.statusCode).toBe(422);
    expect(noTerms.body).toContain('You must say how the employer accepted the terms of business');
    expect(noTerms.body).toContain('value="Free."');
    expect((await admin.post(decide, { act: 'reject', reason: '' })).body).toContain('Say why');
    const reject = { act: 'reject', reason: 'This post is on the noticeboard already.' };
    const answers = await Promise.all([admin.post(decide, reject), admin.post(decide, reject)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([303, 409]);
    expect(await mails('item-decision')).toHaveLength(2);
    expect((await admin.get(`/admin/items/${repeat.id}`)).body).toContain('Ruth Okafor');
  });

  it('are changed and decided by the link from a mail, without signing in', async () => {
    const { clock, deps } = site;
    const { db } = database;
    const item = await confirmed(db, clock, 'vacancy');
    const [ruth] = await db.select().from(admins).where(eq(admins.email, 'administrator@example.org'));
    const admin = ruth!.id;
    const url = deps.links.moderateItemUrl(item.id, admin, clock.now().add({ hours: 24 }));
    const review = new URL(url).pathname;
    const phone = new Browser(site);
    expect((await phone.get(review)).body).toContain(`href="${review}/edit"`);
    const form = await phone.get(`${review}/edit`);
    expect(form.body).toContain('value="Occupational therapist, Band 6"');
    const changed = { ...FORMS.vacancy, role: 'Occupational therapist, Band 7' };
    const wrong = await phone.post(`${review}/edit`, { ...changed, role: '', seen: '0' });
    expect([wrong.statusCode, wrong.body]).toEqual([422, expect.stringContaining('Name the role.')]);
    const saved = await phone.post(`${review}/edit`, { ...changed, seen: '0' });
    expect(saved.body).toContain('The item is changed.');
    expect(await findItem(db, item.id)).toMatchObject({ title: changed.role, state: 'awaiting_review' });
    const late = await phone.post(`${review}/edit`, { ...FORMS.vacancy, seen: '0' });
    expect([late.statusCode, late.body]).toEqual([
      422,
      expect.stringContaining('Somebody changed this item'),
    ]);
    await phone.post(review, { act: 'approve', agreement: 'Free.', seen: '1' });
    const history = await itemHistory(db, item.id);
    expect(history.slice(0, 2).map(({ kind, actor }) => [kind, actor])).toEqual([
      ['approved', `admin:${admin}`],
      ['edited', `admin:${admin}`],
    ]);
  });

  it('may be an administrator’s own, are changed and taken down', async () => {
    await admin.get('/admin/items/new?kind=training');
    const { start: _start, end: _end, ...course } = FORMS.training;
    const days = { itemKind: 'training', ...course, dates: ['2027-06-16', '2027-06-18', ''] };
    expect((await admin.post('/admin/items/new', days)).body).toContain('Say on what terms it is published.');
    const added = await admin.post('/admin/items/new', { ...days, agreement: 'Free of charge.' });
    const at = added.headers.location!;
    expect((await admin.get(at)).body).toContain('Wednesday 16 June 2027 and Friday 18 June 2027');
    const id = at.split('/').at(-1)!;
    const form = await admin.get(`${at}/edit`);
    expect(form.body).toContain('value="2027-06-18"');
    const changed = await admin.post(`${at}/edit`, { ...days, seen: '0', place: 'Leeds' });
    expect(changed.statusCode).toBe(303);
    expect((await admin.post(`${at}/edit`, { ...days, seen: '0', place: 'York' })).body).toContain(
      'Somebody changed this item just now',
    );
    expect((await visitor.get(`/noticeboard/${id}`)).body).toContain('Leeds, also online');
    expect((await admin.get(`${at}/take-down`)).body).toContain('This cannot be undone.');
    await admin.post(`${at}/take-down`, { reason: 'It is full.' });
    expect((await visitor.get(`/noticeboard/${id}`)).statusCode).toBe(410);
    expect((await admin.get('/admin/items?show=ended')).body).toContain(id);
  });
});

it('takes so many forms of one address and no more', async () => {
  const answers = [];
  for (let turn = 0; turn <= 30; turn += 1)
    answers.push(await visitor.post('/hand-in/request', { text: '' }));
  expect(answers[0]!.statusCode).toBe(422);
  expect(answers.at(-1)!.statusCode).toBe(429);
});
