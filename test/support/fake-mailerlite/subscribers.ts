import type { FakeAccount, Routes } from './account.ts';
import { groupIds, statusFilter } from './groups.ts';
import { limitOf, numberedPage, subscriberPage } from './paging.ts';
import { Refusal, invalid, noSuch, timestamp, type Reply } from './reply.ts';
import { STATUSES, type Status, type StoredSubscriber } from './subscriber-store.ts';

type Body = Readonly<Record<string, unknown>>;

/** The states that a person, or their mail server, has put them in: no call brings them back. */
const LEFT: ReadonlySet<Status> = new Set(['unsubscribed', 'bounced', 'junk']);

export const subscriberRoutes: Routes = {
  'GET /subscribers': (request) => {
    const { account, query } = request;
    const inStatus = statusFilter(request);
    if (query.get('limit') === '0') {
      const total = Object.values(account.subscribers.counts()).reduce((sum, count) => sum + count, 0);
      return { status: 200, body: { total } };
    }
    const { subscriberPageMaximum: maximum, subscriberPageExcess } = account.behaviour;
    if (subscriberPageExcess === 'refuse' && Number(query.get('limit') ?? '0') > maximum) {
      throw invalid({ limit: [`The limit must not be greater than ${maximum}.`] });
    }
    return subscriberPage(request, limitOf(request, 25, maximum), inStatus);
  },
  'GET /subscribers/{id}': ({ account, params }) => one(account, 200, findSubscriber(account, params['id']!)),
  'POST /subscribers': ({ account, body }) => upsert(account, body),
  'PUT /subscribers/{id}': ({ account, params, body }) => {
    const subscriber = findSubscriber(account, params['id']!);
    const values = readValues(account, body);
    const groups = body['groups'] === undefined ? undefined : groupIds(account, body['groups']);
    if (typeof body['email'] === 'string') values.email = readEmail(body);
    const status = readStatus(body);
    update(account, subscriber, values, status);
    if (groups !== undefined) {
      const leave = [...subscriber.groups].filter((id) => !groups.includes(id));
      membership(account, subscriber, groups, leave);
    }
    return one(account, 200, subscriber);
  },
  'DELETE /subscribers/{id}': ({ account, params }) => {
    const subscriber = findSubscriber(account, params['id']!);
    account.subscribers.change(subscriber, { deleted_at: account.now() });
    account.deliveries.emit('subscriber.deleted', { account, subscriber });
    return { status: 204 };
  },
  'POST /subscribers/{id}/forget': ({ account, params }) => {
    const subscriber = findSubscriber(account, params['id']!);
    const now = account.clock.now();
    account.subscribers.change(subscriber, {
      deleted_at: timestamp(now),
      forget_at: timestamp(now.add({ hours: 30 * 24 })),
    });
    account.deliveries.emit('subscriber.deleted', { account, subscriber });
    return {
      status: 200,
      body: {
        message: 'Subscriber data will be completely deleted and forgotten within 30 days.',
        data: {
          ...account.presentSubscriber(subscriber, true),
          deleted_at: subscriber.deleted_at,
          forget_at: subscriber.forget_at,
        },
      },
    };
  },
  'GET /subscribers/{id}/activity-log': (request) => {
    findSubscriber(request.account, request.params['id']!);
    return numberedPage(request, [], limitOf(request, 100, 100), (item) => item);
  },
};

/** The subscriber with this id or address; one that was deleted does not exist. */
export function findSubscriber(account: FakeAccount, idOrEmail: string): StoredSubscriber {
  const subscriber = account.subscribers.get(idOrEmail);
  if (subscriber === undefined || subscriber.deleted_at !== null) throw noSuch('Subscriber\\Subscriber');
  return subscriber;
}

/** Puts a subscriber into groups and takes it out of others; what changes nothing tells no webhook. */
export function membership(
  account: FakeAccount,
  subscriber: StoredSubscriber,
  join: readonly string[],
  leave: readonly string[],
): void {
  const joined = join.filter((id) => !subscriber.groups.has(id));
  const left = leave.filter((id) => subscriber.groups.has(id));
  if (joined.length + left.length === 0) return;
  const groups = new Set([...subscriber.groups, ...joined].filter((id) => !left.includes(id)));
  account.subscribers.change(subscriber, { groups, updated_at: account.now() });
  for (const [ids, event] of [
    [joined, 'subscriber.added_to_group'],
    [left, 'subscriber.removed_from_group'],
  ] as const) {
    for (const id of ids) {
      const { name } = account.groups.get(id)!;
      account.deliveries.emit(event, { account, subscriber, about: { group: { id, name } } });
    }
  }
}

