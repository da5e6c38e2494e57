import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { Browser, openSite, PASSWORD, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database);
  browser = new Browser(site);
  return () => site.app.close();
});

const ME = { name: 'Ruth Okafor', email: 'ruth@example.org', password: PASSWORD };

describe('the first visit', () => {
  it('leads from an empty server to a planned series', async () => {
    expect((await browser.get('/')).headers.location).toBe('/admin/set-up');
    expect((await browser.get('/admin/set-up')).statusCode).toBe(200);
    const first = await browser.post('/admin/set-up', ME);
    expect(first.headers.location).toBe('/admin/set-up/organisation');
    await browser.get('/admin/set-up/organisation');
    const second = await browser.post('/admin/set-up/organisation', {
      organisationName: 'Northfield Therapy Partnership',
      groupName: 'Northfield OT Network',
      contactEmail: 'network@example.org',
      postalAddress: '1 High Street',
      bankHolidays: 'england-and-wales',
    });
    expect(second.headers.location).toBe('/admin/meetings/series/new?first=yes');
    const form = await browser.get('/admin/meetings/series/new?first=yes');
    expect(form.body).toContain('Wednesday 3 February 2027');
    const third = await browser.post('/admin/meetings/series/new', {
      first: 'yes',
      title: 'Monthly meeting',
      link: 'https://zoom.us/j/123456789',
      repeat: 'weekday',
      nth: '1',
      weekday: 'WE',
      everyWeekday: '1',
      time: '19:00',
      duration: '60',
      zone: 'Europe/London',
      remindAmount: ['7', '1', '1', '', ''],
      remindUnit: ['d', 'd', 'h', 'd', 'd'],
      remindAt: ['09:00', '09:00', '09:00', '09:00', '09:00'],
      act: 'save',
    });
    expect(third.statusCode, third.body).toBe(303);
    const overview = await browser.get('/admin');
    expect(overview.statusCode, overview.body).toBe(200);
    expect(overview.body).toContain('Monthly meeting');
    expect(overview.body).toContain('Reminder: Monthly meeting');
    expect(overview.body).toContain('0 people');
  });

  it('says at once all that is wrong', async () => {
    await browser.get('/admin/set-up');
    const answer = await browser.post('/admin/set-up', { name: '', email: 'ruth', password: 'short' });
    expect(answer.statusCode).toBe(422);
    for (const name of ['name', 'email', 'password']) expect(answer.body).toContain(`id="${name}-problem"`);
  });
});
