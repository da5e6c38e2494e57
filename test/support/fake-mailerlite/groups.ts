import type { FakeAccount, Request, Routes, StoredGroup } from './account.ts';
import { limitOf, numberedPage, subscriberPage } from './paging.ts';
import { invalid, noSuch } from './reply.ts';
import { STATUSES, type Status, type StoredSubscriber } from './subscriber-store.ts';
import { findSubscriber, membership } from './subscribers.ts';

export const groupRoutes: Routes = {
  'GET /groups': (request) => {
    const name = request.query.get('filter[name]')?.toLowerCase() ?? '';
    const groups = [...request.account.groups.values()].filter((group) =>
      group.name.toLowerCase().includes(name),
    );
    return numberedPage(request, sorted(request, groups), limitOf(request, 25, 1000), (group) =>
      request.account.presentGroup(group),
    );
  },
  'GET /groups/{id}': ({ account, params }) => ({
    status: 200,
    body: { data: account.presentGroup(findGroup(account, params['id']!)) },
  }),
  'POST /groups': ({ account, body }) => ({
    status: 201,
    body: { data: account.presentGroup(account.createGroup(groupName(body))) },
  }),
  'PUT /groups/{id}': ({ account, params, body }) => {
    const group = findGroup(account, params['id']!);
    group.name = groupName(body);
    return { status: 200, body: { data: account.presentGroup(group) } };
  },
  'DELETE /groups/{id}': ({ account, params }) => {
    const group = findGroup(account, params['id']!);
    for (const subscriber of account.subscribers) {
      if (!subscriber.groups.has(group.id)) continue;
      const groups = new Set(subscriber.groups);
      groups.delete(group.id);
      account.subscribers.change(subscriber, { groups });
    }
    account.groups.delete(group.id);
    return { status: 204 };
  },
  'GET /groups/{id}/subscribers': (request) => {
    const group = findGroup(request.account, request.params['id']!);
    return subscriberPage(request, limitOf(request, 50, 1000), memberFilter(request, group.id));
  },
  'POST /subscribers/{id}/groups/{group}': ({ account, params }) => {
    const subscriber = findSubscriber(account, params['id']!);
    const group = findGroup(account, params['group']!);
    // The answer still holds the counts from before.
    const data = account.presentGroup(group);
    membership(account, subscriber, [group.id], []);
    return { status: 200, body: { data } };
  },
  'DELETE /subscribers/{id}/groups/{group}': ({ account, params }) => {
    const subscriber = findSubscriber(account, params['id']!);
    const group = findGroup(account, params['group']!);
    membership(account, subscriber, [], [group.id]);
    return { status: 204 };
  },

  'GET /segments': (request) =>
    numberedPage(request, [...request.account.segments.values()], limitOf(request, 25, 250), (segment) =>
      presentSegment(request.account, segment),
    ),
  'GET /segments/{id}/subscribers': (request) => {
    const segment = findSegment(request.account, request.params['id']!);
    return subscriberPage(request, limitOf(request, 50, 1000), memberFilter(request, segment.group), {
      groups: true,
      limitAsText: true,
    });
  },
  'PUT /segments/{id}': ({ account, params, body }) => {
    const segment = findSegment(account, params['id']!);
    segment.name = groupName(body);
    return { status: 200, body: { data: presentSegment(account, segment) } };
  },
  'DELETE /segments/{id}': ({ account, params }) => {
    account.segments.delete(findSegment(account, params['id']!).id);
    return { status: 204 };
  },
};

export function findGroup(account: FakeAccount, id: string): StoredGroup {
  const group = account.groups.get(id);
  if (group === undefined) throw noSuch('Group\\Group', id);
  return group;
}

/** The condition of a `filter[status]`; these lists hold the active ones when nothing is asked for. */
export function statusFilter(request: Request, standard?: Status): (subscriber: StoredSubscriber) => boolean {
  const asked = request.query.get('filter[status]') ?? standard;
  if (asked === undefined) return () => true;
  if (!(STATUSES as readonly string[]).includes(asked)) {
    throw invalid({ 'filter.status': ['The selected filter.status is invalid.'] });
  }
  return (subscriber) => subscriber.status === asked;
}

function memberFilter(request: Request, group: string): (subscriber: StoredSubscriber) => boolean {
  const inStatus = statusFilter(request, 'active');
  return (subscriber) => subscriber.groups.has(group) && inStatus(subscriber);
}

function groupName(body: Readonly<Record<string, unknown>>): string {
  const name = body['name'];
  if (typeof name !== 'string' || name.trim() === '')
    throw invalid({ name: ['The name field is required.'] });
  if (name.length > 255) throw invalid({ name: ['The name must not be greater than 255 characters.'] });
  return name;
}

function sorted(request: Request, groups: StoredGroup[]): StoredGroup[] {
  const asked = request.query.get('sort') ?? '-created_at';
  const key = asked.replace(/^-/, '');
  const direction = asked.startsWith('-') ? -1 : 1;
  const value = (group: StoredGroup): string =>
    key === 'name'
      ? group.name
      : key === 'total'
        ? String(request.account.subscribers.counts(group.id).active).padStart(9, '0')
        : group.id;
  return groups.toSorted((a, b) => direction * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
}

function findSegment(account: FakeAccount, id: string) {
  const segment = account.segments.get(id);
  if (segment === undefined) throw noSuch('Segment', id);
  return segment;
}

function presentSegment(
  account: FakeAccount,
  segment: ReturnType<typeof findSegment>,
): Record<string, unknown> {
  const zero = { float: 0, string: '0%' };
  return {
    id: segment.id,
    name: segment.name,
    total: account.subscribers.counts(segment.group).active,
    open_rate: zero,
    click_rate: zero,
    created_at: segment.created_at,
  };
}

/** 422 for ids of groups that are not texts of digits, or that do not exist. */
export function groupIds(account: FakeAccount, value: unknown): string[] {
  if (!Array.isArray(value)) throw invalid({ groups: ['The groups must be an array.'] });
  const list: readonly unknown[] = value;
  const wrong: Record<string, string[]> = {};
  const ids = list.map((item, index) => {
    if ((typeof item !== 'string' && typeof item !== 'number') || !/^\d+$/.test(String(item))) {
      wrong[`groups.${index}`] = [
        `The groups.${index} field must be a number.`,
        `The selected groups.${index} is not numeric.`,
      ];
    } else if (!account.groups.has(String(item))) {
      wrong[`groups.${index}`] = [`The selected groups.${index} is invalid.`];
    }
    return String(item);
  });
  if (Object.keys(wrong).length > 0) throw invalid(wrong);
  return ids;
}
