import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';

/** An event of the webhook, in the form in which the edge reads it. */
export interface ReceivedEvent {
  readonly name: string;
  readonly dedupeKey: string;
  readonly subscriber:
    | {
        readonly id: string;
        readonly email: string | null;
        readonly status: string | null;
        readonly unsubscribedAt: Temporal.Instant | null;
        readonly updatedAt: Temporal.Instant | null;
      }
    | undefined;
  /** The group that the person was put into or taken out of. */
  readonly groupId: string | null;
}

/**
 * Stores events, each once, however often they are delivered. One in the very words of an earlier one, which was
 * dealt with, may be another delivery of it or tell of something new: it is dealt with again, which changes nothing
 * where nothing is new. What is not about a subscriber counts as dealt with. Quick: the sender waits for the answer.
 *
 * @returns how many were new.
 */
export async function storeEvents(
  tx: Tx,
  events: readonly ReceivedEvent[],
  { clock }: { clock: Clock },
): Promise<number> {
  if (events.length === 0) return 0;
  const now = clock.now();
  const at = sql`${now.toString()}::timestamptz`;
  const values = events.map(({ name, dedupeKey, subscriber, groupId }) => ({
    key: dedupeKey,
    name,
    id: subscriber?.id ?? null,
    status: subscriber?.status ?? null,
    left: subscriber?.unsubscribedAt?.toString() ?? null,
    group: groupId,
    changed: subscriber?.updatedAt?.toString() ?? null,
  }));
  return tx.transaction(async (inner) => {
    const stored = await rows<{ fresh: boolean }>(
      inner,
      sql`insert into mailerlite_events as e (
          dedupe_key, name, mailerlite_id, status, unsubscribed_at, group_id, changed_at, received_at, handled_at
        )
        select distinct on (p.key) p.key, p.name, p.id, p.status, p."left", p."group", p.changed, ${at},
          case when p.id is null then ${at} end
        from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb) as p(
          key text, name text, id text, status text, "left" timestamptz, "group" text, changed timestamptz)
        order by p.key
        on conflict (dedupe_key) do update set repeated_at = ${at}, handled_at = null
        where e.mailerlite_id is not null
        returning e.xmax = 0 as fresh`,
    );
    await linkByAddress(inner, events, now);
    return stored.filter(({ fresh }) => fresh).length;
  });
}

/** Somebody who is known here by address only is linked, so that the event finds them. */
async function linkByAddress(tx: Tx, events: readonly ReceivedEvent[], now: Temporal.Instant): Promise<void> {
  const named = events.flatMap(({ subscriber }) => {
    if (!subscriber?.email) return [];
    try {
      return [{ id: subscriber.id, address: parseEmailAddress(subscriber.email).normalised }];
    } catch {
      return [];
    }
  });
  if (named.length === 0) return;
  await tx.execute(sql`
    insert into mailerlite_links (subscriber_id, mailerlite_id, email, wanted_at)
    select distinct on (s.id) s.id, p.id, s.email_normalised, ${now.toString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(named)}::text::jsonb) as p(id text, address text)
    join subscribers s on s.email_normalised = p.address
    where not exists (select 1 from mailerlite_links o where o.mailerlite_id = p.id)
    order by s.id
    on conflict (subscriber_id) do update set mailerlite_id = excluded.mailerlite_id, email = excluded.email
    where mailerlite_links.mailerlite_id is null`);
}

/** The MailerLite ids of people of whom something is to be dealt with, oldest first. */
export async function peopleWithEvents(tx: Tx, limit: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    tx,
    sql`select e.mailerlite_id as id from mailerlite_events e
      where e.handled_at is null and e.mailerlite_id is not null
      group by e.mailerlite_id order by min(e.received_at), e.mailerlite_id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/** Whether an event waits. */
export async function eventsWait(tx: Tx): Promise<boolean> {
  const [row] = await rows<{ waiting: boolean }>(
    tx,
    sql`select exists (select 1 from mailerlite_events e where e.handled_at is null) as waiting`,
  );
  return row!.waiting;
}

/** The events about these people that wait now: the ones that a look at the people deals with. */
export async function waitingEvents(
  tx: Tx,
  mailerliteIds: readonly string[],
): Promise<Map<string, string[]>> {
  const found = await rows<{ id: string; keys: string[] }>(
    tx,
    sql`select e.mailerlite_id as id, jsonb_agg(e.dedupe_key) as keys from mailerlite_events e
      where e.handled_at is null
        and e.mailerlite_id in (select jsonb_array_elements_text(${JSON.stringify(mailerliteIds)}::text::jsonb))
      group by e.mailerlite_id`,
  );
  return new Map(found.map(({ id, keys }) => [id, keys]));
}

/**
 * Marks events as dealt with by a look at the people.
 *
 * @param askedAt when the look was asked for: what came once more since then is still to be dealt with.
 */
export async function handleEvents(
  tx: Tx,
  keys: readonly string[],
  { clock, askedAt }: { clock: Clock; askedAt: Temporal.Instant },
): Promise<void> {
  if (keys.length === 0) return;
  await tx.execute(sql`
    update mailerlite_events e set handled_at = ${clock.now().toString()}::timestamptz
    from (
      -- In the order in which events are stored, so that neither waits for the other.
      select o.dedupe_key from mailerlite_events o
      where o.dedupe_key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::text::jsonb))
        and (o.repeated_at is null or o.repeated_at <= ${askedAt.toString()}::timestamptz)
      order by o.dedupe_key for update
    ) w
    where e.dedupe_key = w.dedupe_key`);
}
