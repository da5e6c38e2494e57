import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { exclusionReason, meantFor } from '../subscribers/audience.ts';
import type { Announcement } from './announcements.ts';
import { OVERTAKEN } from './planning.ts';

type Audience = Pick<Announcement, 'audienceKind' | 'audienceOf' | 'topic' | 'meetingId'>;

/** A message that arrived, or may have. */
const REACHED = sql`('sending', 'sent', 'unknown')`;

/** Whom an announcement is meant for: an SQL condition on the subscriber `s`. */
export function audienceCondition({ audienceKind, audienceOf, topic, meetingId }: Audience): SQL {
  switch (audienceKind) {
    case 'topic':
      return meantFor(topic);
    case 'told':
      return toldAbout(meetingId ?? '');
    case 'got':
      return sql`s.state <> 'unconfirmed' and s.id in (
        select d.subscriber_id from deliveries d
        where d.announcement_id = ${audienceOf}::uuid and d.state in ${REACHED}
      )`;
    case 'attended':
      return sql`s.state <> 'unconfirmed' and s.id in (
        select a.subscriber_id from attendances a where a.meeting_id = ${meetingId} and a.seconds > 0
      )`;
    case 'missed':
      return sql`${meantFor(topic)} and not exists (
        select 1 from deliveries d join announcements o on o.id = d.announcement_id
        where d.subscriber_id = s.id and d.state in ('pending', 'sending', 'sent', 'unknown')
          and (o.id = ${audienceOf}::uuid or (o.audience_kind = 'missed' and o.audience_of = ${audienceOf}::uuid))
      )`;
  }
}

/** How many people an announcement would reach if it went out at an instant. */
export async function audienceSize(tx: Tx, announcement: Audience, at: Temporal.Instant): Promise<number> {
  const [row] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int as n from subscribers s
      where ${audienceCondition(announcement)} and ${exclusionReason(announcement.topic, at)} is null`,
  );
  return row!.n;
}

/** Why a subscriber would not get an announcement that went out at an instant; `undefined` when they would. */
export async function whyLeftOut(
  tx: Tx,
  announcement: Audience,
  subscriberId: string,
  at: Temporal.Instant,
): Promise<string | undefined> {
  const [row] = await rows<{ reason: string | null }>(
    tx,
    sql`select coalesce(
        ${exclusionReason(announcement.topic, at)},
        case when not (${audienceCondition(announcement)}) then 'Is not among the people that this is for.' end
      ) as reason
      from subscribers s where s.id = ${subscriberId}`,
  );
  return row?.reason ?? undefined;
}

/** The people who know of a meeting, or whose notice of it was stopped half-way by the change. */
function toldAbout(meetingId: string): SQL {
  return sql`s.state <> 'unconfirmed' and s.id in (
    select d.subscriber_id from announcements told join deliveries d on d.announcement_id = told.id
    where told.meeting_id = ${meetingId}
      and (d.state in ${REACHED} or (d.state = 'cancelled' and d.reason = ${OVERTAKEN}))
  )`;
}
