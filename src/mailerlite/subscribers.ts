import { z } from 'zod';
import { parse, type CallOptions, type Connection } from './connection.ts';
import { MailerLiteError, refusalOf } from './errors.ts';
import {
  cursorPage,
  data,
  subscriberModel,
  type MailerLiteStatus,
  type MailerLiteSubscriber,
} from './schemas.ts';
import { withoutEmpty } from './sdk.ts';
import { formatTimestamp } from './timestamps.ts';

/** One change to the list. A batch makes up to fifty in one request, each with an answer of its own. */
export type SubscriberChange =
  /** Puts a person on the list or, when they are there, into the groups. Never brings back who has left. */
  | {
      readonly kind: 'create';
      readonly email: string;
      readonly name?: string | null;
      readonly groupIds: readonly string[];
      readonly subscribedAt?: Temporal.Instant;
    }
  | { readonly kind: 'unsubscribe'; readonly id: string }
  | { readonly kind: 'join' | 'leave'; readonly id: string; readonly groupId: string }
  | { readonly kind: 'find'; readonly idOrEmail: string }
  | { readonly kind: 'forget'; readonly id: string }
  /** Asks how many subscribers there are: keeps a batch of `create` from being treated as an import. */
  | { readonly kind: 'count' };

export type ChangeResult =
  | { readonly ok: true; readonly subscriber?: MailerLiteSubscriber; readonly total?: number }
  | { readonly ok: false; readonly error: MailerLiteError };

export interface SubscriberPage {
  readonly subscribers: readonly MailerLiteSubscriber[];
  /** Entries that could not be read, for instance in a state that did not exist before. */
  readonly unreadable: number;
  /** Where the next page begins; null on the last one. */
  readonly next: string | null;
}

export interface ListQuery {
  readonly status: MailerLiteStatus;
  readonly cursor?: string | null | undefined;
  /** At most 1000. MailerLite may give fewer. */
  readonly limit: number;
}

/** The most changes that one batch takes. */
export const BATCH_LIMIT = 50;

const batchAnswer = z.object({
  responses: z.array(z.object({ code: z.number(), body: z.unknown().optional() })),
});
const one = data(subscriberModel);
const count = z.object({ total: z.number() });

/** A page of subscribers in one state, newest first, with the groups that they are in. */
export async function listSubscribers(
  connection: Connection,
  query: ListQuery,
  options?: CallOptions,
): Promise<SubscriberPage> {
  // The next page is asked for with the cursor and all the filters: the link in the answer drops them.
  const params = withoutEmpty({
    'filter[status]': query.status,
    limit: query.limit,
    cursor: query.cursor,
    include: 'groups',
  });
  const answer = await connection.call(
    'the list of subscribers',
    cursorPage,
    (sdk) => sdk.subscribers.get(params),
    options,
  );
  return pageOf(answer);
}

/** The members of a group in one state, page by page. */
export async function listGroupMembers(
  connection: Connection,
  groupId: string,
  query: ListQuery,
  options?: CallOptions,
): Promise<SubscriberPage> {
  const params = withoutEmpty({ 'filter[status]': query.status, limit: query.limit, cursor: query.cursor });
  const answer = await connection.call(
    'the members of a group',
    cursorPage,
    (sdk) => sdk.groups.getSubscribers(groupId, params),
    options,
  );
  return pageOf(answer);
}

function pageOf(answer: z.output<typeof cursorPage>): SubscriberPage {
  const subscribers = answer.data.flatMap((item) => {
    const parsed = subscriberModel.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
  return {
    subscribers,
    unreadable: answer.data.length - subscribers.length,
    next: answer.meta.next_cursor ?? null,
  };
}

/** The subscriber with this id or address, or undefined. */
export async function findSubscriber(
  connection: Connection,
  idOrEmail: string,
  options?: CallOptions,
): Promise<MailerLiteSubscriber | undefined> {
  try {
    return await connection.call(
      'a subscriber',
      one,
      (sdk) => sdk.subscribers.find(encodeURIComponent(idOrEmail)),
      options,
    );
  } catch (error) {
    if (error instanceof MailerLiteError && error.kind === 'not_found') return undefined;
    throw error;
  }
}

/** How many subscribers the account has, in every state. */
export async function countSubscribers(connection: Connection, options?: CallOptions): Promise<number> {
  return (
    await connection.call('the number of subscribers', count, (sdk) => sdk.subscribers.getCount(), options)
  ).total;
}

/**
 * Makes up to fifty changes in one request, in their order. One that is refused does not hinder the others: the
 * results stand in the order of the changes.
 *
 * A batch of nothing but `create` is treated by MailerLite as an import, of which it allows five a minute; it
 * is counted so here.
 *
 * @throws MailerLiteError when the request as a whole failed; then none, some or all changes were made.
 */
export async function applyChanges(
  connection: Connection,
  changes: readonly SubscriberChange[],
  options: CallOptions = {},
): Promise<ChangeResult[]> {
  if (changes.length > BATCH_LIMIT) throw new RangeError(`A batch takes at most ${BATCH_LIMIT} changes.`);
  const [only] = changes;
  if (only === undefined) return [];
  const importsOnly = changes.every(({ kind }) => kind === 'create');
  const answer = await connection.call(
    'a batch of changes',
    batchAnswer,
    (sdk) => sdk.batches.send({ requests: changes.map(requestOf) }),
    importsOnly ? { ...options, priority: 'import' } : options,
  );
  if (answer.responses.length !== changes.length) {
    throw new MailerLiteError('malformed', 'MailerLite answered another number of changes than were sent.', {
      mayHaveHappened: true,
    });
  }
  return changes.map((change, index) => resultOf(change, answer.responses[index]!));
}

function requestOf(change: SubscriberChange): Record<string, unknown> {
  const subscriber = (idOrEmail: string) => `api/subscribers/${encodeURIComponent(idOrEmail)}`;
  switch (change.kind) {
    case 'create':
      return {
        method: 'POST',
        path: 'api/subscribers',
        // No status: with one, MailerLite might bring back somebody who has left.
        body: withoutEmpty({
          email: change.email,
          fields: change.name ? { name: change.name } : undefined,
          groups: change.groupIds,
          subscribed_at: change.subscribedAt && formatTimestamp(change.subscribedAt),
        }),
      };
    case 'unsubscribe':
      return { method: 'PUT', path: subscriber(change.id), body: { status: 'unsubscribed' } };
    case 'join':
      return { method: 'POST', path: `${subscriber(change.id)}/groups/${change.groupId}` };
    case 'leave':
      return { method: 'DELETE', path: `${subscriber(change.id)}/groups/${change.groupId}` };
    case 'find':
      return { method: 'GET', path: subscriber(change.idOrEmail) };
    case 'forget':
      return { method: 'POST', path: `${subscriber(change.id)}/forget` };
    case 'count':
      return { method: 'GET', path: 'api/subscribers', body: { limit: 0 } };
  }
}

function resultOf(change: SubscriberChange, response: { code: number; body?: unknown }): ChangeResult {
  if (response.code >= 400) return { ok: false, error: refusalOf(response.code, response.body) };
  try {
    if (change.kind === 'create' || change.kind === 'unsubscribe' || change.kind === 'find') {
      return { ok: true, subscriber: parse('a change', one, response.body) };
    }
    if (change.kind === 'count')
      return { ok: true, total: parse('the number of subscribers', count, response.body).total };
    return { ok: true };
  } catch (error) {
    if (error instanceof MailerLiteError) return { ok: false, error };
    throw error;
  }
}
