import { Secret, TOTP } from 'otpauth';
import type { Browser as Chromium, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { openTestDatabase } from '../support/database.ts';
import { addPeople } from '../support/meetings.ts';
import { openSite, PASSWORD, setUpGroup, type Site } from '../web/site.ts';
import { accessibilityFaults, colourFaults, openChromium } from './checks.ts';

let database: OpenDatabase;
let site: Site;
let address: string;
let chromium: Chromium;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  await setUpGroup(site);
  await setUpGroup(site, 'editor');
  await addPeople(database.db, site.clock, 3, 'news');
  address = await site.app.listen({ port: 0, host: '127.0.0.1' });
  chromium = await openChromium();
}, 600_000);
afterAll(async () => {
  await chromium.close();
  await site.app.close();
  await database.close();
});

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

async function phone(options: { javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const context = await chromium.newContext({
    locale: 'en-GB',
    viewport: { width: 390, height: 844 },
    reducedMotion: 'reduce',
    ...options,
  });
  return context.newPage();
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.goto(`${address}/admin/sign-in`);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await press(page, 'Sign in');
}

it('an editor writes what an administrator approves, and finds no way to settings, people and the record', async () => {
  const page = await phone();
  await signIn(page, 'editor@example.org');
  await page.goto(`${address}/admin/announcements/new`);
  await page.getByLabel('Kind', { exact: true }).selectOption('news');
  await page.getByLabel('Subject').fill('The library has moved');
  await page
    .getByLabel('Text', { exact: true })
    .fill('Hello {{name|there}}, see the [new page](https://library.nhs.uk/new).');
  await press(page, 'Save the draft');
  await page.getByRole('heading', { name: 'Before it goes out' }).waitFor();
  await page.getByText('An administrator approves it').waitFor();
  expect(await page.getByRole('button', { name: /^(Send to|Ask for)/ }).count()).toBe(0);
  const draft = new URL(page.url()).pathname;

  await page.goto(`${address}/admin/more`);
  const places = await page.locator('main a').allTextContents();
  expect(places.join(' ')).toContain('My account');
  for (const place of ['Settings', 'Who signs in', 'What was done', 'Job queues']) {
    expect(places.join(' ')).not.toContain(place);
  }
  for (const path of ['/admin/settings', '/admin/people', '/admin/audit']) {
    const answer = await page.goto(address + path);
    expect(answer!.status()).toBe(403);
    await page.getByRole('heading', { name: 'You cannot do this' }).waitFor();
    await page.getByText('ask an administrator to do it for you').waitFor();
    await page.getByRole('link', { name: 'Go to the overview' }).waitFor();
  }

  const administrator = await phone();
  await signIn(administrator, 'administrator@example.org');
  await administrator.goto(address + draft);
  await administrator.getByRole('button', { name: /^Send to/ }).waitFor();
});

it('an administrator sets up the second step on a phone, and signs in with the app and with a recovery code', async () => {
  const email = 'administrator@example.org';
  const page = await phone();
  await signIn(page, email);
  await page.goto(`${address}/admin/account`);
  await press(page, 'Set it up');
  await page.getByRole('img', { name: 'QR code with the key below' }).waitFor();
  expect([...(await accessibilityFaults(page)), ...(await colourFaults(page))]).toEqual([]);
  const key = (await page.locator('.mono').textContent())!.replaceAll(' ', '');
  const code = () =>
    new TOTP({ secret: Secret.fromBase32(key) }).generate({
      timestamp: site.clock.now().epochMilliseconds,
    });
  await page.getByLabel('Six digits').fill('12345');
  await press(page, 'Turn it on');
  await page.getByRole('alert').getByText('is not the code of this moment').waitFor();
  await page.getByLabel('Six digits').fill(code());
  await press(page, 'Turn it on');
  await page.getByRole('heading', { name: 'The second step is on' }).waitFor();
  expect([...(await accessibilityFaults(page)), ...(await colourFaults(page))]).toEqual([]);
  const [recovery] = (await page.locator('#codes').textContent())!.split('\n');
  await page.getByRole('link', { name: 'I have kept them' }).click();
  await page.getByText('10 recovery codes left').waitFor();

  site.clock.advance({ minutes: 1 });
  const withoutScripts = await phone({ javaScriptEnabled: false });
  await signIn(withoutScripts, email);
  await withoutScripts.getByRole('heading', { name: 'Second step' }).waitFor();
  await withoutScripts.goto(`${address}/admin/meetings`);
  expect(withoutScripts.url()).toContain('/admin/sign-in');
  await withoutScripts.goto(`${address}/admin/sign-in/code`);
  await withoutScripts.getByLabel('Code', { exact: true }).fill(code());
  await press(withoutScripts, 'Sign in');
  await withoutScripts.getByRole('heading', { name: /^Good evening, Ruth/ }).waitFor();

  const third = await phone();
  await signIn(third, email);
  expect([...(await accessibilityFaults(third)), ...(await colourFaults(third))]).toEqual([]);
  await third.getByLabel('Code', { exact: true }).fill(recovery!);
  await press(third, 'Sign in');
  await third.getByText('9 are left').waitFor();

  await page.reload();
  await press(page, 'Sign out everywhere else');
  await page.getByText('You are signed out everywhere else.').waitFor();
  await third.goto(`${address}/admin`);
  expect(third.url()).toContain('/admin/sign-in');
});
