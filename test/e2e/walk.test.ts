import type { Browser as Chromium } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { openSite, PASSWORD, type Site } from '../web/site.ts';
import { openChromium } from './checks.ts';

let database: OpenDatabase;
let site: Site;
let address: string;
let chromium: Chromium;

beforeAll(async () => {
  database = await openTestDatabase();
  chromium = await openChromium();
}, 120_000);
afterAll(async () => {
  await chromium.close();
  await database.close();
});
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database);
  address = await site.app.listen({ port: 0, host: '127.0.0.1' });
  return () => site.app.close();
});

/** Lets the background work catch up with the clock. */
async function work(): Promise<void> {
  const { clock, deps } = site;
  const services = {
    ...testServices(database, clock, { mailer: createOutboxMailer(database.db, { clock }) }),
    config: deps.config,
    links: deps.links,
    addressHash: deps.addressHash,
    renderer: deps.renderer,
  };
  await runDueWork(jobs, services);
}

describe.each([
  ['with scripts, at a desk', { viewport: { width: 1280, height: 860 }, javaScriptEnabled: true }],
  ['without scripts, on a phone', { viewport: { width: 390, height: 844 }, javaScriptEnabled: false }],
])('from the first visit to the first reminder (%s)', (_, options) => {
  it('takes a few minutes and ends in the outbox', { timeout: 180_000 }, async () => {
    const context = await chromium.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click();

    await page.goto(address);
    await page.getByLabel('Your name').fill('Ruth Okafor');
    await page.getByLabel('E-mail address').fill('ruth@example.org');
    await page.getByLabel('Password').fill(PASSWORD);
    await press('Continue');

    await page.getByLabel('Name of the group').fill('Northfield OT Network');
    await page.getByLabel('Organisation').fill('Northfield Therapy Partnership');
    await page.getByLabel('Contact address').fill('network@example.org');
    await page.getByLabel('Postal address').fill('1 High Street\nNorthfield');
    await press('Continue');

    await page.getByLabel('Title').fill('Monthly meeting');
    await page.getByLabel('Link to join').fill('https://zoom.us/j/98765432100');
    await page.getByLabel('Which one').selectOption('last');
    await page.getByLabel('Weekday', { exact: true }).selectOption('Thursday');
    if (!options.javaScriptEnabled) await press('Show the dates');
    await page.getByText('Thursday 28 January 2027').waitFor();
    await press('Save the series');
    await page.getByRole('heading', { name: /^Good evening, Ruth/ }).waitFor();

    await page.getByRole('link', { name: 'Import a list' }).click();
    await page.getByLabel('The list, as a CSV file').setInputFiles({
      name: 'people.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('name,email\nAnn Lee,ann@example.org\nBob Ray,bob@example.org\nNobody,nobody\n'),
    });
    await press('Import');
    await page.getByRole('heading', { name: 'The import is done' }).waitFor();
    expect(await page.getByText('nobody', { exact: true }).count()).toBe(1);

    await page.goto(`${address}/admin`);
    await page.getByRole('heading', { name: 'The next 60 days' }).waitFor();
    expect(await page.getByText('9 am, to 2 people, for Thu 28 Jan 2027').count()).toBe(2);

    await work();
    site.clock.set('2027-01-21T08:57:00Z');
    await work();
    site.clock.set('2027-01-21T09:00:10Z');
    await work();

    // Nine days later the session has ended; signing in leads on to the page that was asked for.
    await page.goto(`${address}/admin/outbox`);
    await page.getByLabel('E-mail address').fill('ruth@example.org');
    await page.getByLabel('Password').fill(PASSWORD);
    await press('Sign in');
    const mails = page.getByRole('link', { name: /Monthly meeting/ });
    expect(await mails.count()).toBe(2);
    await mails.first().click();
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { level: 1 }).waitFor();
    await page.getByRole('link', { name: 'Plain text' }).click();
    expect(await page.locator('pre').textContent()).toContain('Thursday 28 January 2027');
    expect(await page.getByRole('link', { name: 'meeting.ics' }).count()).toBe(1);

    await page.goto(`${address}/admin/announcements?show=past`);
    await page.getByRole('link', { name: 'Reminder: Monthly meeting' }).click();
    await page.getByText('2 sent').waitFor();
    await context.close();
  });
});
