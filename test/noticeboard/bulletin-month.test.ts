import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { listArchive } from '../../src/announcements/archive.ts';
import { readBooks } from '../../src/announcements/books.ts';
import { planBulletins } from '../../src/announcements/bulletins.ts';
import { approveBulletin, saveBulletinSchedule } from '../../src/announcements/bulletins-changes.ts';
import { withdrawItem } from '../../src/announcements/bulletins-items.ts';
import { parseBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import { frozenContent } from '../../src/announcements/frozen-content.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, bulletinItems, serviceMails } from '../../src/db/schema.ts';
import { openItemLink, openModerationLink } from '../../src/noticeboard/item-links.ts';
import { listItems } from '../../src/noticeboard/item-list.ts';
import { SUBMITTER } from '../../src/noticeboard/items.ts';
import { addItem, approveItem, askSubmitter, rejectItem } from '../../src/noticeboard/moderation.ts';
import { answerQuestion, confirmItem } from '../../src/noticeboard/submission.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import type { Services } from '../../src/process/app.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { addPeople, planning } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';
import { AGREEMENT, handIn, input, NO_TERMS } from './handing-in.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const context = planning(clock);
let database: OpenDatabase;
let server: MailServer;
let services: Services;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
  server = await startMailServer();
  services = testServices(database, clock, { smtpUrl: server.url });
  await setUpOrganisation(services);
  await createAdmin(
    database.db,
    { email: 'admin@example.org', name: 'Alex Admin', password: 'correct horse battery' },
    { clock, actor: 'test' },
  );
});
afterEach(async () => {
  await services.mailer.close();
  await server.close();
});

const work = () => runDueWork(jobs, services);

const workAt = async (instant: string) => {
  clock.set(instant);
  await work();
};

/** The newest mail to somebody. */
async function mailTo(address: string) {
  const mail = server.mails.findLast(({ to }) => to === address);
  if (!mail) throw new Error(`There is no mail to ${address}`);
  return server.parse(mail);
}

/** The token of a link in the newest mail to somebody. */
async function tokenFor(address: string, path: string): Promise<string> {
  const { text } = await mailTo(address);
  const found = new RegExp(`https://network\\.example\\.org${path}/([\\w-]+)`).exec(text!);
  if (!found) throw new Error(`The mail to ${address} has no link ${path}`);
  return found[1]!;
}

/** What a person does who gets the mail to confirm. */
async function confirmByMail(address: string) {
  const item = await openItemLink(
    database.db,
    services.links,
    'confirmItem',
    await tokenFor(address, '/hand-in/confirm'),
  );
  return confirmItem(database.db, item.id, { clock });
}

/** What an administrator opens from the mail. */
async function reviewByMail() {
  const token = await tokenFor('admin@example.org', '/noticeboard/review');
  const { item, actor } = await openModerationLink(database.db, services.links, token);
  return { item, context: { clock, actor, settings: NO_TERMS } };
}

function schedule(topic: 'vacancies' | 'training', changes: object = {}) {
  const wanted = {
    topic,
    rule: 'FREQ=MONTHLY;BYDAY=1MO',
    time: '09:00',
    zone: 'Europe/London',
    approval: 'automatic',
    ...changes,
  };
  const today = clock.now().toZonedDateTimeISO('Europe/London').toPlainDate();
  return saveBulletinSchedule(database.db, parseBulletinSchedule(wanted, today), context);
}

const post = (changes: object = {}) =>
  addItem(
    database.db,
    { input: input(clock, 'vacancy', changes), ...AGREEMENT },
    { clock, actor: 'test', settings: NO_TERMS },
  );

const bulletins = () => database.db.select().from(announcements).orderBy(announcements.sendAt);

const toSubscribers = () => server.mails.filter(({ to }) => to.startsWith('person'));

