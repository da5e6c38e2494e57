import { and, eq, isNull, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { announcements } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { exclusionReason } from '../subscribers/audience.ts';
import { audienceCondition } from './audience-of.ts';
import { hashContent, type FrozenContent } from './frozen-content.ts';
import type { Announcement } from './announcements.ts';

/** Deliveries in one chunk: what one delivery job works on. */
export const CHUNK_SIZE = 500;

/** Held while deliveries are written; `forget_subscriber_in_deliveries` names it too. */
const FILLING_LOCK = 726_011_004;

/** From so many new rows on, plans that were made for the table as it was before would read all of it. */
const MANY = 1_000;

/** A reminder this soon after the correction of the same meeting would be a second mail about one change. */
const COVERED_BY_CORRECTION = Temporal.Duration.from({ hours: 1 });

/**
 * Freezes an announcement that is about to go out: its content is kept as it will be sent, and its audience is
 * written as one delivery per person, in one statement. Doing it twice changes nothing: it is frozen by then. Rows are
 * written in the order of addresses: of the indexes that of addresses is the dearest to write to in any other.
 *
 * @param mailDomain right-hand side of the Message-IDs.
 * @returns the size of the audience; `undefined` when the announcement changed since it was read.
 */
export async function freezeAnnouncement(
  tx: Tx,
  announcement: Announcement,
  content: FrozenContent,
  { clock, mailDomain }: { clock: Clock; mailDomain: string },
): Promise<number | undefined> {
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const meeting = announcement.meetingId ? await findMeeting(inner, announcement.meetingId) : undefined;
    if (meeting && meeting.sequence !== content.meetingSequence) return undefined;
    const frozen = await inner
      .update(announcements)
      .set({
        content,
        contentHash: hashContent(content),
        frozenAt: now,
        meetingSequence: content.meetingSequence,
        updatedAt: now,
      })
      .where(
        and(
          eq(announcements.id, announcement.id),
          eq(announcements.state, 'approved'),
          eq(announcements.updatedAt, announcement.updatedAt),
          isNull(announcements.frozenAt),
        ),
      )
      .returning({ id: announcements.id });
    if (frozen.length === 0) return undefined;
    await expand(inner, announcement, now, mailDomain);
    const [books] = await rows<{ audience: number; chunks: number }>(
      inner,
      sql`update announcements a
        set audience = b.n, chunks = b.chunks
        from (
          select count(*)::int as n, coalesce(max(chunk) + 1, 0)::int as chunks
          from deliveries where announcement_id = ${announcement.id}
        ) b
        where a.id = ${announcement.id}
        returning a.audience, a.chunks`,
    );
    if (books!.audience >= MANY) await inner.execute(sql`analyze deliveries`);
    return books!.audience;
  });
}

async function expand(
  tx: Tx,
  announcement: Announcement,
  now: Temporal.Instant,
  mailDomain: string,
): Promise<void> {
  const reason =
    announcement.kind === 'reminder'
      ? sql`coalesce(${exclusionReason(announcement.topic, now)}, ${coveredByCorrection(announcement)})`
      : exclusionReason(announcement.topic, now);
  // The rows of a long list are sorted in memory.
  await tx.execute(sql`set local work_mem = '64MB'`);
  // A chunk is 500 neighbours by address, whose rows lie together. Which of them come first differs from announcement to
  // announcement, so that nobody's address makes them always the last to hear of a vacancy. The end of an id is random,
  // its beginning may be the time: weekly mails would begin at the same place for months.
  const rotation = Number.parseInt(announcement.id.slice(-6), 16);
  // Nobody is erased while their delivery cannot be found yet: the trigger that takes an erased person out of deliveries
  // waits for this lock.
  await tx.execute(sql`select pg_advisory_xact_lock_shared(${FILLING_LOCK}::bigint)`);
  await tx.execute(sql`
    insert into deliveries (
      id, announcement_id, subscriber_id, email, email_normalised, name, chunk, state, reason, message_id, settled_at
    )
    select
      p.id, ${announcement.id}, p.subscriber_id, p.email, p.email_normalised, p.name,
      (((row_number() over (order by p.email_normalised) - 1) / ${CHUNK_SIZE}::int + ${rotation}::int)
        % ceil(count(*) over () / ${CHUNK_SIZE}::numeric)::int)::int,
      case when p.reason is null then 'pending' else 'excluded' end, p.reason,
      p.id::text || '@' || ${mailDomain}::text,
      case when p.reason is null then null else ${now.toString()}::timestamptz end
    from (
      select
        delivery_id(${announcement.id}::uuid, s.id) as id,
        s.id as subscriber_id, s.email, s.email_normalised, s.name, ${reason} as reason
      from subscribers s
      where ${audienceCondition(announcement)}
      -- Keeps the id and the reason from being worked out once for each column that is made of them.
      offset 0
    ) p`);
}

function coveredByCorrection({ meetingId, sendAt }: Announcement) {
  const since = sendAt.subtract(COVERED_BY_CORRECTION).toString();
  return sql`(
    select 'Was told of this meeting by the change notice a short while ago.'
    from announcements c join deliveries cd on cd.id = delivery_id(c.id, s.id)
    where c.meeting_id = ${meetingId} and c.kind = 'changed' and c.send_at > ${since}::timestamptz
      and cd.state in ('pending', 'sending', 'sent', 'unknown')
    limit 1
  )`;
}
