import { createHmac, randomBytes } from 'node:crypto';
import type { FakeAccount, Request, Routes } from './account.ts';
import { numberedPage } from './paging.ts';
import { invalid, isoTimestamp, noSuch } from './reply.ts';
import type { StoredSubscriber } from './subscriber-store.ts';

const EVENTS = [
  'subscriber.created',
  'subscriber.updated',
  'subscriber.unsubscribed',
  'subscriber.added_to_group',
  'subscriber.removed_from_group',
  'subscriber.bounced',
  'subscriber.automation_triggered',
  'subscriber.automation_completed',
  'subscriber.spam_reported',
  'subscriber.active',
  'subscriber.deleted',
  'campaign.sent',
  'campaign.open',
  'campaign.click',
] as const;
export type EventName = (typeof EVENTS)[number];

/** Events that MailerLite sends in batches only. */
const BATCHED_ONLY: ReadonlySet<string> = new Set(['subscriber.deleted', 'campaign.open', 'campaign.click']);

/** Seconds until the next try after the first, second and third failure; then the delivery is given up. */
const RETRY_AFTER = [10, 100, 1000] as const;

/** The time within which a receiver has to answer. */
const ANSWER_WITHIN_MS = 3000;

export interface StoredWebhook {
  readonly id: string;
  name: string;
  url: string;
  events: string[];
  enabled: boolean;
  is_blocked: boolean;
  readonly secret: string;
  readonly created_at: string;
  updated_at: string;
  batchable: boolean;
  last_fired_at: string | null;
  response_code: number | null;
}

/** One signed request to a receiver, as it goes over the wire. */
export interface SignedRequest {
  readonly webhookId: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Waiting {
  readonly webhook: StoredWebhook;
  readonly payload: Readonly<Record<string, unknown>>;
}

interface Retry {
  readonly webhook: StoredWebhook;
  readonly request: SignedRequest;
  readonly failures: number;
  readonly dueAt: Temporal.Instant;
}

export interface DeliveryResult {
  readonly webhookId: string;
  /** The receiver's status, or 0 when it could not be reached or was too slow. */
  readonly status: number;
  readonly outcome: 'delivered' | 'will_retry' | 'given_up';
}

interface Happening {
  readonly account: FakeAccount;
  readonly subscriber?: StoredSubscriber;
  /** The second party: the group, the campaign. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** The webhooks of an account and the messages that they still owe. Nothing leaves until somebody says so. */
export class Deliveries {
  readonly webhooks = new Map<string, StoredWebhook>();
  #waiting: Waiting[] = [];
  #retries: Retry[] = [];

  /** Notes an event for every webhook that asked for it. */
  emit(event: EventName, happening: Happening): void {
    for (const webhook of this.webhooks.values()) {
      if (!webhook.enabled || webhook.is_blocked || !webhook.events.includes(event)) continue;
      if (BATCHED_ONLY.has(event) && !webhook.batchable) continue;
      this.#waiting.push({ webhook, payload: payloadOf(event, happening) });
    }
  }

  /** The messages that wait, signed, and from now on owed by the caller: for tests of order, loss and doubles. */
  take(): SignedRequest[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    const batches = new Map<StoredWebhook, Waiting['payload'][]>();
    for (const { webhook, payload } of waiting) {
      if (webhook.batchable) batches.set(webhook, [...(batches.get(webhook) ?? []), payload]);
    }
    return [
      ...waiting
        .filter(({ webhook }) => !webhook.batchable)
        .map(({ webhook, payload }) => sign(webhook, payload)),
      ...[...batches].map(([webhook, events]) => sign(webhook, { events, total: events.length })),
    ];
  }

  /** Sends what waits and the retries that are due, and plans a retry for each that is not answered with 2xx. */
  async deliver(now: Temporal.Instant, stamp: string): Promise<DeliveryResult[]> {
    const due = this.#retries.filter((retry) => Temporal.Instant.compare(retry.dueAt, now) <= 0);
    this.#retries = this.#retries.filter((retry) => !due.includes(retry));
    const first = this.take().map((request) => ({ request, failures: 0 }));
    const results: DeliveryResult[] = [];
    for (const { request, failures } of [...due, ...first]) {
      const webhook = this.webhooks.get(request.webhookId);
      if (webhook === undefined) continue;
      const status = await post(request);
      webhook.last_fired_at = stamp;
      webhook.response_code = status === 0 ? null : status;
      const wait = RETRY_AFTER[failures];
      if (status >= 200 && status < 300) {
        results.push({ webhookId: webhook.id, status, outcome: 'delivered' });
      } else if (wait === undefined) {
        results.push({ webhookId: webhook.id, status, outcome: 'given_up' });
      } else {
        this.#retries.push({ webhook, request, failures: failures + 1, dueAt: now.add({ seconds: wait }) });
        results.push({ webhookId: webhook.id, status, outcome: 'will_retry' });
      }
    }
    return results;
  }

