import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { addSubscriber, findSubscriber } from '../../src/subscribers/subscribers.ts';
import { csvField } from '../../src/web/csv.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

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
  await browser.signIn('administrator@example.org');
  return () => site.app.close();
});

const add = (email: string, name = 'Ann Lee') =>
  addSubscriber(
    database.db,
    { email, name },
    { clock: site.clock, addressHash: site.deps.addressHash, actor: 'test' },
  );

describe('subscribers', () => {
  it('are added with how they agreed, and their record shows it', async () => {
    const answer = await browser.post('/admin/subscribers/new', {
      email: 'Ann.Lee@Example.org',
      name: 'Ann Lee',
      topics: ['meetings', 'news'],
      note: 'signed the sheet',
    });
    expect(answer.statusCode, answer.body).toBe(303);
    const page = await browser.get(answer.headers.location!);
    expect(page.body).toContain('Ann.Lee@Example.org');
    expect(page.body).toContain('signed the sheet');
    expect(page.body).toContain('Agreed to news');
  });

  it('keep what was typed when something is wrong', async () => {
    const answer = await browser.post('/admin/subscribers/new', {
      email: 'ann lee@example.org',
      name: 'Ann',
      topics: 'news',
      note: 'x',
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('id="email-problem"');
    expect(answer.body).toContain('value="ann lee@example.org"');
    expect(answer.body).toMatch(/value="news" checked/);
  });

  it('are refused twice', async () => {
    await add('ann@example.org');
    const answer = await browser.post('/admin/subscribers/new', {
      email: 'ANN@example.org',
      topics: 'meetings',
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('on the list already');
  });

  it('are found by any part of name or address', async () => {
    await add('ann@example.org', 'Ann Lee');
    await add('bob@example.org', 'Bob <script>');
    const found = await browser.get('/admin/subscribers?text=lee');
    expect(found.body).toContain('ann@example.org');
    expect(found.body).not.toContain('bob@example.org');
    expect((await browser.get('/admin/subscribers')).body).toContain('Bob &lt;script&gt;');
    expect((await browser.get('/admin/subscribers?text=nobody')).body).toContain('Nobody was found');
  });

  it('are corrected and removed, with a reason, and may come back', async () => {
    const { id } = await add('ann@example.org');
    await browser.post(`/admin/subscribers/${id}/edit`, {
      email: 'anne@example.org',
      name: 'Anne',
      memberKind: 'student',
      hcpcNumber: '',
    });
    expect(await findSubscriber(database.db, id)).toMatchObject({
      email: 'anne@example.org',
      name: 'Anne',
      memberKind: 'student',
    });
    const without = await browser.post(`/admin/subscribers/${id}/remove`, { reason: '' });
    expect(without.statusCode).toBe(422);
    expect(without.body).toContain('Why must say why the person is removed');
    await browser.post(`/admin/subscribers/${id}/remove`, { reason: 'Asked by telephone' });
    expect((await findSubscriber(database.db, id))!.state).toBe('removed');
    expect((await browser.get(`/admin/subscribers/${id}`)).body).toContain('“Asked by telephone”');
    await browser.post(`/admin/subscribers/${id}/allow`);
    expect((await findSubscriber(database.db, id))!.state).toBe('left');
  });

  it('are not brought back by an administrator once they have left', async () => {
    const { id } = await add('ann@example.org');
    await site.app.inject({ method: 'POST', url: new URL(site.deps.links.unsubscribeUrl(id)).pathname });
    await browser.post(`/admin/subscribers/${id}/topics`, { topics: 'meetings' });
    expect((await browser.get(`/admin/subscribers/${id}`)).body).toContain('only they can turn it on again');
    expect((await findSubscriber(database.db, id))!.topics).toEqual([]);
  });
});

describe('importing a list', () => {
  const send = (content: string | Buffer, name = 'people.csv') =>
    browser.upload('/admin/subscribers/import', { topics: 'meetings' }, { field: 'file', name, content });

  it('reports what came of each line, on a page and as a file', async () => {
    const answer = await send('name,email\nAnn,ann@example.org\nBob,not an address\n=cmd,=cmd@\n');
    expect(answer.statusCode, answer.body).toBe(303);
    const page = await browser.get(answer.headers.location!);
    expect(page.body).toContain('The import is done');
    expect(page.body).toMatch(/<b>1<\/b><span>added/);
    expect(page.body).toMatch(/<b>2<\/b><span>left out/);
    expect(page.body).toContain('not an address');
    expect((await findSubscriber(database.db, 'ann@example.org'))!.topics).toEqual(['meetings']);
    const file = await browser.get(`${answer.headers.location!}/rejects.csv`);
    expect(file.body.split('\r\n')[2]).toMatch(/^4,'=cmd@,/);
  });

  it('changes nothing with a file that cannot be read, and says why', async () => {
    const answer = await send(Buffer.from([0xff, 0xfe, 0x41, 0x00]));
    const page = await browser.get(answer.headers.location!);
    expect(page.body).toContain('Nothing was imported');
    expect(page.body).toContain('The file ');
  });

  it('asks for a file', async () => {
    const answer = await browser.upload(
      '/admin/subscribers/import',
      { topics: 'meetings' },
      { field: 'file', name: '', content: '' },
    );
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('A file must be chosen');
  });

  it('is listed, and may be left while it runs', async () => {
    const answer = await send('email\nann@example.org\n', 'members 2027.csv');
    expect((await browser.get('/admin/subscribers/import')).body).toContain('members 2027.csv');
    expect((await browser.get(answer.headers.location!)).body).not.toContain('data-refresh');
  });
});

describe('a field of a CSV file', () => {
  it('is quoted where needed and is never a formula', () => {
    expect(csvField('plain')).toBe('plain');
    expect(csvField('a,"b"')).toBe('"a,""b"""');
    expect(csvField('=1+1')).toBe("'=1+1");
  });
});
