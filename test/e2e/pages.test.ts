import type { Browser as Chromium, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type OpenDatabase } from '../../src/db/open.ts';
import { openSite, PASSWORD, type Site } from '../web/site.ts';
import { accessibilityFaults, htmlFaults, openChromium, sidewaysScroll } from './checks.ts';
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
  database = await openDatabase({ dataFolder: undefined });
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

async function signedIn(
  options: Parameters<Chromium['newContext']>[0],
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await chromium.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  await page.goto(`${address}/admin/sign-in`);
  await page.fill('#email', 'administrator@example.org');
  await page.fill('#password', PASSWORD);
  await page.click('button[type=submit]');
  return { context, page };
}

/** Visits every page and gives what is wrong with each; pages without a fault are left out. */
async function visit(page: Page, look: (page: Page, sitePage: SitePage) => Promise<string[]>) {
  const found: Record<string, string[]> = {};
  for (const sitePage of pages) {
    const complaints: string[] = [];
    const listen = (message: { type(): string; text(): string }) => {
      if (message.type() === 'error' && !message.text().includes('404')) complaints.push(message.text());
    };
    page.on('console', listen);
    await page.goto((sitePage.connected === true ? connectedAddress : address) + sitePage.path);
    complaints.push(...(await look(page, sitePage)));
    page.off('console', listen);
    if (complaints.length > 0) found[sitePage.name] = complaints;
  }
  return found;
}

describe('every page of a living group', () => {
  it.each([
    ['light, at a desk', { viewport: { width: 1280, height: 860 }, colorScheme: 'light' as const }],
    ['dark, at a desk', { viewport: { width: 1280, height: 860 }, colorScheme: 'dark' as const }],
    ['light, on a phone', { viewport: { width: 390, height: 844 }, colorScheme: 'light' as const }],
    ['dark, on a phone', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const }],
  ])('is without a fault that axe-core finds (%s)', { timeout: 300_000 }, async (_, options) => {
    const { context, page } = await signedIn(options);
    expect(await visit(page, accessibilityFaults)).toEqual({});
    await context.close();
  });

  it('fits into 320 pixels without scrolling sideways', { timeout: 300_000 }, async () => {
    const { context, page } = await signedIn({ viewport: { width: 320, height: 640 } });
    const found = await visit(page, async () => {
      const wide = await sidewaysScroll(page);
      return wide > 0 ? [`${wide} pixels too wide`] : [];
    });
    expect(found).toEqual({});
    await context.close();
  });

  it('is valid HTML and does not need a script', { timeout: 300_000 }, async () => {
    const { context, page } = await signedIn({ javaScriptEnabled: false });
    const found = await visit(page, async () =>
      htmlFaults(await (await context.request.get(page.url())).text()),
    );
    expect(found).toEqual({});
    await context.close();
  });

  it('can be used with the keyboard: the first stop skips to the content', { timeout: 300_000 }, async () => {
    const { context, page } = await signedIn({});
    const found = await visit(page, async () => {
      await page.keyboard.press('Tab');
      const first = (await page.evaluate('document.activeElement.textContent.trim()')) as string;
      // The page of all components shows the summary of a faulty form, which takes the focus, as it should.
      return first === 'Skip to the content' || /set-up|\/admin\/design/.test(page.url())
        ? []
        : [`begins with "${first}"`];
    });
    expect(found).toEqual({});
    await context.close();
  });
});