describe('a month of the noticeboard', () => {
  it('goes from the form to the delivered bulletin, with a duplicate, a question and an empty month', async () => {
    const { db } = database;
    await addPeople(db, clock, 3, 'vacancies');
    await schedule('vacancies', { introduction: 'Good luck with your applications.' });
    await schedule('training', { approval: 'wait' });

    // An employer hands in a vacancy. The mail to confirm holds nothing of what was typed.
    const item = await handIn(db, clock, 'vacancy');
    await work();
    expect((await mailTo('sam@hospital.example')).text).not.toContain('Band 6');
    expect((await confirmByMail('sam@hospital.example')).state).toBe('awaiting_review');
    await work();

    // The administrator decides by the link in the mail, and the employer is told.
    expect((await mailTo('admin@example.org')).text).toContain('Sam Example <sam@hospital.example>');
    const review = await reviewByMail();
    expect(review.item.id).toBe(item.id);
    const done = await approveItem(db, item.id, AGREEMENT, review.context);
    expect(done.agreedBy).toMatch(/^admin:/);
    await work();
    const published = await mailTo('sam@hospital.example');
    expect(published.subject).toBe('Published: Occupational therapist, Band 6');
    expect(published.text).toContain(`https://network.example.org/noticeboard/${item.id}`);

    // An agency hands the same in again. It is flagged and turned down.
    clock.advance({ hours: 1 });
    await handIn(db, clock, 'vacancy', { role: 'OT Band 6' }, 'agency@example.org');
    await work();
    await confirmByMail('agency@example.org');
    await work();
    expect((await mailTo('admin@example.org')).text).toContain(
      'looks like something that was handed in before',
    );
    const duplicate = await reviewByMail();
    expect(duplicate.item.duplicateOf).toBe(item.id);
    await rejectItem(db, duplicate.item.id, 'This post is on the noticeboard already.', duplicate.context);
    await work();
    expect((await mailTo('agency@example.org')).text).toContain('This post is on the noticeboard already.');

    // A course is asked about and answered.
    clock.advance({ hours: 1 });
    await handIn(db, clock, 'training', {}, 'academy@example.org');
    await work();
    await confirmByMail('academy@example.org');
    await work();
    const course = await reviewByMail();
    await askSubmitter(db, course.item.id, 'Is it recorded?', course.context);
    clock.advance({ minutes: 1 });
    await work();
    const own = await openItemLink(
      db,
      services.links,
      'ownItem',
      await tokenFor('academy@example.org', '/hand-in/mine'),
    );
    await answerQuestion(db, own.id, { answer: 'It is not.' }, { clock });
    await work();
    expect((await mailTo('admin@example.org')).text).toContain('It is not.');
    await approveItem(db, own.id, AGREEMENT, course.context);

    // Two days ahead both bulletins are drafted. One goes out by itself, the other waits.
    await workAt('2027-06-05T08:00:00Z');
    const drafts = server.mails.filter(({ to }) => to === 'admin@example.org').slice(-2);
    const told = await Promise.all(drafts.map((mail) => server.parse(mail)));
    expect(new Set(told.map(({ subject }) => subject))).toEqual(
      new Set([
        'Drafted: Training bulletin: Monday 7 June 2027',
        'Drafted: Vacancy bulletin: Monday 7 June 2027',
      ]),
    );
    expect(toSubscribers()).toEqual([]);
    await workAt('2027-06-07T07:59:59Z');
    expect(toSubscribers()).toEqual([]);
    await workAt('2027-06-07T08:00:00Z');
    await work();
    expect(
      toSubscribers()
        .map(({ to }) => to)
        .sort(),
    ).toEqual(['person0@example.org', 'person1@example.org', 'person2@example.org']);
    const bulletin = await mailTo('person0@example.org');
    expect(bulletin.subject).toBe('Vacancy bulletin, Mon 7 Jun 2027: 1 open vacancy');
    for (const part of [bulletin.html!, bulletin.text!]) {
      expect(part).toContain('Good luck with your applications.');
      expect(part).toContain('Occupational therapist, Band 6');
      expect(part).toContain('Wednesday 30 June 2027');
      expect(part).toContain(`https://network.example.org/noticeboard/${item.id}`);
      expect(part).toContain('Hello Person,');
      expect(part).toContain('https://network.example.org/u/');
    }
    expect(bulletin.headers.find(({ key }) => key === 'list-unsubscribe')?.value).toContain('/u/');
    const [vacancies] = (await bulletins()).filter(({ kind }) => kind === 'vacancy_bulletin');
    expect(vacancies!.state).toBe('sent');
    expect((await readBooks(db, [vacancies!.id])).get(vacancies!.id)).toMatchObject({ audience: 3, sent: 3 });
    const content = frozenContent(vacancies!);
    expect(content.whatsapp).toContain('*Vacancy bulletin, Monday 7 June 2027*');
    expect(content.page).toContain('<h3><a href=');
    const archive = async () =>
      (await listArchive(db, { clock, settings: await services.settings() })).map(({ title }) => title);
    expect(await archive()).toEqual(['Vacancy bulletin: Monday 7 June 2027']);
    const [training] = (await bulletins()).filter(({ kind }) => kind === 'training_bulletin');
    expect(training!.state).toBe('awaiting_approval');
    clock.set('2027-06-08T10:00:00Z');
    await approveBulletin(db, training!.id, {}, context);
    await workAt('2027-06-08T10:05:00Z');
    // Nobody is on the training list.
    expect((await bulletins()).find(({ id }) => id === training!.id)).toMatchObject({
      state: 'sent',
      audience: 0,
    });

    // In July there is nothing new: nobody gets a mail, and the administrator is told.
    await workAt('2027-07-03T08:00:00Z');
    expect((await mailTo('admin@example.org')).text).toContain('There is nothing to put in it');
    await workAt('2027-07-05T08:00:00Z');
    expect(toSubscribers()).toHaveLength(3);
    expect(await listItems(db, { open: true }, { clock })).toEqual([]);
    // With its last item a bulletin leaves the archive.
    expect(await archive()).toEqual([]);
  }, 120_000);
});

