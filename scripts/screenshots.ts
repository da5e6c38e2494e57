/**
 * Photographs every page, at the width of a phone and of a desk, in light and dark, on a sample group in memory:
 *
 *     npx tsx scripts/screenshots.ts [folder] [only pages whose name contains this] [only the view of this name]
 *
 * Needs Chromium; CHROMIUM names the program when it is not /usr/bin/chromium.
 */
import 'temporal-polyfill/global';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { openDatabase } from '../src/db/open.ts';
import { projectRoot } from '../src/kernel/paths.ts';
import { sitemap } from '../test/e2e/sitemap.ts';
import { liveGroup } from '../test/e2e/group.ts';
import { keptInStep } from '../test/e2e/kept-in-step.ts';
import { openSite, PASSWORD } from '../test/web/site.ts';

const folder = process.argv[2] ?? path.join(projectRoot, 'docs', 'screenshots');
const only = process.argv[3] ?? '';
const onlyView = process.argv[4] ?? '';
const VIEWS = [
  {
    name: 'phone',
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 1,
    colorScheme: 'light' as const,
  },
  {
    name: 'desk',
    viewport: { width: 1280, height: 860 },
    deviceScaleFactor: 1,
    colorScheme: 'light' as const,
  },
  {
    name: 'phone-dark',
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 1,
    colorScheme: 'dark' as const,
  },
];

mkdirSync(folder, { recursive: true });
const database = await openDatabase({ dataFolder: undefined });
const empty = await openDatabase({ dataFolder: undefined });
const site = await openSite(database, { BASE_URL: 'http://localhost:3000' });
const fresh = await openSite(
  empty,
  { BASE_URL: 'http://localhost:3000' },
  { loadSample: async () => undefined },
);
await liveGroup(site, database);
await keptInStep(site, database);
const connected = await openSite(database, {
  BASE_URL: 'http://localhost:3000',
  MAILERLITE_API_KEY: 'a key',
});
const address = await site.app.listen({ port: 0, host: '127.0.0.1' });
const connectedAddress = await connected.app.listen({ port: 0, host: '127.0.0.1' });
const freshAddress = await fresh.app.listen({ port: 0, host: '127.0.0.1' });
const pages = await sitemap(site);

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  for (const { name: view, ...options } of VIEWS.filter(({ name }) => !onlyView || name === onlyView)) {
    const context = await browser.newContext({ ...options, locale: 'en-GB' });
    const page = await context.newPage();
    if (!only || 'set-up'.includes(only)) await shoot(page, `${freshAddress}/admin/set-up`, 'set-up', view);
    await page.goto(`${address}/admin/sign-in`);
    if (!only || 'sign-in'.includes(only)) await shoot(page, `${address}/admin/sign-in`, 'sign-in', view);
    await page.fill('#email', 'administrator@example.org');
    await page.fill('#password', PASSWORD);
    await page.click('button[type=submit]');
    for (const { name, path: target, connected: isConnected } of pages) {
      if (only && !name.includes(only)) continue;
      await shoot(page, `${isConnected ? connectedAddress : address}${target}`, name, view);
    }
    await context.close();
  }
} finally {
  await browser.close();
  await site.app.close();
  await connected.app.close();
  await fresh.app.close();
  await database.close();
  await empty.close();
}

async function shoot(page: Page, url: string, name: string, view: string): Promise<void> {
  await page.goto(url, { waitUntil: 'load' });
  // A browser paints neither a frame that is far from its window nor the end of a page below what is fixed there.
  const window = page.viewportSize()!;
  const height = await page.evaluate<number>('document.documentElement.scrollHeight');
  await page.setViewportSize({ width: window.width, height: Math.max(height, window.height) });
  for (const frame of await page.locator('iframe').all()) {
    await frame.contentFrame().locator('body > *').first().waitFor({ state: 'attached' });
  }
  await page.screenshot({ path: path.join(folder, `${name}--${view}.png`), fullPage: true });
  await page.setViewportSize(window);
}
