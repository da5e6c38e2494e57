import type { Browser as Chromium, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import type { Services } from '../../src/process/app.ts';
import { openTestDatabase } from '../support/database.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { addPeople } from '../support/meetings.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { openSite, PASSWORD, setUpGroup, type Site } from '../web/site.ts';
import { openChromium } from './checks.ts';

let database: OpenDatabase;
let server: MailServer;
let site: Site;
let services: Services;
let address: string;
let chromium: Chromium;

beforeAll(async () => {
  server = await startMailServer();
  database = await openTestDatabase();
  site = await openSite(database, { SMTP_URL: server.url, MAIL_FROM: 'Network <network@example.org>' });
  const { deps, clock } = site;
  clock.set('2027-10-01T09:00:00Z');
  services = {
    ...testServices(database, clock, { smtpUrl: server.url }),
    config: deps.config,
    links: deps.links,
    addressHash: deps.addressHash,
    renderer: deps.renderer,
  };
  await setUpGroup(site);
  await addPeople(database.db, clock, 2, 'vacancies');
  address = await site.app.listen({ port: 0, host: '127.0.0.1' });
  chromium = await openChromium();
}, 180_000);
afterAll(async () => {
  await chromium.close();
  await site.app.close();
  await services.mailer.close();
  await server.close();
  await database.close();
});

const work = () => runDueWork(jobs, services);

async function workAt(instant: string): Promise<void> {
  site.clock.set(instant);
  await work();
}

/** What the newest mail to somebody says. */
async function mailTo(recipient: string): Promise<{ subject: string; text: string }> {
  const mail = server.mails.findLast(({ to }) => to === recipient);
  if (!mail) throw new Error(`There is no mail to ${recipient}`);
  const { subject = '', text = '' } = await server.parse(mail);
  return { subject, text };
}

/** The page behind a link of the newest mail to somebody. */
async function linkIn(recipient: string, path: string): Promise<string> {
  const { text } = await mailTo(recipient);
  const found = new RegExp(`${site.deps.config.BASE_URL}(${path}/[\\w-]+)`).exec(text);
  if (!found) throw new Error(`The mail to ${recipient} has no link to ${path}`);
  return address + found[1]!;
}

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();

async function signIn(page: Page): Promise<void> {
  await page.goto(`${address}/admin/sign-in`);
  await page.fill('#email', 'administrator@example.org');
  await page.fill('#password', PASSWORD);
  await press(page, 'Sign in');
  await page.waitForURL(`${address}/admin`);
}

async function fillIn(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
}

/** What a visitor hands in, and confirms by the mail. */
async function handIn(page: Page, role: string, email: string): Promise<void> {
  await page.goto(`${address}/hand-in/vacancy`);
  await fillIn(page, {
    role,
    employer: 'Example Teaching Hospital',
    place: 'Leeds',
    closingDate: '2027-10-31',
    link: 'https://jobs.example.org/1',
    email,
  });
  await press(page, 'Hand it in');
  await page.getByRole('heading', { name: 'Look in your inbox' }).waitFor();
  await work();
  await page.goto(await linkIn(email, '/hand-in/confirm'));
  await press(page, 'Yes, I handed this in');
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  await work();
}

const toSubscribers = () => server.mails.filter(({ to }) => to.startsWith('person'));

it('plays a month from the public form to the delivered bulletin, its archive and an empty month', async () => {
  const { clock } = site;
  const administrator = await (await chromium.newContext({ locale: 'en-GB' })).newPage();
  const visitor = await (await chromium.newContext({ locale: 'en-GB', javaScriptEnabled: false })).newPage();
  const isOnBoard = async (title: string) => {
    await visitor.goto(`${address}/noticeboard`);
    return (await visitor.getByRole('link', { name: title }).count()) > 0;
  };

  await signIn(administrator);
  await administrator.goto(`${address}/admin/bulletins/schedule/vacancies`);
  await administrator.getByLabel('Wait for me').check();
  await administrator.fill('#introduction', 'Good luck with your applications.');
  await press(administrator, 'Save the schedule');
  await administrator.getByText('First Monday of the month').waitFor();

  // An employer hands in a vacancy; the administrator approves it by the link in the mail, without signing in.
  await handIn(visitor, 'Occupational therapist, Band 6', 'sam@hospital.example');
  expect(await isOnBoard('Occupational therapist, Band 6')).toBe(false);
  await visitor.goto(await linkIn('administrator@example.org', '/noticeboard/review'));
  await visitor.fill('#agreement', 'Free of charge, no recommendation.');
  await press(visitor, 'Approve it');
  await visitor.getByText('It is on the noticeboard now.').waitFor();
  await work();
  expect((await mailTo('sam@hospital.example')).subject).toContain('Published');
  expect(await isOnBoard('Occupational therapist, Band 6')).toBe(true);

  // An agency hands the same in again: it is flagged, and turned down with a reason.
  clock.advance({ minutes: 30 });
  await handIn(visitor, 'OT, Band 6', 'agency@example.org');
  await administrator.goto(`${address}/admin/items`);
  await administrator.getByText('perhaps a repeat').waitFor();
  await administrator.getByRole('link', { name: 'OT, Band 6' }).click();
  await administrator.getByText('It looks like something that was handed in before').waitFor();
  await administrator.fill('#reason', 'This post is on the noticeboard already.');
  await press(administrator, 'Turn it down');
  await administrator.getByText('It is turned down.').waitFor();
  await work();
  expect((await mailTo('agency@example.org')).text).toContain('This post is on the noticeboard already.');

  // The administrator's own vacancy, which closes a day earlier.
  await administrator.goto(`${address}/admin/items/new?kind=vacancy`);
  await fillIn(administrator, {
    role: 'Team lead',
    employer: 'Example Clinic',
    place: 'York',
    closingDate: '2027-10-30',
    contact: '01904 496000',
  });
  expect(await administrator.inputValue('#agreement')).toBe('Free of charge, no recommendation.');
  await press(administrator, 'Put it on the noticeboard');
  await administrator.getByText('It is on the noticeboard now.').waitFor();

  // Two days ahead the bulletin is drafted; two tabs approve it at once, and it goes out once.
  await workAt('2027-10-02T08:00:00Z');
  expect((await mailTo('administrator@example.org')).subject).toContain('Drafted: Vacancy bulletin');
  await signIn(administrator);
  const tab = await administrator.context().newPage();
  const drafted = await linkIn('administrator@example.org', '/admin/bulletins');
  for (const page of [administrator, tab]) await page.goto(drafted);
  await Promise.all([administrator, tab].map((page) => press(page, /^Approve/)));
  for (const page of [administrator, tab]) await page.getByText('planned', { exact: true }).waitFor();
  await workAt('2027-10-04T07:57:00Z');
  await workAt('2027-10-04T07:59:59Z');
  expect(toSubscribers()).toEqual([]);
  await workAt('2027-10-04T08:00:00Z');
  await workAt('2027-10-04T08:10:00Z');
  expect(
    toSubscribers()
      .map(({ to }) => to)
      .sort(),
  ).toEqual(['person0@example.org', 'person1@example.org']);
  const { subject, text } = await mailTo('person0@example.org');
  expect(subject).toContain('2 open vacancies');
  expect(text).toContain('Good luck with your applications.');
  expect(text).toContain('Team lead');
  await visitor.goto(`${address}/archive`);
  await visitor.getByRole('link', { name: 'Vacancy bulletin: Monday 4 October 2027' }).click();
  await visitor.getByRole('link', { name: 'Occupational therapist, Band 6' }).waitFor();
  expect(await (await visitor.request.get(`${address}/archive.atom`)).text()).toContain('<entry>');

  // Nothing new comes in, so the next bulletin is skipped, and the administrator is told.
  await workAt('2027-10-30T08:00:00Z');
  expect((await mailTo('administrator@example.org')).subject).toContain('Nothing to send');

  // In the night in which the clocks go back each item leaves at the midnight of UK time, to the second.
  for (const [instant, lead, therapist] of [
    ['2027-10-30T22:59:59Z', true, true],
    ['2027-10-30T23:00:00Z', false, true],
    ['2027-10-31T23:59:59Z', false, true],
    ['2027-11-01T00:00:00Z', false, false],
  ] as const) {
    clock.set(instant);
    expect(
      [await isOnBoard('Team lead'), await isOnBoard('Occupational therapist, Band 6')],
      instant,
    ).toEqual([lead, therapist]);
  }
  await visitor.goto(`${address}/archive`);
  await visitor.getByText('There is nothing here at the moment').waitFor();

  await workAt('2027-11-01T09:00:00Z');
  expect(toSubscribers()).toHaveLength(2);
  await signIn(administrator);
  await administrator.goto(`${address}/admin/bulletins`);
  await administrator.getByText('Earlier ones').click();
  await administrator.getByText('There was nothing to put in it.').waitFor();
}, 480_000);
