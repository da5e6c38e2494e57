import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { accessTo, BRANCHES, ROUTES, type Access } from '../../src/web/route-table.ts';
import { openTestDatabase } from '../support/database.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  await setUpGroup(site, 'administrator');
  await setUpGroup(site, 'editor');
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

const SOME_ID = '019b0000-0000-7000-8000-000000000000';
const address = (url: string) => url.replace(':id', SOME_ID).replace('*', 'none').replace(/:\w+/g, 'none');
const routes = Object.entries(ROUTES).map(([key, access]) => {
  const [method, url] = key.split(' ') as [string, string];
  return { key, method, url, access };
});
const with_ = (...levels: Access[]) => routes.filter(({ access }) => levels.includes(access));

describe('the route table', () => {
  it('names every route, and no route that is not there', () => {
    const registered = [...site.app.registeredRoutes]
      .filter((key) => !key.startsWith('HEAD '))
      .filter((key) => !Object.keys(BRANCHES).some((start) => key.split(' ')[1]!.startsWith(start)));
    expect(registered.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  it('refuses to know a route that is not in it', () => {
    expect(() => accessTo('GET', '/admin/forgotten')).toThrow('not in the route table');
    expect(() => accessTo('POST', '/next')).toThrow('not in the route table');
  });
});

describe('somebody who is not signed in', () => {
  it.each(with_('editor', 'administrator'))('is sent to sign in by $key', async ({ method, url }) => {
    const answer = await site.app.inject({ method: method as 'GET', url: address(url) });
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toMatch(/^\/admin\/sign-in/);
  });

  it('gets no cookie from a public page', async () => {
    for (const { url } of with_('open', 'link').filter(({ method }) => method === 'GET')) {
      const answer = await site.app.inject({ method: 'GET', url: address(url) });
      expect(answer.cookies, url).toEqual([]);
      expect(answer.headers.location ?? '', url).not.toContain('/admin/sign-in');
    }
  });
});

describe('an editor', () => {
  it('is refused by every route for administrators, and by no other', async () => {
    const browser = new Browser(site);
    await browser.signIn('editor@example.org');
    for (const { key, method, url, access } of with_('editor', 'administrator')) {
      if (key === 'POST /admin/sign-out') continue;
      const answer = method === 'GET' ? await browser.get(address(url)) : await browser.post(address(url));
      if (access === 'administrator') expect(answer.statusCode, key).toBe(403);
      else expect(answer.statusCode, key).not.toBe(403);
    }
  });

  it('does not see the queues', async () => {
    const browser = new Browser(site);
    await browser.signIn('editor@example.org');
    expect((await browser.get('/admin/queues')).statusCode).toBe(403);
  });
});

describe('an administrator', () => {
  it('is refused by no route', async () => {
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    for (const { key, method, url } of with_('administrator')) {
      const answer = method === 'GET' ? await browser.get(address(url)) : await browser.post(address(url));
      expect(answer.statusCode, key).not.toBe(403);
    }
  });

  it('sees the queues, with or without a slash at the end, under a policy of their own', async () => {
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    for (const url of ['/admin/queues', '/admin/queues/']) {
      const page = await browser.get(url);
      expect([page.statusCode, page.body]).toEqual([200, 'the board']);
      expect(page.headers['content-security-policy']).toContain("form-action 'none'");
    }
  });
});

describe('a change that does not come from a page of ours', () => {
  it('is refused by every route that knows its caller by the cookie', async () => {
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    for (const { key, method, url } of with_('guest', 'editor', 'administrator')) {
      if (method === 'GET') continue;
      browser.forgetToken();
      const answer = await browser.post(address(url));
      expect(answer.statusCode, key).toBe(403);
      expect(answer.body).toContain('nothing was changed');
    }
  });
});

describe('every page', () => {
  it('has a policy without inline script or style, and no frame around it', async () => {
    const { headers } = await site.app.inject('/');
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['content-security-policy']).toContain("style-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('same-origin');
  });

  it('that is not there says so helpfully, in the kind that was asked for', async () => {
    const page = await site.app.inject('/nothing-here');
    expect(page.statusCode).toBe(404);
    expect(page.body).toContain('This page is not here');
    expect(page.headers['content-type']).toContain('text/html');
    const json = await site.app.inject('/api/v1/nothing');
    expect(json.statusCode).toBe(404);
    expect(json.json()).toEqual({ error: { code: 'not_found', message: expect.any(String) as string } });
  });

  it('says of a fault of ours what to do and nothing of the fault', async () => {
    const broken = await openSite(
      database,
      {},
      { nudge: () => Promise.reject(new Error('select secret from somewhere')) },
    );
    const browser = new Browser(broken);
    await browser.signIn('administrator@example.org');
    const answer = await browser.post('/admin/settings/test-mail');
    expect(answer.statusCode).toBe(500);
    expect(answer.body).toMatch(
      /Something went wrong on our side[^]*For the log: <span class="mono">[0-9a-f-]{36}/,
    );
    const program = await browser.post('/admin/settings/test-mail', {}, { accept: 'application/json' });
    expect(program.json()).toMatchObject({ error: { code: 'internal' } });
    expect(answer.body + program.body).not.toMatch(/select secret|node_modules|\.ts:/);
    await broken.app.close();
  });

  it('treats an id that cannot be one as one that is not there', async () => {
    expect((await site.app.inject('/m/1;drop table meetings')).statusCode).toBe(404);
    expect((await site.app.inject(`/m/${SOME_ID}`)).statusCode).toBe(404);
  });
});
