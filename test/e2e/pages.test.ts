import type { Browser as Chromium, BrowserContext, Page, Response } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { openTestDatabase } from '../support/database.ts';
import { openSite, PASSWORD, type Site } from '../web/site.ts';
import {
  accessibilityFaults,
  axe,
  colourFaults,
  htmlFaults,
  openChromium,
  sidewaysScroll,
} from './checks.ts';
import { liveGroup } from './group.ts';
import { keptInStep } from './kept-in-step.ts';
import { sitemap, type SitePage } from './sitemap.ts';

let database: OpenDatabase;
let site: Site;
let connected: Site;
let address: string;
let connectedAddress: string;
let pages: SitePage[];
let chromium: Chromium;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  await liveGroup(site, database);
  await keptInStep(site, database);
  address = await site.app.listen({ port: 0, host: '127.0.0.1' });
  connected = await openSite(database, { MAILERLITE_API_KEY: 'a key' });
  connectedAddress = await connected.app.listen({ port: 0, host: '127.0.0.1' });
  pages = await sitemap(site);
  chromium = await openChromium();
}, 600_000);
afterAll(async () => {
  await chromium.close();
  await site.app.close();
  await connected.app.close();
  await database.close();
});

const DESK = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };
/** What is left of a desk at four times the size, and of one at twice the size (WCAG 2.2, 1.4.10 and 1.4.4). */
const NARROW = { width: 320, height: 640 };
const ZOOMED = { width: 640, height: 430 };
/** What a page may weigh, in bytes, with its styles, script and icons, as they are without compression. */
const WEIGHT_LIMIT = 100_000;
/** The texts whose colours have been looked at. */
const known = {
  lightDesk: new Set<string>(),
  darkDesk: new Set<string>(),
  darkPhone: new Set<string>(),
  lightPhone: new Set<string>(),
};
/** Pages looked at side by side. */
const AT_ONCE = 2;

/** A window in which an administrator is signed in. */
async function signedIn(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await chromium.newContext({
    locale: 'en-GB',
    viewport: DESK,
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  await context.addInitScript({ content: axe });
  const page = await context.newPage();
  await page.goto(`${address}/admin/sign-in`);
  await page.fill('#email', 'administrator@example.org');
  await page.fill('#password', PASSWORD);
  await page.click('button[type=submit]');
  return { context, page };
}

/** Everything that is wrong with a page, each fault with where it was seen. The page is loaded once. */
async function faultsOf(page: Page, { path, connected: isConnected }: SitePage): Promise<string[]> {
  const faults: string[] = [];
  const note = (where: string, found: readonly string[]) =>
    faults.push(...found.map((fault) => `${where}: ${fault}`));
  const listen = (message: { type(): string; text(): string }) => {
    if (message.type() === 'error' && !message.text().includes('404')) note('console', [message.text()]);
  };
  page.on('console', listen);
  let bytes = 0;
  const weigh = async (response: Response) => {
    bytes += (await response.body().catch(() => Buffer.alloc(0))).length;
  };
  const weighed: Promise<void>[] = [];
  const arrive = (response: Response) => void weighed.push(weigh(response));
  page.on('response', arrive);
  await page.setViewportSize(DESK);
  const answer = await page.goto((isConnected === true ? connectedAddress : address) + path);
  await Promise.all(weighed);
  page.off('response', arrive);
  if (bytes > WEIGHT_LIMIT) note('weight', [`${bytes} bytes with everything that it loads`]);
  note('HTML', await htmlFaults(await answer!.text()));
  // In the order in which least has to change.
  note('at a desk', await accessibilityFaults(page));
  note('light, at a desk', await colourFaults(page, known.lightDesk));
  await page.emulateMedia({ colorScheme: 'dark' });
  note('dark, at a desk', await colourFaults(page, known.darkDesk));
  await page.setViewportSize(PHONE);
  note('dark, on a phone', await colourFaults(page, known.darkPhone));
  await page.emulateMedia({ colorScheme: 'light' });
  note('light, on a phone', await colourFaults(page, known.lightPhone));
  note('on a phone', await accessibilityFaults(page));
  for (const [where, viewport, text] of [
    ['at 320 pixels', NARROW, '100%'],
    ['at twice the size', ZOOMED, '100%'],
    ['with text of twice the size', DESK, '200%'],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.evaluate(`document.documentElement.style.fontSize = '${text}'`);
    const wide = await sidewaysScroll(page);
    if (wide > 0) note(where, [`${wide} pixels too wide`]);
  }
  await page.keyboard.press('Tab');
  const first = (await page.evaluate('document.activeElement.textContent.trim()')) as string;
  // The page of all components shows the summary of a faulty form, which takes the focus, as it should.
  if (first !== 'Skip to the content' && !/set-up|\/admin\/design/.test(page.url())) {
    note('keyboard', [`the first stop is "${first}", not the link to the content`]);
  }
  page.off('console', listen);
  return faults;
}

describe('every page of a living group', () => {
  it('has a campaign at MailerLite that was sent, one that stopped for a change there, one left to a person, one ready', () => {
    const campaigns = pages.map(({ name }) => name).filter((name) => name.startsWith('campaign-'));
    expect(campaigns).toEqual(['settled', 'write', 'by_hand', 'written'].map((step) => `campaign-${step}`));
  });

  it(
    'is valid HTML, without a fault for axe-core in light and dark, at a desk and on a phone, fits 320 pixels and twice the size, weighs less than 100 kB and begins with the way to the content',
    { timeout: 900_000 },
    async () => {
      const found: Record<string, string[]> = {};
      const waiting = pages.values();
      const look = async () => {
        const { context, page } = await signedIn();
        for (const sitePage of waiting) {
          const faults = await faultsOf(page, sitePage);
          if (faults.length > 0) found[sitePage.name] = faults;
        }
        await context.close();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, look));
      expect(found).toEqual({});
    },
  );
});
