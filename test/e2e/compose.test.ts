import type { Browser as Chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { listOutbox } from '../../src/outbox/outbox.ts';
import { openTestDatabase } from '../support/database.ts';
import { addPeople } from '../support/meetings.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { openSite, PASSWORD, setUpGroup, type Site } from '../web/site.ts';
import { openChromium } from './checks.ts';

let database: OpenDatabase;
let site: Site;
let address: string;
let chromium: Chromium;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  await setUpGroup(site);
  await addPeople(database.db, site.clock, 3, 'news');
  address = await site.app.listen({ port: 0, host: '127.0.0.1' });
  chromium = await openChromium();
}, 120_000);
afterAll(async () => {
  await chromium.close();
  await site.app.close();
  await database.close();
});

async function workAt(instant: string): Promise<void> {
  site.clock.set(instant);
  const { config, links, addressHash, renderer } = site.deps;
  const mailer = createOutboxMailer(database.db, site);
  await runDueWork(
    jobs.filter(({ name }) => name !== 'check-links'),
    { ...testServices(database, site.clock, { mailer }), config, links, addressHash, renderer },
  );
}

it('an announcement is written with a live preview, approved, undone, approved in two tabs at once, sent once and watched', async () => {
  const context = await chromium.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const press = (name: string | RegExp) => page.getByRole('button', { name }).click();
  await page.goto(`${address}/admin/sign-in?next=/admin/announcements`);
  await page.getByLabel('E-mail address').fill('administrator@example.org');
  await page.getByLabel('Password').fill(PASSWORD);
  await press('Sign in');
  await page.goto(`${address}/admin/announcements`);
  await page.getByRole('link', { name: 'Write an announcement' }).first().click();

  await page.getByLabel('Subject').fill('News for {{name|all}}');
  await page.getByLabel('Text', { exact: true }).fill('Hello {{name|there}}, the **library** has moved.');
  await page.locator('#preview strong', { hasText: 'library' }).first().waitFor();
  expect(await page.locator('#preview').textContent()).toContain('To 3 people by e-mail');
  await press('Save the draft');

  await page.frameLocator('iframe').getByText('Hello Alex, the library has moved.').waitFor();
  await page.getByRole('link', { name: 'WhatsApp', exact: true }).click();
  await page.locator('.bubble strong', { hasText: 'News for all' }).waitFor();
  await press('Send to 3 people by e-mail in five minutes');
  await press('Undo the approval');
  await page.getByText('it is a draft again').waitFor();
  const other = await context.newPage();
  await other.goto(page.url());
  await Promise.all(
    [page, other].map(async (tab) => {
      await tab.getByRole('button', { name: 'Send to 3 people by e-mail in five minutes' }).click();
      await tab.waitForLoadState();
    }),
  );
  await page.goto(other.url());
  await page.getByText('Approved by Ruth Okafor').waitFor();

  // The page follows by itself what happens meanwhile.
  await workAt('2027-01-12T20:18:00Z');
  await workAt('2027-01-12T20:20:30Z');
  await page
    .locator('.badge', { hasText: /^sent$/ })
    .first()
    .waitFor();
  await page.locator('.figure', { hasText: '3' }).first().waitFor();
  const { entries } = await listOutbox(database.db, { search: 'News for' });
  expect([entries.length, new Set(entries.map(({ recipient }) => recipient)).size]).toEqual([3, 3]);

  await press('I have posted it');
  await page.getByText('Ruth Okafor posted it on').waitFor();
  await press('Write a correction');
  expect(await page.getByLabel('Subject').inputValue()).toBe('Correction: News for all');
  await context.close();
}, 120_000);
