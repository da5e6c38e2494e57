import { sql } from 'drizzle-orm';
import { readBooks } from '../../src/announcements/books.ts';
import { rows, type Db } from '../../src/db/open.ts';
import type { Injected } from './faults.ts';
import type { Stop } from './group.ts';
import type { Arrival } from './smtp.ts';

/** How a run ended, as the mail server and the ledger tell it. */
export interface Verdict {
  readonly deliveries: number;
  readonly sent: number;
  readonly excluded: number;
  readonly failed: number;
  readonly unknown: number;
  readonly cancelled: number;
  readonly doubled: number;
  readonly lost: number;
  /** Opt-outs that were acknowledged while the run went on. */
  readonly optOuts: number;
  /** One sentence for everything that is not as it must be. */
  readonly wrong: readonly string[];
}

/** What the suite did and saw during a run. */
export interface Journal {
  readonly arrivals: readonly Arrival[];
  /** Messages whose content began to reach the mail server. */
  readonly begun: ReadonlySet<string>;
  readonly faults: readonly Injected[];
  readonly stops: readonly Stop[];
  /** When the answer to an opt-out came, by address. */
  readonly optOuts: ReadonlyMap<string, number>;
  /** The name of the process that a claim belongs to. */
  actorOf(claimedBy: string): string | undefined;
}

interface Row {
  readonly id: string;
  readonly announcementId: string;
  readonly email: string;
  readonly state: string;
  readonly reason: string | null;
  readonly messageId: string;
  readonly claimedBy: string | null;
}

/** Claims and what came of them may be this long apart, when nothing was recorded in between. */
const SILENCE_MS = 90_000;

/** Holds the messages at the mail server against the ledger. Nothing may be under way any more. */
export async function judge(db: Db, journal: Journal): Promise<Verdict> {
  const wrong: string[] = [];
  const deliveries = await rows<Row>(
    db,
    sql`select id, announcement_id as "announcementId", email, state, reason, message_id as "messageId",
      claimed_by as "claimedBy" from deliveries`,
  );
  const claims = new Map<string, number[]>();
  for (const { id, at } of await rows<{ id: string; at: number }>(
    db,
    sql`select delivery_id as id, (extract(epoch from at) * 1000)::float8 as at from chaos_claims order by at`,
  )) {
    claims.set(id, [...(claims.get(id) ?? []), at]);
  }
  const kept = new Map<string, number>();
  const answered = new Set<string>();
  for (const arrival of journal.arrivals) {
    if (arrival.kept) kept.set(arrival.messageId, (kept.get(arrival.messageId) ?? 0) + 1);
    if (arrival.answered) answered.add(arrival.messageId);
  }
  const counts = { sent: 0, excluded: 0, failed: 0, unknown: 0, cancelled: 0 };
  let doubled = 0;
  let lost = 0;
  for (const row of deliveries) {
    const copies = kept.get(row.messageId) ?? 0;
    const say = (what: string) =>
      wrong.push(`${what}: ${row.email}, ${row.id} (${row.state}: ${row.reason ?? ''})`);
    if (copies > 1) {
      doubled += 1;
      say(`arrived ${copies} times`);
    }
    switch (row.state) {
      case 'sent':
        if (copies === 0) {
          lost += 1;
          say('sent, but never arrived');
        }
        break;
      case 'unknown': {
        const last = claims.get(row.id)?.at(-1) ?? 0;
        if (!explained(row, last)) say('unknown without a fault');
        break;
      }
      case 'excluded':
      case 'failed':
      case 'cancelled':
        if (copies > 0) say('arrived all the same');
        if (!row.reason) say('has no reason');
        break;
      default:
        lost += 1;
        say('never came to an end');
    }
    if (row.state in counts) counts[row.state as keyof typeof counts] += 1;
    for (const at of claims.get(row.id) ?? []) {
      const stop = journal.stops.find(
        (each) => each.announcementId === row.announcementId && at > each.from && at < each.to,
      );
      if (stop) say(`claimed after an acknowledged ${stop.why}`);
      if (at > (journal.optOuts.get(row.email) ?? Number.POSITIVE_INFINITY)) say('claimed after an opt-out');
    }
  }

  function explained({ reason, messageId, claimedBy }: Row, claimedAt: number): boolean {
    const actor = claimedBy === null ? undefined : journal.actorOf(claimedBy);
    const met = journal.faults.some(
      ({ touches, from, to }) =>
        actor !== undefined && touches.has(actor) && from <= claimedAt + SILENCE_MS && to >= claimedAt,
    );
    if (reason?.startsWith('Convenor stopped')) return met;
    // The mail server kept its answer to itself, or the answer was lost on its way.
    return journal.begun.has(messageId) && (!answered.has(messageId) || met);
  }

  const ids = new Set(deliveries.map(({ messageId }) => messageId));
  const people = new Set(deliveries.map(({ email }) => email));
  for (const { messageId, to, kept: isKept } of journal.arrivals)
    if (isKept && people.has(to) && !ids.has(messageId))
      wrong.push(`a message that no row tells of: ${messageId}`);

  const missing = await rows<{ email: string; title: string }>(
    db,
    sql`select s.email, a.title from announcements a cross join subscribers s
      where a.frozen_at is not null and a.kind = 'reminder' and s.state = 'active'
        and not exists (select 1 from deliveries d where d.announcement_id = a.id and d.subscriber_id = s.id)`,
  );
  lost += missing.length;
  for (const { email, title } of missing) wrong.push(`${email} has no row for "${title}"`);

  const runs = await rows<{ id: string; state: string; title: string; audience: number | null }>(
    db,
    sql`select id, state, title, audience from announcements`,
  );
  const books = await readBooks(
    db,
    runs.map(({ id }) => id),
  );
  const stopped = new Set(
    journal.stops.filter(({ why }) => why !== 'hold').map((stop) => stop.announcementId),
  );
  for (const { id, state, title, audience } of runs) {
    const { audience: total, sent, excluded, failed, unknown, cancelled, pending } = books.get(id)!;
    if (total !== sent + excluded + failed + unknown + cancelled || pending > 0 || total !== (audience ?? 0))
      wrong.push(`the books of "${title}" do not balance`);
    if (state !== 'sent' && !(state === 'cancelled' && stopped.has(id)))
      wrong.push(`"${title}" ended as ${state}`);
  }
  return {
    deliveries: deliveries.length,
    ...counts,
    doubled,
    lost,
    optOuts: journal.optOuts.size,
    wrong,
  };
}
