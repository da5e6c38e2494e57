import { sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';

/**
 * Notes that MailerLite must be told about these people: raises their wanted version. Call it in the
 * transaction of the change. The pushing job brings the done version up to it.
 *
 * @param urgent somebody has opted out: they go first.
 */
export async function wantPush(
  tx: Tx,
  people: readonly { readonly subscriberId: string; readonly urgent: boolean }[],
  { clock }: { clock: Clock },
): Promise<void> {
  if (people.length === 0) return;
  const values = JSON.stringify(people.map(({ subscriberId, urgent }) => ({ id: subscriberId, urgent })));
  await tx.execute(sql`
    insert into mailerlite_links (subscriber_id, wanted_version, urgent, wanted_at)
    select p.id, 1, bool_or(p.urgent), ${clock.now().toString()}::timestamptz
    from jsonb_to_recordset(${values}::text::jsonb) as p(id uuid, urgent boolean)
    group by p.id
    order by p.id
    on conflict (subscriber_id) do update set
      wanted_version = mailerlite_links.wanted_version + 1,
      urgent = mailerlite_links.urgent or excluded.urgent,
      wanted_at = case
        when mailerlite_links.wanted_version > mailerlite_links.done_version then mailerlite_links.wanted_at
        else excluded.wanted_at end`);
}

/**
 * Notes that somebody who has left said so once more. The ledger needs no second row; but if they confirmed a
 * form in MailerLite in between, of which nothing is known here yet, this is the newer act.
 */
export async function noteLeftAgain(
  tx: Tx,
  subscriberId: string,
  { clock }: { clock: Clock },
): Promise<void> {
  const now = sql`${clock.now().toString()}::timestamptz`;
  await tx.execute(sql`
    insert into mailerlite_links (subscriber_id, left_again_at, wanted_at)
    values (${subscriberId}, ${now}, ${now})
    on conflict (subscriber_id) do update set left_again_at = excluded.left_again_at`);
}
