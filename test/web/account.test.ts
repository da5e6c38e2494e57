import { Secret, TOTP, URI } from 'otpauth';
import decodeQR from 'qr/decode.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { listAdmins, verifyCredentials } from '../../src/organisation/admins.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { secondFactorState } from '../../src/organisation/second-factor.ts';
import { browserName } from '../../src/web/browser-name.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { Browser, openSite, PASSWORD, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;
const EMAIL = 'administrator@example.org';
const OTHER = 'another good password';

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database);
  await setUpGroup(site);
  browser = new Browser(site);
  await browser.signIn(EMAIL);
  return () => site.app.close();
});

const me = async () => (await listAdmins(database.db)).find(({ email }) => email === EMAIL)!;

function codeOf(secret: string): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({
    timestamp: site.clock.now().epochMilliseconds,
  });
}

/** What a phone would read off the page's QR code, drawn with eight pixels to the module. */
function scanned(html: string): string {
  const size = Number(/class="qr" viewBox="0 0 (\d+)/.exec(html)![1]);
  const width = size * 8;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y] of html.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let row = Number(y) * 8; row < Number(y) * 8 + 8; row += 1) {
      const start = (row * width + Number(x) * 8) * 4;
      for (let at = start; at < start + 32; at += 4) data.fill(0, at, at + 3);
    }
  }
  return decodeQR({ width, height: width, data });
}

async function setUpSecondStep() {
  await browser.get('/admin/account');
  await browser.post('/admin/account/second-step');
  const page = await browser.get('/admin/account/second-step');
  const secret = /class="mono">([A-Z2-7 ]+)</.exec(page.body)![1]!.replaceAll(' ', '');
  const read = URI.parse(scanned(page.body));
  expect([read.secret.base32, read.label, read.issuer]).toEqual([secret, EMAIL, 'Northfield OT Network']);
  const done = await browser.post('/admin/account/second-step/confirm', { code: codeOf(secret) });
  expect(done.statusCode).toBe(200);
  const codes = /id="codes">([^<]+)</.exec(done.body)![1]!.split('\n');
  await browser.get('/admin/account');
  site.clock.advance({ seconds: 60 });
  return { secret, codes };
}

describe('the password', () => {
  it('is changed by whoever knows the present one, and ends all other sessions', async () => {
    const elsewhere = new Browser(site);
    await elsewhere.signIn(EMAIL);
    const answer = await browser.post('/admin/account/password', {
      current: PASSWORD,
      password: OTHER,
      again: OTHER,
    });
    expect(answer.statusCode).toBe(303);
    expect((await browser.get('/admin/account')).body).toContain('Your password is changed');
    expect((await elsewhere.get('/admin/account')).statusCode).toBe(303);
    expect(await verifyCredentials(database.db, EMAIL, OTHER)).toBeDefined();
  });

  it.each([
    [
      'without the present one',
      { current: 'wrong', password: OTHER, again: OTHER },
      'Your present password is not right',
    ],
    [
      'with one that is too short',
      { current: PASSWORD, password: 'short', again: 'short' },
      'at least 12 characters',
    ],
    [
      'with two that differ',
      { current: PASSWORD, password: OTHER, again: `${OTHER}x` },
      'not typed the same way twice',
    ],
  ])('is not changed %s', async (_, fields, message) => {
    const answer = await browser.post('/admin/account/password', fields);
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain(message);
    expect(answer.body).not.toContain(OTHER);
    expect(await verifyCredentials(database.db, EMAIL, PASSWORD)).toBeDefined();
  });
});

