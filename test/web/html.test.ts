import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { htmlFaults } from '../e2e/checks.ts';
import { openTestDatabase } from '../support/database.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

describe('valid HTML', () => {
  it('is on every page of an empty group, and with every form wrong', { timeout: 120_000 }, async () => {
    browser = new Browser(site);
    expect(await htmlFaults((await browser.get('/admin/set-up')).body)).toEqual([]);
    const wrong = await browser.post('/admin/set-up', { name: '', email: 'x', password: 'short' });
    expect(wrong.statusCode).toBe(422);
    expect(await htmlFaults(wrong.body)).toEqual([]);
    await setUpGroup(site);
    await browser.signIn('administrator@example.org');
    for (const path of [
      '/',
      '/calendar',
      '/admin',
      '/admin/meetings',
      '/admin/announcements',
      '/admin/announcements?show=past',
      '/admin/subscribers',
      '/admin/outbox',
      '/admin/more',
    ]) {
      expect(await htmlFaults((await browser.get(path)).body), path).toEqual([]);
    }
    for (const path of ['/admin/meetings/series/new', '/admin/meetings/new', '/admin/subscribers/new']) {
      const answer = await browser.post(path, { remindAmount: 'x', remindUnit: 'd', remindAt: '' });
      expect(answer.statusCode).toBe(422);
      expect(await htmlFaults(answer.body), path).toEqual([]);
    }
    const settings = await browser.post('/admin/settings/time', {
      timeZone: 'BST',
      quietHours: '',
      bankHolidays: 'x',
    });
    expect(settings.statusCode).toBe(422);
    expect(await htmlFaults(settings.body)).toEqual([]);
  });
});
