import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../support/clock.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import { differences, mergeShapes, shapeOf, type Shape } from './shape.ts';

/** One exchange with the real service, reduced to what callers may rely on. */
interface ContractEntry {
  readonly name: string;
  readonly request: { method: string; path: string; query?: Record<string, string>; body?: Shape };
  readonly response: { status: number; headers: Record<string, string>; body?: Shape };
}

const folder = path.join(import.meta.dirname, 'mailerlite');
const contract = readdirSync(folder).flatMap(
  (file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as ContractEntry[],
);

/** Headers on whose presence and value callers rely. */
const HEADERS = ['content-type', 'cache-control', 'x-locale', 'x-ratelimit-limit', 'x-ratelimit-remaining'];

/** Brings the fake into the state of the recording; gives the id in the path and the body to send. */
type Scenario = (fake: FakeMailerLite) => Promise<{ id?: string; body?: unknown } | undefined>;

const fields = { name: 'Ada', last_name: 'Ash', company: 'Clinic', country: 'UK', city: 'York' };
const draft = {
  name: 'Notice',
  language_id: 4,
  type: 'regular',
  emails: [
    {
      subject: 'Notice',
      from_name: 'Group',
      from: 'test@example.org',
      content: '<html><body>Hello</body></html>',
    },
  ],
};

async function call(fake: FakeMailerLite, method: string, url: string, body?: unknown): Promise<Response> {
  return fetch(new URL(url, fake.baseUrl), {
    method,
    headers: { authorization: `Bearer ${fake.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function idOf(response: Promise<Response>): Promise<string> {
  return ((await (await response).json()) as { data: { id: string } }).data.id;
}

const made = {
  subscriber: (fake: FakeMailerLite) =>
    idOf(
      call(fake, 'POST', '/api/subscribers', {
        email: 'ada@example.org',
        subscribed_at: '2022-11-23 09:59:56',
      }),
    ),
  group: (fake: FakeMailerLite) => idOf(call(fake, 'POST', '/api/groups', { name: 'Meetings' })),
  field: (fake: FakeMailerLite) =>
    idOf(call(fake, 'POST', '/api/fields', { name: 'Workplace', type: 'text' })),
  campaign: (fake: FakeMailerLite) => idOf(call(fake, 'POST', '/api/campaigns', draft)),
  webhook: (fake: FakeMailerLite) =>
    idOf(
      call(fake, 'POST', '/api/webhooks', {
        name: 'One',
        events: ['subscriber.updated'],
        url: 'http://127.0.0.1:9/hook',
      }),
    ),
  readyCampaign: async (fake: FakeMailerLite) => {
    const id = await made.campaign(fake);
    await call(fake, 'POST', `/api/campaigns/${id}/schedule`, { delivery: 'scheduled', schedule: inAYear });
    return id;
  },
  sentCampaign: async (fake: FakeMailerLite) => {
    fake.createSubscribers({ count: 3 });
    const id = await made.readyCampaign(fake);
    fake.advance({ seconds: 400 * 86_400 });
    return id;
  },
  form: async (fake: FakeMailerLite) => {
    const group = await made.group(fake);
    fake.createSubscriber({
      email: 'form@example.org',
      source: 'webform',
      groups: [group],
      ip_address: '192.0.2.1',
      opted_in_at: '2026-01-01 10:00:00',
      optin_ip: '192.0.2.1',
    });
    fake.createForm({ type: 'popup', name: 'nodejs two', group, lastRegistration: null });
    return fake.createForm({ type: 'popup', name: 'nodejs', group, lastRegistration: '2026-01-01 10:00:00' })
      .id;
  },
  automation: async (fake: FakeMailerLite) =>
    fake.createAutomation({ name: 'nodejs welcome', group: await made.group(fake) }).id,
};

const inAYear = { date: '2027-02-01', hours: '12', minutes: '12', timezone_id: 50 };

/** The scenario is only the existence of the thing in the path. */
const of =
  (kind: keyof typeof made, body?: unknown): Scenario =>
  async (fake) => ({ id: await made[kind](fake), body });

/** A form list: without the one that nobody has used, unless it is asked for. */
const usedForm: Scenario = async (fake) => {
  const group = await made.group(fake);
  fake.createForm({ type: 'popup', name: 'nodejs', group, lastRegistration: '2026-01-01 10:00:00' });
  return undefined;
};

const scenarios: Readonly<Record<string, Scenario>> = {
  'subscribers GET-2': async (fake) => void fake.createSubscribers({ count: 7 }),
  'subscribers GET-29': of('subscriber'),
  'subscribers GET-33': async (fake) => void fake.createSubscribers({ count: 13 }),
  'subscribers POST-16': async () => ({
    body: { email: 'Ada@Example.org', fields, status: 'active', subscribed_at: '2022-11-23 09:59:56' },
  }),
  'subscribers PUT-24': of('subscriber', {
    fields: { ...fields, email: 'other@example.org' },
    status: 'active',
    subscribed_at: '2022-11-23 09:59:56',
  }),
  'subscribers DELETE-37': of('subscriber'),

  'groups GET-4': async (fake) => {
    for (const name of ['b', 'a', 'c', 'd', 'e', 'f', 'g']) fake.createGroup({ name });
    return undefined;
  },
  'groups GET-21': of('group'),
  'groups POST-10': async () => ({ body: { name: 'Meetings' } }),
  'groups PUT-15': of('group', { name: 'Training' }),
  'groups DELETE-23': of('group'),

  'fields GET-3': async () => undefined,
  'fields POST-7': async () => ({ body: { name: 'Workplace', type: 'text' } }),
  'fields PUT-12': of('field', { name: 'Place of work' }),
  'fields DELETE-19': of('field'),

  'segments GET-26': async (fake) => void fake.createSegment({ name: 'Some', group: await made.group(fake) }),
  'segments GET-31': async (fake) => {
    const group = await made.group(fake);
    fake.createSubscribers({ count: 5, groups: [group] });
    const { id } = fake.createSegment({ name: 'Some', group });
    return { id };
  },

  'campaigns GET-8': async (fake) => void (await made.sentCampaign(fake)),
  'campaigns GET-9': async (fake) => void (await made.sentCampaign(fake)),
  'campaigns GET-17': of('sentCampaign'),
  'campaigns GET-36': async () => undefined,
  'campaigns GET-39': of('campaign'),
  'campaigns POST-22': async (fake) => {
    const id = await made.sentCampaign(fake);
    return { id, body: { filter: {}, limit: 10, sort: '-updated_at', page: 1 } };
  },
  'campaigns POST-38': async () => ({ body: draft }),
  'campaigns PUT-40': of('campaign', draft),
  'campaigns POST-41': of('campaign', { delivery: 'scheduled', schedule: inAYear }),
  'campaigns POST-42': of('readyCampaign'),
  'campaigns DELETE-43': of('campaign'),

  'webhooks GET-1': of('webhook'),
  'webhooks GET-11': of('webhook'),
  'webhooks POST-5': async () => ({
    body: { name: 'One', events: ['subscriber.updated'], url: 'http://127.0.0.1:9/hook' },
  }),
  'webhooks PUT-14': of('webhook', { name: 'Renamed', enabled: false }),
  'webhooks DELETE-20': of('webhook'),

  'batch POST-28': async (fake) => {
    await usedForm(fake);
    for (const name of ['one', 'two']) await call(fake, 'POST', '/api/fields', { name, type: 'text' });
    return {
      body: {
        requests: [
          { method: 'POST', path: 'api/fields', body: { name: 'one', type: 'text' } },
          { method: 'POST', path: 'api/fields', body: { name: 'two', type: 'text' } },
          { method: 'GET', path: '/api/forms/popup', body: { filter: { name: 'nodejs' } } },
        ],
      },
    };
  },
  'timezones GET-35': async () => undefined,

  'forms GET-25': usedForm,
  'forms GET-27': usedForm,
  'forms GET-30': of('form'),
  'forms GET-34': of('form'),
  'forms PUT-32': of('form', { name: 'Renamed' }),

  'automations GET-6': of('automation'),
  'automations GET-13': of('automation'),
  'automations GET-18': of('automation'),
};

describe('the fake MailerLite answers as the real one did', () => {
  let fake: FakeMailerLite;

  beforeEach(async () => {
    fake = await startFakeMailerLite({ clock: new ManualClock('2026-02-01T09:00:00Z') });
  });

  afterEach(() => fake.close());

  it('has a scenario for every entry of the contract, and no other', () => {
    expect(Object.keys(scenarios).toSorted()).toEqual(contract.map(({ name }) => name).toSorted());
  });

  it.each(contract)('$name: $request.method $request.path', async ({ name, request, response }) => {
    const { id, body } = (await scenarios[name]!(fake)) ?? {};
    expect(request.body === undefined ? [] : differences(body, request.body)).toEqual([]);
    const url = new URL(request.path.replace('{id}', id ?? 'no-id'), fake.baseUrl);
    for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, value);

    const answer = await call(fake, request.method, url.href, body);

    expect(answer.status).toBe(response.status);
    const headers = Object.fromEntries([...answer.headers].filter(([key]) => HEADERS.includes(key)));
    expect(Object.keys(headers).toSorted()).toEqual(Object.keys(response.headers).toSorted());
    for (const [key, value] of Object.entries(response.headers)) {
      if (value === '{number}') expect(headers[key]).toMatch(/^\d+$/);
      else expect(headers[key]).toBe(value);
    }
    const text = await answer.text();
    if (response.body === undefined) expect(text).toBe('');
    else expect(differences(JSON.parse(text), response.body)).toEqual([]);
  });
});

describe('shapes', () => {
  const shape = mergeShapes(
    shapeOf({ id: '129543796651197476', at: null }),
    shapeOf({ id: '129543796651197477', at: '2026-01-01 10:00:00', more: 1 }),
  );

  it('names each kind, and what only some items have', () => {
    expect(shape).toEqual({ id: 'id', at: 'null|timestamp', 'more?': 'number' });
  });

  it('finds a number where a text of digits is due, a missing key and an unknown one', () => {
    expect(differences({ id: 129, at: null }, shape)).toEqual(['$.id: number instead of id']);
    expect(differences({ id: '129543796651197476', other: 1 }, shape)).toEqual([
      '$.at: missing',
      '$.other: not in the contract',
    ]);
  });
});
