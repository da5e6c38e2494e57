import { eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { announcements } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { saveCampaign, type Campaign, type CampaignWork } from './campaigns.ts';

/** Somebody to whom MailerLite sent a campaign. */
export interface SentTo {
  readonly mailerliteId: string;
  /** Normalised. */
  readonly email: string;
}

/** How many people an announcement is still to reach, by the send ledger. */
export async function peopleWaiting(tx: Tx, announcementId: string): Promise<number> {
  const [row] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int as n from deliveries where announcement_id = ${announcementId} and state = 'pending'`,
  );
  return row!.n;
}

/**
 * Takes down to whom MailerLite sent a campaign. It is the truth, whatever was thought of a person before: somebody
 * who was to be left out and got it is on record as having got it. Doing it again changes nothing.
 *
 * @returns how many of them are not known here.
 */
export async function recordSent(
  tx: Tx,
  announcementId: string,
  people: readonly SentTo[],
  { clock }: { clock: Clock },
): Promise<number> {
  if (people.length === 0) return 0;
  const now = sql`${clock.now().toString()}::timestamptz`;
  const given = sql`jsonb_to_recordset(${JSON.stringify(people)}::text::jsonb) as p("mailerliteId" text, email text)`;
  const [result] = await rows<{ known: number }>(
    tx,
    sql`with known as materialized (
        select distinct on (s.id) s.id, s.email, s.email_normalised, s.name
        from ${given}
        left join mailerlite_links l on l.mailerlite_id = p."mailerliteId"
        join subscribers s on s.id = l.subscriber_id or s.email_normalised = p.email
        order by s.id
      ), held as materialized (
        -- Nobody is erased while their delivery cannot be found yet.
        select s.id from subscribers s where s.id in (select id from known) for key share
      ), settled as (
        insert into deliveries (
          id, announcement_id, subscriber_id, email, email_normalised, name, chunk, state, reason, message_id, settled_at
        )
        select delivery_id(${announcementId}::uuid, k.id), ${announcementId}::uuid, k.id, k.email,
          k.email_normalised, k.name, 0, 'sent', 'MailerLite sent it, although they were not in the audience here.',
          'campaign-' || delivery_id(${announcementId}::uuid, k.id)::text, ${now}
        from known k join held h on h.id = k.id
        on conflict (id) do update set
          state = 'sent', settled_at = ${now},
          reason = 'MailerLite sent it.' || case
            when deliveries.state in ('excluded', 'cancelled', 'failed') then ' Here it was: ' || coalesce(deliveries.reason, deliveries.state)
            else '' end
          where deliveries.state <> 'sent'
      )
      select count(*)::int as known from known`,
  );
  return people.length - result!.known;
}

/**
 * Closes the books of a campaign that was sent: who was not among its recipients did not get it.
 *
 * @returns the campaign as it is then; undefined when another worker was faster.
 */
export async function closeCampaign(
  tx: Tx,
  { announcement, campaign }: CampaignWork,
  { strangers, lookAgainAt }: { strangers: number; lookAgainAt: Temporal.Instant },
  { clock }: { clock: Clock },
): Promise<Campaign | undefined> {
  return tx.transaction(async (inner) => {
    const saved = await saveCampaign(
      inner,
      campaign,
      { step: 'settled', strangers, nextAt: lookAgainAt },
      { clock },
    );
    if (saved === undefined) return undefined;
    const now = clock.now();
    await inner.execute(sql`
      update deliveries set state = 'excluded', settled_at = ${now.toString()}::timestamptz,
        reason = 'MailerLite did not have this person in the group when it sent the campaign.'
      where announcement_id = ${announcement.id} and state = 'pending'`);
    await inner.execute(sql`
      update announcements a set audience = (
        select count(*)::int from deliveries d where d.announcement_id = a.id
      ) where a.id = ${announcement.id}`);
    if (announcement.state === 'held') {
      await inner
        .update(announcements)
        .set({
          state: 'sending',
          heldFrom: null,
          stateReason: 'MailerLite had sent it before it was put on hold.',
          stateAt: now,
          stateBy: 'system',
          updatedAt: now,
        })
        .where(eq(announcements.id, announcement.id));
    }
    return saved;
  });
}
