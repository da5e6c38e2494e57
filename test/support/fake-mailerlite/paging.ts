import type { Request } from './account.ts';
import { invalid, type Reply } from './reply.ts';
import type { StoredSubscriber } from './subscriber-store.ts';

/** The `limit` of a request, or the endpoint's default; more than the endpoint's maximum is cut to it. */
export function limitOf(request: Request, standard: number, maximum: number): number {
  const text = request.query.get('limit');
  if (text === null) return standard;
  if (!/^\d+$/.test(text) || Number(text) < 1) throw invalid({ limit: ['The limit must be at least 1.'] });
  return Math.min(Number(text), maximum);
}

/**
 * A page in the style with numbers. `extra` is added to `meta`. The links carry the page number only: filter,
 * limit and order are dropped, as MailerLite drops them.
 */
export function numberedPage<T>(
  request: Request,
  all: readonly T[],
  limit: number,
  present: (item: T) => unknown,
  extra: Readonly<Record<string, unknown>> = {},
): Reply {
  const path = request.absolutePath;
  const asked = Number(request.query.get('page') ?? '1');
  const page = Number.isInteger(asked) && asked > 0 ? asked : 1;
  const last = Math.max(1, Math.ceil(all.length / limit));
  const items = all.slice((page - 1) * limit, page * limit);
  const url = (number: number) => (number >= 1 && number <= last ? `${path}?page=${number}` : null);
  const link = (number: number, label: string, active = false) => ({ url: url(number), label, active });
  return {
    status: 200,
    body: {
      data: items.map(present),
      links: { first: url(1), last: url(last), prev: url(page - 1), next: url(page + 1) },
      meta: {
        current_page: page,
        from: items.length === 0 ? null : (page - 1) * limit + 1,
        last_page: last,
        links: [
          link(page - 1, '&laquo; Previous'),
          ...Array.from({ length: last }, (_, index) =>
            link(index + 1, String(index + 1), index + 1 === page),
          ),
          link(page + 1, 'Next &raquo;'),
        ],
        path,
        per_page: limit,
        to: items.length === 0 ? null : (page - 1) * limit + items.length,
        total: all.length,
        ...extra,
      },
    },
  };
}

/** A page of subscribers in the style with a cursor, newest first. `page` in the request is ignored. */
export function subscriberPage(
  request: Request,
  limit: number,
  accept: (subscriber: StoredSubscriber) => boolean,
  options: { groups?: boolean; limitAsText?: boolean } = {},
): Reply {
  const { account } = request;
  const page = account.subscribers.page(request.query.get('cursor'), limit, accept);
  const path = request.absolutePath;
  const url = (cursor: string | null) => (cursor === null ? null : `${path}?cursor=${cursor}`);
  const withGroups = options.groups ?? request.query.get('include') === 'groups';
  return {
    status: 200,
    body: {
      data: page.items.map((subscriber) => account.presentSubscriber(subscriber, withGroups)),
      links: { first: null, last: null, prev: url(page.previous), next: url(page.next) },
      meta: {
        path,
        per_page: options.limitAsText === true && request.query.has('limit') ? String(limit) : limit,
        next_cursor: page.next,
        prev_cursor: page.previous,
      },
    },
  };
}