describe('the second step', () => {
  it('is asked for once it is set up, and no page opens before it', async () => {
    const { secret } = await setUpSecondStep();
    const phone = new Browser(site);
    await phone.get('/admin/sign-in');
    const first = await phone.post('/admin/sign-in', {
      email: EMAIL,
      password: PASSWORD,
      next: '/admin/meetings',
    });
    expect(first.headers.location).toBe('/admin/sign-in/code');
    expect((await phone.get('/admin')).statusCode).toBe(303);
    await phone.get('/admin/sign-in/code');
    const wrong = await phone.post('/admin/sign-in/code', { code: '000000' });
    expect(wrong.statusCode).toBe(422);
    expect(wrong.body).toContain('id="code-problem"');
    const second = await phone.post('/admin/sign-in/code', { code: codeOf(secret) });
    expect(second.headers.location).toBe('/admin/meetings');
    expect((await phone.get('/admin/meetings')).statusCode).toBe(200);
  });

  it('ends after five wrong codes or ten minutes: the password is asked for again', async () => {
    const { secret } = await setUpSecondStep();
    const phone = new Browser(site);
    const begin = async () => {
      await phone.get('/admin/sign-in');
      await phone.post('/admin/sign-in', { email: EMAIL, password: PASSWORD });
      await phone.get('/admin/sign-in/code');
    };
    await begin();
    for (let attempt = 0; attempt < 5; attempt += 1)
      await phone.post('/admin/sign-in/code', { code: '000000' });
    expect((await phone.post('/admin/sign-in/code', { code: codeOf(secret) })).headers.location).toBe(
      '/admin/sign-in',
    );
    await begin();
    site.clock.advance({ minutes: 11 });
    expect((await phone.post('/admin/sign-in/code', { code: codeOf(secret) })).headers.location).toBe(
      '/admin/sign-in',
    );
  });

  it('lets in by a recovery code, once, and says how many are left', async () => {
    const { codes } = await setUpSecondStep();
    const phone = new Browser(site);
    await phone.get('/admin/sign-in');
    await phone.post('/admin/sign-in', { email: EMAIL, password: PASSWORD });
    await phone.get('/admin/sign-in/code');
    expect((await phone.post('/admin/sign-in/code', { code: codes[0]! })).statusCode).toBe(303);
    expect((await phone.get('/admin/more')).body).toContain('9 are left');
  });

  it('is turned off with the password only, or by another administrator', async () => {
    await setUpSecondStep();
    expect((await browser.post('/admin/account/second-step/remove', { current: 'wrong' })).statusCode).toBe(
      422,
    );
    const { id } = await me();
    expect((await secondFactorState(database.db, id)).on).toBe(true);
    await browser.post(`/admin/people/${id}/second-step/remove`);
    expect((await secondFactorState(database.db, id)).on).toBe(false);
    const actions = (await listAudit(database.db)).map(({ action }) => action);
    expect(actions).toContain('second_factor.added');
    expect(actions).toContain('second_factor.removed');
  });
});

describe('places where one is signed in', () => {
  it('are listed by browser, and can be signed out from here', async () => {
    const elsewhere = new Browser(site);
    await elsewhere.signIn(EMAIL);
    const page = await browser.get('/admin/account');
    expect(page.body.match(/Sign out there/g)).toHaveLength(1);
    await browser.post('/admin/account/sessions/end', { session: 'others' });
    expect((await elsewhere.get('/admin/more')).statusCode).toBe(303);
    expect((await browser.get('/admin/more')).statusCode).toBe(200);
  });

  it('are named in words', () => {
    expect(
      browserName(
        'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19 Mobile Safari/604',
      ),
    ).toBe('Safari on iPhone');
    expect(browserName('Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140')).toBe(
      'Edge on Windows',
    );
    expect(browserName('curl/8')).toBe('An unknown browser');
  });
});

describe('who signs in', () => {
  it('is added with a role, changed, locked out and let in again', async () => {
    await browser.post('/admin/people/new', {
      name: 'Eve',
      email: 'eve@example.org',
      role: 'editor',
      password: OTHER,
    });
    const eve = (await listAdmins(database.db)).find(({ name }) => name === 'Eve')!;
    expect(eve.role).toBe('editor');
    const hers = new Browser(site);
    await hers.signIn('eve@example.org', OTHER);
    expect((await hers.get('/admin/people')).statusCode).toBe(403);
    await browser.post(`/admin/people/${eve.id}`, { name: 'Eve Ray', role: 'administrator' });
    expect((await hers.get('/admin/people')).statusCode).toBe(200);
    await browser.post(`/admin/people/${eve.id}/access`, { disabled: 'yes' });
    expect((await hers.get('/admin/people')).statusCode).toBe(303);
    expect((await hers.signIn('eve@example.org', OTHER)).statusCode).toBe(422);
    await browser.post(`/admin/people/${eve.id}/access`, { disabled: 'no' });
    expect((await hers.signIn('eve@example.org', OTHER)).statusCode).toBe(303);
  });

  it('always has somebody who administers', async () => {
    const { id } = await me();
    const answer = await browser.post(`/admin/people/${id}`, { name: 'Ruth', role: 'editor' });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('This is the only administrator');
    expect((await browser.post(`/admin/people/${id}/access`, { disabled: 'yes' })).statusCode).toBe(409);
  });
});

describe('what was done', () => {
  it('is listed with who, before and after, and can be taken along', async () => {
    await browser.post('/admin/settings/time', {
      timeZone: 'Europe/London',
      quietHours: '21:00-08:00',
      bankHolidays: 'scotland',
    });
    const page = await browser.get('/admin/audit');
    expect(page.body).toContain('Setting changed');
    expect(page.body).toContain('Ruth Okafor');
    expect(page.body).toContain('22:00-08:00');
    expect(page.body).toContain('21:00-08:00');
    const file = await browser.get('/admin/audit.csv');
    expect(file.headers['content-disposition']).toContain('audit.csv');
    expect(file.body).toContain('setting.changed,quietHours');
  });
});
