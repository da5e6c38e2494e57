import { sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ThereStatus } from './types.ts';

/** What MailerLite showed of a person: from now on what both sides are compared with. */
export interface SeenLink {
  readonly subscriberId: string;
  readonly mailerliteId: string;
  readonly status: ThereStatus;
  readonly topics: readonly Topic[];
  readonly email: string;
  readonly emailThere: string | null;
  /** When they opted out there, as ISO text; null keeps what is known. */
  readonly optedOutAt: string | null;
}

/**
 * Saves what was seen. What was settled with MailerLite after the answer was asked for is newer and stays. A
 * MailerLite id that another person of ours had goes over to this one.
 */
export async function saveSeen(
  tx: Tx,
  seen: readonly SeenLink[],
  { clock, askedAt, runId }: { clock: Clock; askedAt: Temporal.Instant; runId?: string },
): Promise<void> {
  if (seen.length === 0) return;
  const now = sql`${clock.now().toString()}::timestamptz`;
  const values = JSON.stringify(seen);
  const given = sql`jsonb_to_recordset(${values}::text::jsonb) as p(
    "subscriberId" uuid, "mailerliteId" text, status text, topics jsonb, email text, "emailThere" text,
    "optedOutAt" timestamptz)`;
  await tx.execute(sql`
    update mailerlite_links l set mailerlite_id = null, status = null, topics = '{}'
    from ${given}
    where l.mailerlite_id = p."mailerliteId" and l.subscriber_id <> p."subscriberId"`);
  await tx.execute(sql`
    insert into mailerlite_links (
      subscriber_id, mailerlite_id, status, topics, email, email_there, opted_out_at, seen_at, seen_run,
      wanted_at
    )
    select p."subscriberId", p."mailerliteId", p.status, array(select jsonb_array_elements_text(p.topics)), p.email,
      p."emailThere", p."optedOutAt", ${now}, ${runId ?? null}::uuid, ${now}
    from ${given}
    order by p."subscriberId"
    on conflict (subscriber_id) do update set
      mailerlite_id = excluded.mailerlite_id, status = excluded.status, topics = excluded.topics,
      email = excluded.email, email_there = excluded.email_there,
      opted_out_at = coalesce(excluded.opted_out_at, mailerlite_links.opted_out_at), seen_at = excluded.seen_at,
      seen_run = coalesce(excluded.seen_run, mailerlite_links.seen_run)
    where (mailerlite_links.done_at is null or mailerlite_links.done_at <= ${askedAt.toString()}::timestamptz)
      and (mailerlite_links.seen_at is null or mailerlite_links.seen_at <= ${askedAt.toString()}::timestamptz)`);
}