/** Changes the status as an act of the person or of their mail server does, which no rule refuses. */
export function changeStatus(account: FakeAccount, subscriber: StoredSubscriber, status: Status): void {
  const before = subscriber.status;
  if (before === status) return;
  const now = account.now();
  account.subscribers.change(subscriber, {
    status,
    updated_at: now,
    ...(status === 'unsubscribed' ? { unsubscribed_at: now } : {}),
    ...(status === 'active' ? { subscribed_at: now, unsubscribed_at: null } : {}),
  });
  const event = {
    active: 'subscriber.active',
    unsubscribed: 'subscriber.unsubscribed',
    bounced: 'subscriber.bounced',
    junk: 'subscriber.spam_reported',
    unconfirmed: 'subscriber.updated',
  } as const;
  account.deliveries.emit(event[status], { account, subscriber });
}

function upsert(account: FakeAccount, body: Body): Reply {
  const email = readEmail(body);
  const values = readValues(account, body);
  const groups = body['groups'] === undefined ? [] : groupIds(account, body['groups']);
  const status = readStatus(body);
  const existing = account.subscribers.get(email);
  if (existing === undefined) {
    const created = account.createSubscriber({
      status: status ?? (account.behaviour.doubleOptIn ? 'unconfirmed' : 'active'),
      ...values,
      email,
    });
    account.deliveries.emit('subscriber.created', { account, subscriber: created });
    membership(account, created, groups, []);
    return one(account, 201, created);
  }
  if (LEFT.has(existing.status) && (status ?? 'active') === 'active' && body['resubscribe'] !== true) {
    throw new Refusal(422, {
      message: 'The given data was invalid.',
      errors: { email: [`This subscriber is ${existing.status} and cannot be imported`] },
      subscriber: existing.id,
    });
  }
  if (existing.deleted_at !== null)
    account.subscribers.change(existing, { deleted_at: null, forget_at: null });
  update(account, existing, values, body['resubscribe'] === true ? 'active' : status);
  membership(account, existing, groups, []);
  return one(account, 200, existing);
}

type Values = Partial<Omit<StoredSubscriber, 'id' | 'created_at'>>;

function update(
  account: FakeAccount,
  subscriber: StoredSubscriber,
  values: Values,
  status: Status | undefined,
): void {
  const comesBack = status === 'active' && LEFT.has(subscriber.status);
  if (comesBack && account.behaviour.reactivation === 'refuse') {
    throw new Refusal(422, {
      message: 'The given data was invalid.',
      errors: { status: [`This subscriber is ${subscriber.status} and cannot be activated`] },
      subscriber: subscriber.id,
    });
  }
  const fields = { ...subscriber.fields, ...values.fields };
  const changed = Object.entries({ ...values, fields }).some(
    ([key, value]) => JSON.stringify(subscriber[key as keyof StoredSubscriber]) !== JSON.stringify(value),
  );
  if (changed) {
    account.subscribers.change(subscriber, { ...values, fields, updated_at: account.now() });
    account.deliveries.emit('subscriber.updated', { account, subscriber });
  }
  if (status !== undefined && !(comesBack && account.behaviour.reactivation === 'ignore')) {
    changeStatus(account, subscriber, status);
  }
  // The times of a request are kept also when the status sets its own.
  if (values.unsubscribed_at !== undefined || values.subscribed_at !== undefined) {
    account.subscribers.change(subscriber, {
      ...(values.subscribed_at === undefined ? {} : { subscribed_at: values.subscribed_at }),
      ...(values.unsubscribed_at === undefined ? {} : { unsubscribed_at: values.unsubscribed_at }),
    });
  }
}

function one(account: FakeAccount, status: number, subscriber: StoredSubscriber): Reply {
  return { status, body: { data: account.presentSubscriber(subscriber, true) } };
}

function readEmail(body: Body): string {
  const email = body['email'];
  if (email === undefined || email === '') throw invalid({ email: ['The email field is required.'] });
  if (typeof email !== 'string' || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim())) {
    throw invalid({ email: ['The email must be a valid email address.'] });
  }
  return email.trim().toLowerCase();
}

function readStatus(body: Body): Status | undefined {
  const status = body['status'];
  if (status === undefined) return undefined;
  const known = STATUSES.find((one) => one === status);
  if (known === undefined) throw invalid({ status: ['The selected status is invalid.'] });
  return known;
}

const TIMES = ['subscribed_at', 'unsubscribed_at', 'opted_in_at'] as const;
const ADDRESSES = ['ip_address', 'optin_ip'] as const;

function readValues(account: FakeAccount, body: Body): Values {
  const values: Values = {};
  for (const key of TIMES) {
    const value = body[key];
    if (value === undefined) continue;
    if (value !== null && (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(value))) {
      throw invalid({ [key]: [`The ${key.replaceAll('_', ' ')} does not match the format Y-m-d H:i:s.`] });
    }
    values[key] = value;
  }
  for (const key of ADDRESSES) {
    const value = body[key];
    if (typeof value === 'string' || value === null) values[key] = value;
  }
  const fields = body['fields'];
  if (typeof fields === 'object' && fields !== null) {
    const keys = new Set([...account.fields.values()].map(({ key }) => key));
    values.fields = Object.fromEntries(
      Object.entries(fields as Record<string, string | number | null>).filter(([key]) => keys.has(key)),
    );
  }
  return values;
}
