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
