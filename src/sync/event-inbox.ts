import { inArray, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { mailerliteEvents } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { recordConsent } from '../subscribers/consent-ledger.ts';
import { excludePending, followConsent, lockSubscribers } from '../subscribers/consent-state.ts';
import { allOlder, upTo, type Here } from './decide.ts';
import { hereOf, knownBy, readPeople, theseIds, type Person } from './people.ts';
import { readTopicGroups } from './topic-groups.ts';

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
      }
    | undefined;
}

/** Events by which a person says no, or their mail program does it for them. */
const OPT_OUTS = ['subscriber.unsubscribed', 'subscriber.spam_reported'];

/**
 * Stores events, each once, however often they are delivered. What is not about a subscriber counts as dealt
 * with. Quick: the sender waits for the answer.
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
  return tx.transaction(async (inner) => {
    const stored = await inner
      .insert(mailerliteEvents)
      .values(
        events.map(({ name, dedupeKey, subscriber }) => ({
          name,
          dedupeKey,
          mailerliteId: subscriber?.id ?? null,
          status: subscriber?.status ?? null,
          unsubscribedAt: subscriber?.unsubscribedAt ?? null,
          receivedAt: now,
          handledAt: subscriber === undefined ? now : null,
        })),
      )
      .onConflictDoNothing()
      .returning({ key: mailerliteEvents.dedupeKey });
    await linkByAddress(inner, events, now);
    return stored.length;
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

/** Marks events as dealt with. */
export async function handleEvents(
  tx: Tx,
  keys: readonly string[],
  { clock }: { clock: Clock },
): Promise<void> {
  if (keys.length === 0) return;
  await tx
    .update(mailerliteEvents)
    .set({ handledAt: clock.now() })
    .where(inArray(mailerliteEvents.dedupeKey, [...keys]));
}

/**
 * Lets opt-outs take effect from the event itself, without waiting for MailerLite to be asked: every agreement
 * that is not newer than the act ends. Doing it again changes nothing.
 *
 * @returns how many topics were turned off.
 */
export async function applyOptOutEvents(
  tx: Tx,
  mailerliteIds: readonly string[],
  { clock }: { clock: Clock },
): Promise<number> {
  const said = await rows<{ id: string; at: string; junk: boolean }>(
    tx,
    sql`select e.mailerlite_id as id, to_jsonb(max(coalesce(e.unsubscribed_at, e.received_at))) #>> '{}' as at,
        bool_or(e.name = 'subscriber.spam_reported') as junk
      from mailerlite_events e
      where e.handled_at is null and e.name in (${sql.join(
        OPT_OUTS.map((name) => sql`${name}`),
        sql`, `,
      )})
        and e.mailerlite_id in (select jsonb_array_elements_text(${JSON.stringify(mailerliteIds)}::text::jsonb))
      group by e.mailerlite_id`,
  );
  if (said.length === 0) return 0;
  return tx.transaction(async (inner) => {
    const known = await readPeople(
      inner,
      knownBy(
        said.map(({ id }) => id),
        [],
      ),
    );
    const ids = known.map(({ subscriberId }) => subscriberId);
    await lockSubscribers(inner, ids);
    const people = await readPeople(inner, theseIds(ids));
    const mapped = [...(await readTopicGroups(inner)).groupOf.keys()];
    const now = clock.now();
    const acts = people.flatMap((person) => {
      const event = said.find(({ id }) => id === person.link?.mailerliteId);
      if (event === undefined || isKnown(event.at, person)) return [];
      const note = event.junk
        ? 'reported mail of MailerLite as spam'
        : `left the list in MailerLite on ${event.at.slice(0, 10)}`;
      return allOlder(asHeard(hereOf(person, now)), upTo(Temporal.Instant.from(event.at)), mapped).map(
        (topic) => ({
          subscriberId: person.subscriberId,
          topic,
          act: 'withdrawn' as const,
          source: 'mailerlite_webhook' as const,
          note,
        }),
      );
    });
    if (acts.length === 0) return 0;
    await recordConsent(inner, acts, { clock });
    await inner.execute(sql`
      update mailerlite_links l set opted_out_at = p.at
      from jsonb_to_recordset(${JSON.stringify(said)}::text::jsonb) as p(id text, at timestamptz)
      where l.mailerlite_id = p.id and (l.opted_out_at is null or l.opted_out_at < p.at)`);
    const left = [...new Set(acts.map(({ subscriberId }) => subscriberId))];
    await followConsent(inner, left, { clock });
    for (const id of left) await excludePending(inner, id, { clock });
    return acts.length;
  });
}

/** Whether MailerLite was looked at since: then what it showed counts, and the look that follows. */
function isKnown(at: string, { link }: Person): boolean {
  const seenAt = link?.seenAt;
  return seenAt != null && Temporal.Instant.compare(Temporal.Instant.from(at), seenAt) <= 0;
}

/**
 * An event can be late and older than what MailerLite showed since, so that here an agreement heard of from
 * MailerLite counts with the time at which it was heard of. The look at the person that follows knows better.
 */
function asHeard(here: Here): Here {
  return {
    ...here,
    topics: new Map(
      [...here.topics].map(([topic, ours]) => [
        topic,
        { ...ours, byPerson: ours.byPerson || ours.fromThere },
      ]),
    ),
  };
}
