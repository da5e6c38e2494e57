import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { addSubscriber, findSubscriber } from '../../src/subscribers/subscribers.ts';
import { subscriberRecord } from '../../src/subscribers/subscriber-record.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { forgedLink } from '../support/forged-link.ts';
import { openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let id: string;
let leave: string;
let preferences: string;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database);
  await setUpGroup(site);
  const { clock, addressHash, links } = site.deps;
  const added = await addSubscriber(
    database.db,
    { email: 'ann.lee@example.org', name: 'Ann Lee', topics: ['meetings', 'training'] },
    { clock, addressHash, actor: 'test' },
  );
  site.clock.advance({ minutes: 1 });
  id = added.id;
  leave = new URL(links.unsubscribeUrl(id)).pathname;
  preferences = new URL(links.preferencesUrl(id)).pathname;
  return () => site.app.close();
});

const topics = async () => (await findSubscriber(database.db, id))!.topics;
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the unsubscribe link', () => {
  it.each(['GET', 'HEAD'] as const)(
    'changes nothing by %s, however often a scanner follows it',
    async (method) => {
      for (let visit = 0; visit < 3; visit += 1) {
        expect((await site.app.inject({ method, url: leave })).statusCode).toBe(200);
      }
      expect(await topics()).toEqual(['meetings', 'training']);
    },
  );

  it('shows a button and only as much of the address as its owner needs', async () => {
    const { body } = await site.app.inject(leave);
    expect(body).toContain('Yes, send me no more mail');
    expect(body).toContain('a…e@example.org');
    expect(body).not.toContain('ann.lee@');
  });

  const boundary = 'xyz';
  it.each([
    ['as a form', urlencoded, 'List-Unsubscribe=One-Click'],
    [
      'as multipart',
      { 'content-type': `multipart/form-data; boundary=${boundary}` },
      `--${boundary}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--${boundary}--\r\n`,
    ],
    ['without a body', {}, ''],
    ['with a body that nobody expects', { 'content-type': 'application/octet-stream' }, 'anything'],
  ])(
    'takes the one-click POST of mail programs %s: 2xx, no redirect, no cookie',
    async (_, headers, payload) => {
      const answer = await site.app.inject({ method: 'POST', url: leave, headers, payload });
      expect(answer.statusCode, answer.body).toBe(200);
      expect(answer.cookies).toEqual([]);
      expect(await topics()).toEqual([]);
      const again = await site.app.inject({ method: 'POST', url: leave, headers, payload });
      expect(again.statusCode).toBe(200);
      const { consent } = await subscriberRecord(database.db, id);
      expect(consent.filter(({ act }) => act === 'withdrawn').map(({ source }) => source)).toEqual([
        'one_click',
        'one_click',
      ]);
    },
  );

  it('acts on the button, keeps what the browser told as evidence, and offers to undo', async () => {
    const answer = await site.app.inject({
      method: 'POST',
      url: leave,
      headers: { ...urlencoded, 'user-agent': 'A browser' },
      payload: 'act=leave',
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('You have left the list');
    expect(answer.body).toContain('put me back');
    const { consent } = await subscriberRecord(database.db, id);
    expect(consent[0]).toMatchObject({
      act: 'withdrawn',
      source: 'unsubscribe_page',
      userAgent: 'A browser',
    });
    const undone = await site.app.inject({
      method: 'POST',
      url: `${leave}/undo`,
      headers: urlencoded,
      payload: '',
    });
    expect(undone.body).toContain('You are on the list again');
    expect(await topics()).toEqual(['meetings', 'training']);
  });

  it('cannot be made up, and says so kindly', async () => {
    const forged = forgedLink(leave);
    const answer = await site.app.inject({
      method: 'POST',
      url: forged,
      headers: urlencoded,
      payload: 'act=leave',
    });
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toContain('This link is not complete');
    const other = leave.replace('/u/', '/preferences/');
    expect((await site.app.inject(other)).statusCode).toBe(404);
    expect(await topics()).toEqual(['meetings', 'training']);
  });
});

describe('the preferences page', () => {
  const save = (payload: string) =>
    site.app.inject({ method: 'POST', url: preferences, headers: urlencoded, payload });

  it('turns topics on and off', async () => {
    const answer = await save('act=save&topics=meetings&topics=news&name=Ann');
    expect(answer.body).toContain('Your choice is saved');
    expect(await topics()).toEqual(['meetings', 'news']);
  });

  it('pauses, shows until when, and ends the pause', async () => {
    const answer = await save('act=save&topics=meetings&name=Ann&pause=1');
    expect(answer.body).toContain('until Friday 12 February 2027');
    await save('act=save&topics=meetings&name=Ann&pause=keep');
    expect((await findSubscriber(database.db, id))!.pausedUntil?.toString()).toBe('2027-02-12T00:00:00Z');
    await save('act=save&topics=meetings&name=Ann&pause=');
    expect((await findSubscriber(database.db, id))!.pausedUntil).toBeNull();
  });

  it('leaves altogether with one press', async () => {
    const answer = await save('act=leave');
    expect(answer.body).toContain('You have left the list');
    expect(await topics()).toEqual([]);
  });

  it('says what is wrong and keeps what was typed', async () => {
    const answer = await save(`act=save&topics=news&name=${'x'.repeat(301)}`);
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('Your name must have at most 300 characters');
    expect(answer.body).toMatch(/value="news" checked/);
    expect(await topics()).toEqual(['meetings', 'training']);
  });
});
