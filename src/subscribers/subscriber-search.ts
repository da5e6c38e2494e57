import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { SUBSCRIBER_STATES, TOPICS, type Topic } from '../db/schema.ts';
import type { SubscriberState } from './consent-state.ts';
import type { MemberKind } from './members.ts';
import type { SuppressionReason } from './suppressions.ts';

export interface SubscriberFilter {
  /** Words that must all occur somewhere in name or address, in any case. */
  readonly text?: string;
  readonly state?: SubscriberState;
  readonly topic?: Topic;
  readonly memberKind?: MemberKind;
  /** Only people whose address is (not) on the do-not-mail list. */
  readonly suppressed?: boolean;
}

export const SUBSCRIBER_ORDERS = ['address', 'name', 'newest'] as const;
export type SubscriberOrder = (typeof SUBSCRIBER_ORDERS)[number];

/** The columns of an order, each with an index of its own. */
const ORDER_COLUMNS: Readonly<Record<SubscriberOrder, { first: SQL; direction: SQL }>> = {
  address: { first: sql`''::text`, direction: sql`asc` },
  name: { first: sql`lower(coalesce(s.name, ''))`, direction: sql`asc` },
  newest: { first: sql`s.created_at`, direction: sql`desc` },
};

export interface SubscriberListItem {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly state: SubscriberState;
  readonly memberKind: MemberKind | null;
  readonly createdAt: Temporal.Instant;
  readonly pausedUntil: Temporal.Instant | null;
  readonly topics: readonly Topic[];
  readonly suppressed: SuppressionReason | null;
}

export interface SubscriberPage {
  readonly subscribers: readonly SubscriberListItem[];
  /** Give it as `after` for the next page; absent on the last one. */
  readonly next?: string;
}

const LONGEST_PAGE = 1_000;

/**
 * One page of the list. A page costs the same however deep it lies; looking for a part of a name or address
 * among 100,000 people takes a scan of one column, some 50 ms.
 *
 * @param query `after` is the `next` of the page before; `limit` at most 1,000.
 */
export async function searchSubscribers(
  tx: Tx,
  {
    after,
    limit = 50,
    order = 'address',
    ...filter
  }: SubscriberFilter & { after?: string; limit?: number; order?: SubscriberOrder },
): Promise<SubscriberPage> {
  const size = Math.max(1, Math.min(limit, LONGEST_PAGE));
  const { first, direction } = ORDER_COLUMNS[order];
  const conditions = [
    ...conditionsOf(filter),
    ...(after === undefined ? [] : [await behind(tx, order, after)]),
  ];
  const by = order === 'address' ? sql`` : sql`${first} ${direction}, `;
  const found = await rows<
    Omit<SubscriberListItem, 'createdAt' | 'pausedUntil' | 'topics'> & {
      createdAt: string;
      pausedUntil: string | null;
      topics: string[] | null;
    }
  >(
    tx,
    sql`select s.id, s.email, s.name, s.state, s.member_kind as "memberKind", s.created_at as "createdAt",
        s.paused_until as "pausedUntil",
        (
          select json_agg(t.topic) from topic_subscriptions t where t.subscriber_id = s.id and t.subscribed
        ) as topics,
        (select x.reason from suppressions x where x.email_normalised = s.email_normalised) as suppressed
      from subscribers s
      ${where(conditions)}
      order by ${by} s.email_normalised
      limit ${size + 1}`,
  );
  const page = found.slice(0, size).map((row) => ({
    ...row,
    createdAt: Temporal.Instant.from(row.createdAt),
    pausedUntil: row.pausedUntil === null ? null : Temporal.Instant.from(row.pausedUntil),
    topics: TOPICS.filter((topic) => row.topics?.includes(topic)),
  }));
  return { subscribers: page, ...(found.length > size ? { next: page.at(-1)!.id } : {}) };
}

/** The condition that a row comes after a given person. Values, so that the index of the order is used. */
async function behind(tx: Tx, order: SubscriberOrder, id: string): Promise<SQL> {
  const [last] = await rows<{ email: string; first: string }>(
    tx,
    sql`select s.email_normalised as email, (${ORDER_COLUMNS[order].first})::text as first
      from subscribers s where s.id = ${id}`,
  );
  if (last === undefined) return sql`false`;
  const { email, first } = last;
  if (order === 'address') return sql`s.email_normalised > ${email}`;
  if (order === 'name') return sql`(lower(coalesce(s.name, '')), s.email_normalised) > (${first}, ${email})`;
  return sql`s.created_at <= ${first}::timestamptz
    and (s.created_at < ${first}::timestamptz or s.email_normalised > ${email})`;
}

/** How many people a search finds. */
export async function countSubscribers(tx: Tx, filter: SubscriberFilter = {}): Promise<number> {
  const [row] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int as n from subscribers s ${where(conditionsOf(filter))}`,
  );
  return row!.n;
}

/** How many people there are in each state: numbers that the database keeps, for a list of any size. */
export async function subscribersByState(tx: Tx): Promise<Record<SubscriberState, number>> {
  const kept = await rows<{ counted: string; n: number }>(
    tx,
    sql`select counted, sum(change)::int as n from list_size_changes group by counted`,
  );
  return Object.fromEntries(
    SUBSCRIBER_STATES.map((state) => [state, kept.find(({ counted }) => counted === state)?.n ?? 0]),
  ) as Record<SubscriberState, number>;
}

function conditionsOf(filter: SubscriberFilter): SQL[] {
  const words = (filter.text ?? '').normalize('NFC').toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
  const conditions = words.map((word) => sql`s.search like ${`%${word.replace(/[\\%_]/g, '\\$&')}%`}`);
  if (filter.state !== undefined) conditions.push(sql`s.state = ${filter.state}`);
  if (filter.memberKind !== undefined) conditions.push(sql`s.member_kind = ${filter.memberKind}`);
  if (filter.topic !== undefined) {
    conditions.push(sql`exists (
      select 1 from topic_subscriptions t where t.subscriber_id = s.id and t.topic = ${filter.topic} and t.subscribed
    )`);
  }
  if (filter.suppressed !== undefined) {
    const found = sql`exists (select 1 from suppressions x where x.email_normalised = s.email_normalised)`;
    conditions.push(filter.suppressed ? found : sql`not ${found}`);
  }
  return conditions;
}

function where(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`` : sql`where ${sql.join([...conditions], sql` and `)}`;
}
