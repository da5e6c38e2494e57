import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '../support/clock.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import { steadyTime } from '../support/steady-time.ts';

/** What the contract does not cover: behaviour that is documented or was seen elsewhere. */
describe('the fake MailerLite', () => {
  let fake: FakeMailerLite;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock('2026-02-01T09:00:00Z');
    fake = await startFakeMailerLite({ clock });
  });

  afterEach(() => fake.close());

  async function call(method: string, path: string, body?: unknown, key = fake.apiKey) {
    const response = await fetch(fake.baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
    return { status: response.status, headers: response.headers, text, json };
  }

  const groupNamed = (name: string) => fake.createGroup({ name })['id'] as string;

  it('refuses a wrong key without a word on limits', async () => {
    const answer = await call('GET', '/api/subscribers', undefined, 'wrong');
    expect(answer.status).toBe(401);
    expect(answer.json).toEqual({ message: 'Unauthenticated.' });
    expect(answer.headers.has('x-ratelimit-limit')).toBe(false);
    expect(answer.headers.has('x-locale')).toBe(false);
  });

  it('lets 120 requests a minute pass, then asks to wait', async () => {
    for (let count = 119; count >= 0; count--) {
      const answer = await call('GET', '/api/subscribers?limit=0');
      expect(answer.headers.get('x-ratelimit-remaining')).toBe(String(count));
    }
    clock.advance({ seconds: 20 });
    const refused = await call('GET', '/api/subscribers?limit=0');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('40');
    expect(refused.json).toEqual({ message: 'Too Many Attempts.' });
    clock.advance({ seconds: 40 });
    expect((await call('GET', '/api/subscribers?limit=0')).status).toBe(200);
  });

  it('takes a batch that only adds people for an import, of which five a minute pass', async () => {
    const adding = {
      requests: [{ method: 'POST', path: 'api/subscribers', body: { email: 'a@example.org' } }],
    };
    for (let count = 0; count < 5; count++)
      expect((await call('POST', '/api/batch', adding)).status).toBe(200);
    expect((await call('POST', '/api/batch', adding)).status).toBe(429);
    const mixed = {
      requests: [...adding.requests, { method: 'GET', path: '/api/subscribers', body: { limit: 0 } }],
    };
    expect((await call('POST', '/api/batch', mixed)).json).toMatchObject({ total: 2, successful: 2 });
    clock.advance({ seconds: 60 });
    expect((await call('POST', '/api/batch', adding)).status).toBe(200);
  });

  it('refuses a batch of more than fifty, with webhooks or with an odd method', async () => {
    const item = { method: 'GET', path: 'api/fields' };
    expect((await call('POST', '/api/batch', { requests: Array(51).fill(item) })).status).toBe(422);
    const odd = await call('POST', '/api/batch', {
      requests: [
        { method: 'TRACE', path: 'api/fields' },
        { method: 'GET', path: 'api/webhooks' },
      ],
    });
    expect(Object.keys(odd.json!['errors'] as object)).toEqual(['requests.0.method', 'requests.1.path']);
  });

  it('adds groups by POST and replaces them by PUT', async () => {
    const [one, two] = [groupNamed('one'), groupNamed('two')];
    const made = await call('POST', '/api/subscribers', { email: 'Ada@Example.org', groups: [one] });
    expect(made.status).toBe(201);
    expect((await call('POST', '/api/subscribers', { email: 'ada@example.org', groups: [two] })).status).toBe(
      200,
    );
    const ids = () =>
      (fake.subscriber({ email: 'ada@example.org' })['groups'] as { id: string }[]).map(({ id }) => id);
    expect(ids()).toEqual([one, two]);
    await call('PUT', '/api/subscribers/ada@example.org', { groups: [two] });
    expect(ids()).toEqual([two]);
    const wrong = await call('POST', '/api/subscribers', { email: 'ada@example.org', groups: [{ id: one }] });
    expect(wrong.json).toMatchObject({ message: 'The groups.0 field must be a number. (and 1 more error)' });
  });

  it('takes nobody back who has left, and names them', async () => {
    const { id } = fake.createSubscriber({ email: 'left@example.org', status: 'unsubscribed' });
    const refused = await call('POST', '/api/subscribers', { email: 'left@example.org' });
    expect(refused.status).toBe(422);
    expect(refused.json).toEqual({
      message: 'The given data was invalid.',
      errors: { email: ['This subscriber is unsubscribed and cannot be imported'] },
      subscriber: id,
    });
    expect((await call('PUT', `/api/subscribers/${id as string}`, { status: 'active' })).status).toBe(422);
    fake.setBehaviour({ reactivation: 'ignore' });
    const ignored = await call('PUT', `/api/subscribers/${id as string}`, { status: 'active' });
    expect(ignored).toMatchObject({ status: 200, json: { data: { status: 'unsubscribed' } } });
    fake.setBehaviour({ reactivation: 'allow' });
    const back = await call('POST', '/api/subscribers', { email: 'left@example.org', resubscribe: true });
    expect(back).toMatchObject({ status: 200, json: { data: { status: 'active' } } });
  });

  it('restores a removed subscriber under the old id and with the old dates', async () => {
    const made = await call('POST', '/api/subscribers', { email: 'ada@example.org' });
    const { id, created_at, subscribed_at } = made.json!['data'] as Record<string, string>;
    await call('DELETE', `/api/subscribers/${id}`);
    expect((await call('GET', `/api/subscribers/${id}`)).status).toBe(404);
    clock.advance({ hours: 1 });
    const again = await call('POST', '/api/subscribers', { email: 'ada@example.org' });
    expect(again).toMatchObject({ status: 200, json: { data: { id, created_at, subscribed_at } } });
  });

  it('says what is missing in the old words, indented, or in the new', async () => {
    const old = await call('GET', '/api/subscribers/1');
    expect(old.text).toBe(
      '{\n    "message": "No query results for model [App\\\\Models\\\\Subscriber\\\\Subscriber]."\n}',
    );
    expect(old.headers.has('x-locale')).toBe(false);
    expect((await call('GET', '/api/groups/121212')).json!['message']).toContain('Group] 121212');
    expect((await call('GET', '/api/nothing')).json!['message']).toBe(
      'The route api/nothing could not be found.',
    );
    fake.setBehaviour({ notFoundWording: 'new' });
    expect((await call('GET', '/api/groups/121212')).json).toEqual({ message: 'Resource does not exist.' });
  });

  it('drops filter and limit from the link to the next page, and ignores a page number', async () => {
    fake.createSubscribers({ count: 12 });
    fake.createSubscriber({ email: 'left@example.org', status: 'unsubscribed' });
    const first = await call('GET', '/api/subscribers?filter[status]=active&limit=5&page=3');
    const { next } = first.json!['links'] as { next: string };
    expect(new URL(next).searchParams.size).toBe(1);
    const followed = await call('GET', new URL(next).pathname + new URL(next).search);
    expect((followed.json!['meta'] as { per_page: number }).per_page).toBe(25);
    const emails = (first.json!['data'] as { email: string }[]).map(({ email }) => email);
    expect(emails[0]).toBe('person12@example.org');
    const back = new URL((followed.json!['links'] as { prev: string }).prev);
    const previous = await call('GET', `${back.pathname}${back.search}&filter[status]=active`);
    expect((previous.json!['data'] as { email: string }[]).map(({ email }) => email)).toEqual(emails);
  });

  it('cuts a page that is too large, or refuses it', async () => {
    fake.createSubscribers({ count: 12 });
    fake.setBehaviour({ subscriberPageMaximum: 10 });
    expect((await call('GET', '/api/subscribers?limit=1000')).json).toMatchObject({ meta: { per_page: 10 } });
    fake.setBehaviour({ subscriberPageExcess: 'refuse' });
    const refused = await call('GET', '/api/subscribers?limit=1000');
    expect(refused).toMatchObject({ status: 422, json: { errors: { limit: [expect.any(String)] } } });
  });

  it('shows the members of a group, the active ones unless asked', async () => {
    const group = groupNamed('one');
    fake.createSubscribers({ count: 2, groups: [group] });
    fake.createSubscriber({ email: 'left@example.org', status: 'unsubscribed', groups: [group] });
    const members = (query = '') => call('GET', `/api/groups/${group}/subscribers${query}`);
    expect((await members()).json!['data']).toHaveLength(2);
    expect((await members('?filter[status]=unsubscribed')).json!['data']).toHaveLength(1);
    expect((await call('GET', `/api/groups/${group}`)).json).toMatchObject({
      data: { active_count: 2, unsubscribed_count: 1 },
    });
  });

  it('turns a campaign without an audience, or with an empty one, into one for everybody', async () => {
    const group = groupNamed('one');
    fake.createSubscribers({ count: 9 });
    fake.createSubscriber({ email: 'one@example.org', groups: [group] });
    const body = {
      name: 'x',
      type: 'regular',
      emails: [{ subject: 'x', from_name: 'x', from: 'other@example.org', content: '<p>x</p>' }],
    };
    const made = await call('POST', '/api/campaigns', { ...body, groups: [group] });
    const { id, emails } = made.json!['data'] as { id: string; emails: Record<string, unknown>[] };
    expect(made.json).toMatchObject({ data: { recipients_count: 1 } });
    expect(emails[0]).not.toHaveProperty('content');
    expect(emails[0]!['from']).toBe('test@example.org');
    const changed = await call('PUT', `/api/campaigns/${id}`, { ...body, groups: [], segments: [] });
    expect(changed.json).toMatchObject({
      data: { recipients_count: 10, filter: [], basic_filter_for_humans: { all_active_subscribers: true } },
    });
    const badly = await call('POST', `/api/campaigns/${id}/schedule`, {
      delivery: 'scheduled',
      schedule: { date: '2026-06-02', hours: '7', minutes: 5 },
    });
    expect(badly.json).toMatchObject({
      message: 'The schedule.hours field must match the format H. (and 1 more error)',
    });
    // 19:30 in the account's zone, London in summer.
    const ready = await call('POST', `/api/campaigns/${id}/schedule`, {
      delivery: 'scheduled',
      schedule: { date: '2026-06-02', hours: '19', minutes: '30' },
    });
    expect(ready.json).toMatchObject({ data: { status: 'ready', scheduled_for: '2026-06-02 18:30:00' } });
  });

  it('works an import off when it is next asked about, and brings nobody back', async () => {
    const group = groupNamed('one');
    fake.createSubscriber({ email: 'left@example.org', status: 'unsubscribed' });
    const begun = await call('POST', `/api/groups/${group}/import-subscribers`, {
      subscribers: [{ email: 'new@example.org' }, { email: 'left@example.org' }, { email: 'odd' }],
    });
    const url = new URL(begun.json!['import_progress_url'] as string);
    expect(fake.counts().active).toBe(0);
    const done = await call('GET', url.pathname);
    expect(done.json).toMatchObject({
      data: { done: true, imported: 1, unsubscribed_count: 1, invalid_count: 1 },
    });
    expect(fake.subscriber({ email: 'left@example.org' })['status']).toBe('unsubscribed');
  });

  it('holds 100,000 subscribers and turns their pages quickly', async () => {
    fake.createSubscribers({ count: 100_000 });
    const took = steadyTime();
    let cursor: string | null = null;
    let seen = 0;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await call('GET', `/api/subscribers?filter[status]=active&limit=1000${query}`);
      seen += (page.json!['data'] as unknown[]).length;
      cursor = (page.json!['meta'] as { next_cursor: string | null }).next_cursor;
    } while (cursor !== null);
    expect(seen).toBe(100_000);
    expect(took()).toBeLessThan(20_000);
  });

  it('fails as it is told, for other processes too', async () => {
    const control = (name: string, argument: unknown) =>
      fetch(`${fake.baseUrl}/_control/${name}`, { method: 'POST', body: JSON.stringify(argument) });
    await control('addFault', { kind: 'unavailable', matching: 'GET /api/groups', after: 1, times: 2 });
    const statuses = [];
    for (const path of ['/api/fields', '/api/groups', '/api/groups', '/api/groups', '/api/groups']) {
      statuses.push((await call('GET', path)).status);
    }
    expect(statuses).toEqual([200, 200, 503, 503, 200]);
    fake.addFault({ kind: 'dropped' });
    await expect(call('GET', '/api/groups')).rejects.toThrow('fetch failed');
    fake.addFault({ kind: 'dropped_after' });
    await expect(call('POST', '/api/groups', { name: 'made' })).rejects.toThrow('fetch failed');
    expect((await call('GET', '/api/groups')).json!['data']).toMatchObject([{ name: 'made' }]);
    expect((await control('nonsense', {})).status).toBe(400);
    expect(await (await control('requests', undefined)).json()).toHaveLength(8);
  });

  describe('sends webhook messages', () => {
    let receiver: Server;
    let url: string;
    const received: { body: string; signature: string }[] = [];
    let status = 200;

    beforeEach(async () => {
      received.length = 0;
      status = 200;
      receiver = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
        request.on('end', () => {
          received.push({ body, signature: String(request.headers['signature']) });
          response.writeHead(status).end();
        });
      });
      await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    });

    afterEach(() => new Promise((resolve) => receiver.close(resolve)));

    const register = (batchable: boolean) =>
      call('POST', '/api/webhooks', {
        url,
        batchable,
        events: [
          'subscriber.created',
          'subscriber.unsubscribed',
          'subscriber.added_to_group',
          'subscriber.deleted',
        ],
      });

    it('in both forms, one by one or in batches, removals in batches only', async () => {
      const group = groupNamed('one');
      await register(false);
      await call('POST', '/api/subscribers', { email: 'ada@example.org', groups: [group] });
      await call('DELETE', '/api/subscribers/ada@example.org');
      await fake.deliver();
      const [created, joined, ...none] = received.map(
        ({ body }) => JSON.parse(body) as Record<string, unknown>,
      );
      expect(none).toEqual([]);
      expect(created).toMatchObject({
        event: 'subscriber.created',
        email: 'ada@example.org',
        created_at: '2026-02-01T09:00:00.000000Z',
        api_version: '2025-05',
      });
      expect(joined).toMatchObject({
        type: 'subscriber.added_to_group',
        subscriber: { email: 'ada@example.org' },
        group: { id: group, name: 'one' },
      });
    });

    it('with three more tries after 10, 100 and 1000 seconds', async () => {
      await register(true);
      fake.createSubscriber({ email: 'ada@example.org' });
      fake.act({ email: 'ada@example.org', act: 'unsubscribe' });
      status = 500;
      const outcomes = [];
      for (const seconds of [0, 9, 1, 99, 1, 999, 1]) {
        clock.advance({ seconds });
        outcomes.push((await fake.deliver()).map(({ outcome }) => outcome)[0]);
      }
      expect(outcomes).toEqual([
        'will_retry',
        undefined,
        'will_retry',
        undefined,
        'will_retry',
        undefined,
        'given_up',
      ]);
      expect(new Set(received.map(({ signature }) => signature)).size).toBe(1);
      const list = await call('GET', '/api/webhooks');
      expect(list.json).toMatchObject({
        data: [{ response_code: 500, last_fired_at: '2026-02-01 09:18:30' }],
      });
    });
  });
});
