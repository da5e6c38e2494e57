import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { updateAdmin, listAdmins, createAdmin } from '../../src/organisation/admins.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { ownPath } from '../../src/web/admin/sign-in.ts';
import { Browser, openSite, PASSWORD, setUpGroup, type Site } from './site.ts';

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
  await setUpGroup(site);
  browser = new Browser(site);
  return () => site.app.close();
});

const EMAIL = 'administrator@example.org';

describe('signing in', () => {
  it('leads to the overview, under a session id that was not known before', async () => {
    await browser.get('/admin/sign-in');
    const before = browser.cookieHeader();
    const answer = await browser.post('/admin/sign-in', { email: EMAIL, password: PASSWORD });
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe('/admin');
    expect(browser.cookieHeader()).not.toBe(before);
    expect((await browser.get('/admin')).body).toContain('Good evening, Ruth');
  });

  it('gives a cookie that scripts cannot read, for the administrators’ pages only', async () => {
    const answer = await browser.signIn(EMAIL);
    expect(answer.cookies[0]).toMatchObject({
      name: 'convenor',
      path: '/admin',
      httpOnly: true,
      sameSite: 'Lax',
    });
  });

  it('gives a cookie for https only where the server is reached by https', async () => {
    const secure = await openSite(database, { BASE_URL: 'https://network.example.org' });
    const other = new Browser(secure);
    const answer = await secure.app.inject({
      url: '/admin/sign-in',
      headers: { 'x-forwarded-proto': 'https' },
    });
    expect(answer.cookies[0]).toMatchObject({ name: '__Secure-convenor', secure: true });
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
    void other;
    await secure.app.close();
  });

  it('refuses a wrong password without saying what was wrong, and keeps the address', async () => {
    await browser.get('/admin/sign-in');
    const answer = await browser.post('/admin/sign-in', { email: EMAIL, password: 'wrong' });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('do not belong together');
    expect(answer.body).toContain(`value="${EMAIL}"`);
    expect(answer.body).not.toContain('wrong"');
    expect((await browser.get('/admin')).statusCode).toBe(303);
  });

  it('stops guessing after ten attempts from one place', async () => {
    await browser.get('/admin/sign-in');
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await browser.post('/admin/sign-in', { email: EMAIL, password: 'wrong' });
    }
    const answer = await browser.post('/admin/sign-in', { email: EMAIL, password: PASSWORD });
    expect(answer.statusCode).toBe(429);
    expect(answer.body).toContain('Please wait');
  });

  it('stops guessing one account after thirty attempts, from wherever they come', async () => {
    const browser = new Browser(site);
    await browser.get('/admin/sign-in');
    const guess = (email: string, attempt: number) =>
      browser.post(
        '/admin/sign-in',
        { email, password: 'a wrong guess here' },
        { 'x-forwarded-for': `198.51.100.${attempt}` },
      );
    for (let attempt = 0; attempt < 30; attempt += 1) {
      expect((await guess('nobody@example.org', attempt)).statusCode).toBe(422);
    }
    expect((await guess('Nobody@example.org', 30)).statusCode).toBe(429);
    expect((await guess('somebody@example.org', 31)).statusCode).toBe(422);
  });

  it('goes on to the page that was asked for, on this site only', async () => {
    const asked = await browser.get('/admin/meetings?show=past');
    expect(asked.headers.location).toBe('/admin/sign-in?next=%2Fadmin%2Fmeetings%3Fshow%3Dpast');
    const form = await browser.get(asked.headers.location!);
    expect(form.body).toContain('value="/admin/meetings?show&#x3D;past"');
    expect(ownPath('https://evil.example/admin')).toBe('/admin');
    expect(ownPath('//evil.example')).toBe('/admin');
    expect(ownPath('/admin\\@evil.example')).toBe('/admin');
    expect(ownPath('/adminer')).toBe('/admin');
  });
});

describe('a session', () => {
  it('is in the database under a hash, without the password or the id', async () => {
    await browser.signIn(EMAIL);
    const stored = JSON.stringify(await rows(database.db, sql`select * from sessions`));
    const id = browser.cookieHeader().split('=')[1]!.split('.')[0]!;
    expect(stored).not.toContain(decodeURIComponent(id));
    expect(stored).not.toContain(PASSWORD);
  });

  it('ends after twelve hours, however busy it was', async () => {
    await browser.signIn(EMAIL);
    for (let half = 1; half < 24; half += 1) {
      site.clock.advance({ minutes: 30 });
      expect((await browser.get('/admin/more')).statusCode).toBe(200);
    }
    site.clock.advance({ minutes: 31 });
    expect((await browser.get('/admin/more')).statusCode).toBe(303);
  });

  it('ends after an hour without use, and says that what was sent then is not saved', async () => {
    await browser.signIn(EMAIL);
    site.clock.advance({ minutes: 50 });
    expect((await browser.get('/admin/more')).statusCode).toBe(200);
    site.clock.advance({ minutes: 61 });
    const late = await browser.post('/admin/settings/time', { timeZone: 'Europe/London' });
    expect(late.headers.location).toBe('/admin/sign-in?unsaved=yes');
    expect((await browser.get('/admin/sign-in?unsaved=yes')).body).toContain('was not saved');
  });

  it('ends by signing out, also for a copy of the cookie', async () => {
    await browser.signIn(EMAIL);
    const copy = browser.cookieHeader();
    await browser.post('/admin/sign-out');
    const answer = await site.app.inject({ url: '/admin/more', headers: { cookie: copy } });
    expect(answer.statusCode).toBe(303);
  });

  it('is of no use once the person may not sign in any more', async () => {
    await browser.signIn(EMAIL);
    const by = { clock: site.clock, actor: 'test' };
    await createAdmin(database.db, { email: 'other@example.org', name: 'Other', password: PASSWORD }, by);
    const me = (await listAdmins(database.db)).find(({ email }) => email === EMAIL)!;
    await updateAdmin(database.db, { id: me.id, disabled: true }, by);
    expect((await browser.get('/admin/more')).statusCode).toBe(303);
  });

  it('does not begin with a page that is not there', async () => {
    await browser.get('/admin/no-such-page');
    expect(await rows(database.db, sql`select 1 from sessions`)).toEqual([]);
  });
});
