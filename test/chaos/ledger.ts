import { sql } from 'drizzle-orm';
import { readBooks } from '../../src/announcements/books.ts';
import { rows, type Db } from '../../src/db/open.ts';

/** One delivery as the run left it. */
export interface DeliveryRow {
  readonly id: string;
  readonly announcementId: string;
  readonly email: string;
  readonly state: string;
  readonly reason: string | null;
  readonly messageId: string;
  readonly claimedBy: string | null;
}

/** One claim, as a trigger of the suite noted it. Times in milliseconds. */
export interface ClaimRow {
  readonly deliveryId: string;
  /** When, on the clock of this machine, which nobody shifts. */
  readonly at: number;
  /** When, on the clock of the process that claimed. */
  readonly ownAt: number;
  /** The late limit of the announcement at that moment. */
  readonly lateAfter: number;
}

export interface RunRow {
  readonly id: string;
  readonly meetingId: string | null;
  readonly kind: string;
  readonly title: string;
  readonly state: string;
  /** As frozen; null for one that never was. */
  readonly audience: number | null;
  readonly balanced: boolean;
  /** Of use for less than an hour. */
  readonly brief: boolean;
}

/** What the database says after a run. */
export interface Ledger {
  readonly deliveries: readonly DeliveryRow[];
  readonly claims: readonly ClaimRow[];
  readonly runs: readonly RunRow[];
  /** People of the audience of a frozen reminder that have no row in it. */
  readonly missing: readonly { readonly email: string; readonly title: string }[];
}

/** Whether an announcement is of use for less than an hour. */
export const BRIEF = sql`late_after - send_at < interval '1 hour'`;

/** Makes the database note every claim, whatever the program says of it. */
export async function noteClaims(db: Db): Promise<void> {
  for (const statement of [
    `create table chaos_claims (delivery_id uuid, own_at timestamptz, late_after timestamptz,
      at timestamptz not null default clock_timestamp())`,
    `create function chaos_note_claim() returns trigger language plpgsql as $$ begin
      insert into chaos_claims (delivery_id, own_at, late_after)
        select new.id, new.claimed_at, late_after from announcements where id = new.announcement_id;
      return null; end $$`,
    `create trigger chaos_note_claim after update on deliveries for each row
      when (new.state = 'sending' and new.claimed_by is distinct from old.claimed_by)
      execute function chaos_note_claim()`,
  ]) {
    await db.execute(sql.raw(statement));
  }
}

export async function readLedger(db: Db): Promise<Ledger> {
  const deliveries = await rows<DeliveryRow>(
    db,
    sql`select id, announcement_id as "announcementId", email, state, reason, message_id as "messageId",
      claimed_by as "claimedBy" from deliveries`,
  );
  const claims = await rows<ClaimRow>(
    db,
    sql`select delivery_id as "deliveryId", (extract(epoch from at) * 1000)::float8 as at,
      (extract(epoch from own_at) * 1000)::float8 as "ownAt",
      (extract(epoch from late_after) * 1000)::float8 as "lateAfter" from chaos_claims order by at`,
  );
  const announcements = await rows<Omit<RunRow, 'balanced'>>(
    db,
    sql`select id, meeting_id as "meetingId", kind, title, state, audience, ${BRIEF} as brief from announcements`,
  );
  const books = await readBooks(
    db,
    announcements.map(({ id }) => id),
  );
  const missing = await rows<{ email: string; title: string }>(
    db,
    sql`select s.email, a.title from announcements a cross join subscribers s
      where a.frozen_at is not null and a.kind = 'reminder' and s.state = 'active'
        and not exists (select 1 from deliveries d where d.id = delivery_id(a.id, s.id))`,
  );
  return {
    deliveries,
    claims,
    missing,
    runs: announcements.map((run) => {
      const { audience, sent, excluded, failed, unknown, cancelled, pending } = books.get(run.id)!;
      const settled = sent + excluded + failed + unknown + cancelled;
      return { ...run, balanced: pending === 0 && audience === settled && audience === (run.audience ?? 0) };
    }),
  };
}