  /** How many messages wait for their first try. */
  get waiting(): number {
    return this.#waiting.length;
  }
}

/** Signs any payload as the webhook would: for messages that no act on the fake produces. */
export function sign(webhook: StoredWebhook, payload: unknown): SignedRequest {
  const body = JSON.stringify(payload);
  return {
    webhookId: webhook.id,
    url: webhook.url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'MailerLite',
      signature: createHmac('sha256', webhook.secret).update(body).digest('hex'),
    },
    body,
  };
}

async function post(request: SignedRequest): Promise<number> {
  try {
    const response = await fetch(request.url, {
      method: 'POST',
      headers: request.headers,
      body: request.body,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      redirect: 'manual',
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

function payloadOf(event: EventName, { account, subscriber, about }: Happening): Record<string, unknown> {
  const common = { account_id: account.accountId, api_version: '2025-05' };
  if (subscriber === undefined) return { ...about, event, ...common };
  const person = {
    ...account.presentSubscriber(subscriber, false),
    subscribed_at: isoTimestamp(subscriber.subscribed_at),
    unsubscribed_at: isoTimestamp(subscriber.unsubscribed_at),
    created_at: isoTimestamp(subscriber.created_at),
    updated_at: isoTimestamp(subscriber.updated_at),
    opted_in_at: isoTimestamp(subscriber.opted_in_at),
    deleted_at: isoTimestamp(subscriber.deleted_at),
    forget_at: isoTimestamp(subscriber.forget_at),
    location: { country: null },
  };
  return about === undefined
    ? { ...person, event, ...common }
    : { type: event, subscriber: person, ...about, ...common };
}

export const webhookRoutes: Routes = {
  'GET /webhooks': (request) =>
    numberedPage(request, [...request.account.deliveries.webhooks.values()].reverse(), 50, presentWebhook),
  'GET /webhooks/{id}': ({ account, params }) => shown(200, findWebhook(account, params['id']!)),
  'POST /webhooks': ({ account, body }) => {
    const now = account.now();
    const webhook: StoredWebhook = {
      id: account.newId(),
      name: typeof body['name'] === 'string' ? body['name'] : '',
      url: readUrl(body['url']),
      events: readEvents(body['events']),
      enabled: body['enabled'] !== false,
      is_blocked: false,
      secret: randomBytes(8).toString('base64url').slice(0, 10),
      created_at: now,
      updated_at: now,
      batchable: body['batchable'] === true,
      last_fired_at: null,
      response_code: null,
    };
    account.deliveries.webhooks.set(webhook.id, webhook);
    return shown(201, webhook);
  },
  'PUT /webhooks/{id}': ({ account, params, body }) => {
    const webhook = findWebhook(account, params['id']!);
    if (typeof body['name'] === 'string') webhook.name = body['name'];
    if (body['url'] !== undefined) webhook.url = readUrl(body['url']);
    if (body['events'] !== undefined) webhook.events = readEvents(body['events']);
    if (typeof body['enabled'] === 'boolean') webhook.enabled = body['enabled'];
    if (typeof body['batchable'] === 'boolean') webhook.batchable = body['batchable'];
    webhook.updated_at = account.now();
    return shown(200, webhook);
  },
  'DELETE /webhooks/{id}': ({ account, params }) => {
    account.deliveries.webhooks.delete(findWebhook(account, params['id']!).id);
    return { status: 204 };
  },
};

function shown(status: number, webhook: StoredWebhook) {
  return { status, body: { data: presentWebhook(webhook) } };
}

function presentWebhook(webhook: StoredWebhook): Record<string, unknown> {
  const { id, name, url, events, enabled, is_blocked, secret, created_at, updated_at, batchable } = webhook;
  return {
    id,
    name,
    url,
    events,
    enabled,
    is_blocked,
    secret,
    created_at,
    updated_at,
    batchable,
    version: '2022-01',
    last_fired_at: webhook.last_fired_at,
    response_code: webhook.response_code,
  };
}

function findWebhook(account: Request['account'], id: string): StoredWebhook {
  const webhook = account.deliveries.webhooks.get(id);
  if (webhook === undefined) throw noSuch('Webhook', id);
  return webhook;
}

function readUrl(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value))
    throw invalid({ url: ['The url must be a valid URL.'] });
  return value;
}

function readEvents(value: unknown): string[] {
  if (!Array.isArray(value)) throw invalid({ events: ['The events field is required.'] });
  const list: readonly unknown[] = value;
  const wrong = list.findIndex((event) => !(EVENTS as readonly unknown[]).includes(event));
  if (wrong >= 0) throw invalid({ [`events.${wrong}`]: [`The selected events.${wrong} is invalid.`] });
  return list as string[];
}
