import type { Clock } from '../../../src/kernel/clock.ts';
import type { StoredAutomation } from './automations.ts';
import type { StoredCampaign } from './campaigns.ts';
import type { StoredForm } from './forms.ts';
import type { StoredImport } from './imports.ts';
import { rate, timestamp, type Reply } from './reply.ts';
import { SubscriberStore, type StoredSubscriber } from './subscriber-store.ts';
import type { Deliveries } from './deliveries.ts';

/** A request as an endpoint sees it, alone or as an item of a batch. */
export interface Request {
  readonly account: FakeAccount;
  readonly method: string;
  /** The path below `/api`, without the query. */
  readonly path: string;
  readonly absolutePath: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StoredGroup {
  readonly id: string;
  name: string;
  readonly created_at: string;
}

export interface StoredField {
  readonly id: string;
  name: string;
  readonly key: string;
  readonly type: string;
  readonly isDefault: boolean;
}

export interface StoredSegment {
  readonly id: string;
  name: string;
  /** The segment is everybody who is in this group. */
  readonly group: string;
  readonly created_at: string;
}

/** What a real account differs in, or what is not known about the real service. */
export interface AccountBehaviour {
  /** Whether e-mail content is accepted from the API, which needs a paid plan. */
  contentAllowed: boolean;
  /** The wording of a 404: as recorded in 2024, or as seen since 2026. */
  notFoundWording: 'old' | 'new';
  /** The largest page of `GET /subscribers`, and what happens to a request for a larger one. */
  subscriberPageMaximum: number;
  subscriberPageExcess: 'cut' | 'refuse';
  /** New subscribers without a status start unconfirmed. */
  doubleOptIn: boolean;
  /** What a `PUT` with `status: active` or a `resubscribe` does to somebody who has left. */
  reactivation: 'refuse' | 'ignore' | 'allow';
  /** Requests per minute, and imports per minute. */
  requestsPerMinute: number;
  importsPerMinute: number;
  /** The zone of the account, for a schedule that names none. */
  zone: string;
}

const DEFAULT_FIELDS = ['Name', 'Last name', 'Company', 'Country', 'City', 'Phone', 'State', 'Zip'] as const;

/** The state of one MailerLite account. */
export class FakeAccount {
  readonly accountId = '252151';
  readonly clock: Clock;
  readonly behaviour: AccountBehaviour;
  readonly subscribers = new SubscriberStore();
  readonly groups = new Map<string, StoredGroup>();
  readonly fields = new Map<string, StoredField>();
  readonly segments = new Map<string, StoredSegment>();
  readonly campaigns = new Map<string, StoredCampaign>();
  readonly forms = new Map<string, StoredForm>();
  readonly automations = new Map<string, StoredAutomation>();
  readonly imports = new Map<string, StoredImport>();
  readonly deliveries: Deliveries;
  /** Addresses that may stand as sender; the first is used in place of any other. */
  readonly senders = ['test@example.org'];
  #lastId = 129_543_796_000_000_000n;
  #lastFieldId = 545_000;

  constructor(clock: Clock, deliveries: Deliveries) {
    this.clock = clock;
    this.deliveries = deliveries;
    this.behaviour = {
      contentAllowed: true,
      notFoundWording: 'old',
      subscriberPageMaximum: 1000,
      subscriberPageExcess: 'cut',
      doubleOptIn: false,
      reactivation: 'refuse',
      requestsPerMinute: 120,
      importsPerMinute: 5,
      zone: 'Europe/London',
    };
    DEFAULT_FIELDS.forEach((name, index) => {
      const key = name === 'Zip' ? 'z_i_p' : slug(name);
      this.fields.set(String(index + 1), { id: String(index + 1), name, key, type: 'text', isDefault: true });
    });
  }

  /** A new id: a text of 18 digits, rising, too large for a number. */
  newId(): string {
    this.#lastId += 1_000_003n;
    return String(this.#lastId);
  }

  now(): string {
    return timestamp(this.clock.now());
  }

  createGroup(name: string): StoredGroup {
    const group = { id: this.newId(), name, created_at: this.now() };
    this.groups.set(group.id, group);
    return group;
  }

  createField(name: string, type: string): StoredField {
    this.#lastFieldId += 1;
    const field = { id: String(this.#lastFieldId), name, key: slug(name), type, isDefault: false };
    this.fields.set(field.id, field);
    return field;
  }

  /** A new subscriber as stored, with what is given in place of the defaults. */
  createSubscriber(values: Partial<StoredSubscriber> & { email: string }): StoredSubscriber {
    const now = this.now();
    const status = values.status ?? 'active';
    const subscriber: StoredSubscriber = {
      id: this.newId(),
      status,
      source: 'api',
      sent: 0,
      opens: 0,
      clicks: 0,
      ip_address: null,
      subscribed_at: status === 'unconfirmed' ? null : now,
      unsubscribed_at: status === 'unsubscribed' ? now : null,
      created_at: now,
      updated_at: now,
      fields: {},
      groups: new Set(),
      opted_in_at: null,
      optin_ip: null,
      deleted_at: null,
      forget_at: null,
      ...values,
      email: values.email.trim().toLowerCase(),
    };
    this.subscribers.add(subscriber);
    return subscriber;
  }

  presentGroup(group: StoredGroup): Record<string, unknown> {
    const counts = this.subscribers.counts(group.id);
    return {
      id: group.id,
      name: group.name,
      active_count: counts.active,
      sent_count: 0,
      opens_count: 0,
      open_rate: rate(0, 0),
      clicks_count: 0,
      click_rate: rate(0, 0),
      unsubscribed_count: counts.unsubscribed,
      unconfirmed_count: counts.unconfirmed,
      bounced_count: counts.bounced,
      junk_count: counts.junk,
      created_at: group.created_at,
    };
  }

  presentSubscriber(subscriber: StoredSubscriber, withGroups: boolean): Record<string, unknown> {
    const percent = (part: number) =>
      subscriber.sent === 0 ? 0 : Math.round((part / subscriber.sent) * 100);
    return {
      id: subscriber.id,
      email: subscriber.email,
      status: subscriber.status,
      source: subscriber.source,
      sent: subscriber.sent,
      opens_count: subscriber.opens,
      clicks_count: subscriber.clicks,
      open_rate: percent(subscriber.opens),
      click_rate: percent(subscriber.clicks),
      ip_address: subscriber.ip_address,
      subscribed_at: subscriber.subscribed_at,
      unsubscribed_at: subscriber.unsubscribed_at,
      created_at: subscriber.created_at,
      updated_at: subscriber.updated_at,
      fields: Object.fromEntries(
        [...this.fields.values()].map(({ key }) => [key, subscriber.fields[key] ?? null]),
      ),
      ...(withGroups ? { groups: this.presentGroupsOf(subscriber) } : {}),
      opted_in_at: subscriber.opted_in_at,
      optin_ip: subscriber.optin_ip,
    };
  }

  presentGroupsOf(subscriber: StoredSubscriber): Record<string, unknown>[] {
    return [...subscriber.groups].flatMap((id) => {
      const group = this.groups.get(id);
      return group ? [this.presentGroup(group)] : [];
    });
  }
}

/** The key that a field is given when it is first named. */
function slug(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

export type Handler = (request: Request) => Reply;

/** Endpoints by `METHOD /path/{param}`, the path below `/api`. */
export type Routes = Readonly<Record<string, Handler>>;
