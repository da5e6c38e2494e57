import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { recordAudit } from '../organisation/audit.ts';
import { recordConsent } from './consent-ledger.ts';
import { excludePending, lockSubscriber, topicsOn } from './consent-state.ts';
import { deliveryIdsOf } from './delivery-ids.ts';
import type { SubscriberContext } from './subscribers.ts';
import { suppressAddress } from './suppressions.ts';

/** What stands in a record of sending in place of somebody's address and name. */
const ERASED = 'erased';

/**
 * Erases a person everywhere: the record, what they were sent, what browsers told, mail kept in the outbox, the
 * reports of imports. What stays names nobody: the acts in the ledger under an id that leads nowhere, the counts
 * of runs, and a keyed hash of the address, so that no import or synchronisation brings it back. MailerLite is
 * asked to forget by the next push.
 *
 * @param input `by` the person themselves or an administrator; both end the same.
 * @throws ConvenorError `not_found`; `conflict` while a message to them is being handed over.
 */
export async function eraseSubscriber(
  tx: Tx,
  { id, by }: { id: string; by: 'preferences' | 'administrator' },
  { clock, actor, addressHash }: SubscriberContext,
): Promise<void> {
  await tx.transaction(async (inner) => {
    const subscriber = await lockSubscriber(inner, id);
    if (subscriber === undefined) throw notFound('subscriber', id);
    await recordConsent(
      inner,
      topicsOn(subscriber).map((topic) => ({
        subscriberId: id,
        topic,
        act: 'withdrawn',
        source: by,
        note: 'erased',
      })),
      { clock },
    );
    await inner.execute(
      sql`update subscribers s set state = 'left' where s.id = ${id} and s.state <> 'removed'`,
    );
    await excludePending(inner, id, { clock });
    await refuseInFlight(inner, id);
    const normalised = subscriber.emailNormalised;
    const addresses = [normalised, await typedAddress(inner, id)] as const;
    await suppressAddress(inner, { normalised, reason: 'erased' }, { clock, addressHash });
    await inner.execute(sql`
      update suppressions x set email_normalised = null, detail = null
      where x.email_hash = ${addressHash(normalised)} or x.email_normalised = ${normalised}`);
    await inner.execute(sql`
      insert into mailerlite_forgets (mailerlite_id, requested_at)
      select l.mailerlite_id, ${clock.now().toString()}::timestamptz from mailerlite_links l
      where l.subscriber_id = ${id} and l.mailerlite_id is not null
      on conflict (mailerlite_id) do update set requested_at = excluded.requested_at, done_at = null`);
    await eraseTraces(inner, id, addresses);
    await inner.execute(sql`delete from subscribers s where s.id = ${id}`);
    // A run that was being filled meanwhile has let the line above wait, and now shows what it wrote.
    await inner.execute(anonymiseDeliveriesTo(addresses));
    await recordAudit(inner, { actor, action: 'subscriber.erased', subject: id }, { clock });
  });
}

/**
 * Takes name and address out of deliveries: an SQL assignment list. The address stays different in every row,
 * since a run may hold one only once.
 */
export const ANONYMOUS_DELIVERY = sql.raw(
  `email = '${ERASED}', email_normalised = '${ERASED}-' || id::text, name = null`,
);

/** Announcement by announcement: that is how deliveries are found by an address. */
function anonymiseDeliveriesTo([one, other]: readonly [string, string]): SQL {
  return sql`update deliveries set ${ANONYMOUS_DELIVERY} where id in (
    select d.id from announcements a join deliveries d on d.announcement_id = a.id
    where d.email_normalised in (${one}, ${other}))`;
}

/** A message in the hands of a worker carries the address: it ends within a minute. */
async function refuseInFlight(tx: Tx, id: string): Promise<void> {
  const found = await rows(
    tx,
    sql`select d.id from deliveries d where d.subscriber_id = ${id} and d.state = 'sending' limit 1`,
  );
  if (found.length > 0) {
    throw new ConvenorError(
      'conflict',
      'A message to this person is being handed over. Try again in a minute.',
    );
  }
}

/** In lower case: how the address reads where it was kept as typed. */
async function typedAddress(tx: Tx, id: string): Promise<string> {
  const [found] = await rows<{ email: string }>(
    tx,
    sql`select lower(s.email) as email from subscribers s where s.id = ${id}`,
  );
  return found!.email;
}

/** @param addresses the spellings of the address. */
async function eraseTraces(tx: Tx, id: string, addresses: readonly [string, string]): Promise<void> {
  const list = sql`(${addresses[0]}, ${addresses[1]})`;
  const statements = [
    sql`delete from outbox_messages o where lower(o.recipient) in ${list}
      or o.delivery_id in ${deliveryIdsOf(id)}`,
    sql`update deliveries set ${ANONYMOUS_DELIVERY} where id in ${deliveryIdsOf(id)}`,
    anonymiseDeliveriesTo(addresses),
    sql`delete from service_mails m where (m.recipient_kind = 'subscriber' and m.recipient = ${id})
      or (m.recipient_kind = 'address' and lower(m.recipient) in ${list})`,
    sql`delete from consent_evidence v where v.seq in (
      select e.seq from consent_events e where e.subscriber_id = ${id})`,
    sql`update complaints c set name = null, email = null where lower(c.email) in ${list}`,
    // Where somebody gave their own address for enquiries, it goes from the page as well.
    sql`update items i set contact = '' where exists (
      select 1 from (values ${sql.join(
        [addresses[0], addresses[1]].map((address) => sql`(${address})`),
        sql`, `,
      )}) as x(address) where strpos(lower(i.contact), x.address) > 0)`,
    sql`delete from item_submitters i where i.email_normalised in ${list}`,
    sql`delete from mailerlite_events e where e.mailerlite_id in (
      select l.mailerlite_id from mailerlite_links l where l.subscriber_id = ${id})`,
    sql`update attendances a set email_normalised = null, names = '{}', suggested_id = null
      where a.email_normalised in ${list}`,
    sql`update import_runs r set result = jsonb_set(r.result, '{rejected}', (
        select coalesce(jsonb_agg(x), '[]') from jsonb_array_elements(r.result -> 'rejected') x
        where lower(x ->> 'email') not in ${list}
      ))
      where exists (
        select 1 from jsonb_array_elements(r.result -> 'rejected') x where lower(x ->> 'email') in ${list}
      )`,
  ];
  for (const statement of statements) await tx.execute(statement);
}