describe('a bulletin on its way', () => {
  it('is one, whoever plans and works at the same time', async () => {
    const { db } = database;
    await addPeople(db, clock, 5, 'vacancies');
    await schedule('vacancies');
    const items = await Promise.all([
      handIn(db, clock, 'vacancy'),
      handIn(db, clock, 'vacancy', { role: 'Team lead', link: '' }, 'b@example.org'),
    ]);
    for (const { id } of items) await confirmItem(db, id, { clock });
    clock.set('2027-06-05T08:00:00Z');
    const settings = { clock, actor: 'test', settings: NO_TERMS };
    await Promise.all([
      ...items.map(({ id }) => approveItem(db, id, AGREEMENT, settings)),
      planBulletins(db, context),
      planBulletins(db, context),
      planBulletins(db, context),
    ]);
    await planBulletins(db, context);
    expect(await bulletins()).toHaveLength(1);
    expect(await db.select().from(bulletinItems)).toHaveLength(2);
    clock.set('2027-06-07T08:00:00Z');
    await Promise.all([work(), work()]);
    await work();
    expect(toSubscribers()).toHaveLength(5);
    await workAt('2027-06-14T08:00:00Z');
    expect(toSubscribers()).toHaveLength(5);
  });

  it('leaves out what was taken down, also when its content was made already', async () => {
    const { db } = database;
    await addPeople(db, clock, 1, 'vacancies');
    await schedule('vacancies');
    const gone = await post();
    const stays = await post({ role: 'Team lead', link: '' });
    await workAt('2027-06-05T08:00:00Z');
    await workAt('2027-06-07T07:58:00Z');
    expect((await bulletins())[0]!.frozenAt).not.toBeNull();
    await withdrawItem(db, gone.id, '', { clock, actor: SUBMITTER });
    expect((await bulletins())[0]!.frozenAt).toBeNull();
    await workAt('2027-06-07T08:00:00Z');
    const { text } = await mailTo('person0@example.org');
    expect(text).not.toContain(gone.id);
    expect(text).toContain(stays.id);
  });

  it('leaves out what ended while nothing ran, and is skipped when nothing is left', async () => {
    const { db } = database;
    await addPeople(db, clock, 1, 'vacancies');
    await schedule('vacancies');
    await schedule('training');
    const ends = await post({ closingDate: '2027-06-07' });
    const stays = await post({ role: 'Team lead', link: '' });
    await addItem(
      db,
      {
        input: input(clock, 'training', { start: '2027-06-07T10:00', end: '2027-06-07T12:00' }),
        ...AGREEMENT,
      },
      { clock, actor: 'test', settings: NO_TERMS },
    );
    await workAt('2027-06-05T08:00:00Z');
    await workAt('2027-06-07T07:58:00Z');
    expect((await bulletins()).map(({ frozenAt }) => frozenAt !== null)).toEqual([true, true]);
    // The process is away from before the time of the bulletins until the next morning.
    await workAt('2027-06-08T08:30:00Z');
    const { text } = await mailTo('person0@example.org');
    expect(text).not.toContain(ends.id);
    expect(text).toContain(stays.id);
    expect(Object.fromEntries((await bulletins()).map(({ kind, state }) => [kind, state]))).toEqual({
      training_bulletin: 'cancelled',
      vacancy_bulletin: 'sent',
    });
    const skipped = await db.select().from(serviceMails).where(eq(serviceMails.kind, 'bulletin-skipped'));
    expect(skipped.length).toBeGreaterThan(0);
  });

  it('keeps to the UK’s midnight in the nights in which the clocks change', async () => {
    const { db } = database;
    await addPeople(db, clock, 1, 'vacancies');
    await changeSetting(db, 'quietHours', 'off', { clock, actor: 'test' });
    for (const [day, before, drafted, sent] of [
      ['2027-10-31', '2027-10-30', '2027-10-28T23:30:00Z', '2027-10-30T23:30:00Z'],
      ['2028-03-26', '2028-03-25', '2028-03-24T00:30:00Z', '2028-03-26T00:30:00Z'],
    ] as const) {
      clock.set(Temporal.Instant.from(drafted).subtract({ hours: 24 }));
      await schedule('vacancies', { rule: 'FREQ=WEEKLY;BYDAY=SU', time: '00:30' });
      const over = await post({ role: `Over ${day}`, closingDate: before, link: '' });
      const last = await post({ role: `Last day ${day}`, closingDate: day, link: '' });
      await workAt(drafted);
      server.mails.length = 0;
      await workAt(Temporal.Instant.from(sent).subtract({ seconds: 1 }).toString());
      expect(toSubscribers()).toEqual([]);
      await workAt(sent);
      expect(toSubscribers()).toHaveLength(1);
      const { text } = await mailTo('person0@example.org');
      expect(text).toContain(last.id);
      expect(text).not.toContain(over.id);
    }
  });
});
