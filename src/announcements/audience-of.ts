import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import {
  audienceCounts,
  exclusionReason,
  mayBeMailed,
  meantFor,
  type TopicSizes,
} from '../subscribers/audience.ts';
import type { Topic } from '../db/schema.ts';
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
      return sql`${meantFor(topic)} and not exists (select 1 from ${provided(audienceOf)} p where p.subscriber_id = s.id)`;
  }
}

/** How many people an announcement would reach if it went out at an instant. */
export async function audienceSize(tx: Tx, audience: Audience, at: Temporal.Instant): Promise<number> {
  return audienceSizes(tx, at)(audience);
}

/**
 * Counts the audiences of several announcements at an instant, each of them once.
 *
 * @param known how many people get mail about each topic at that instant, if it has been counted already.
 * @returns a function that gives the number of people an announcement would reach.
 */
export function audienceSizes(
  tx: Tx,
  at: Temporal.Instant,
  known?: TopicSizes,
): (audience: Audience) => Promise<number> {
  let byTopic = known === undefined ? undefined : Promise.resolve(known);
  const counted = new Map<string, Promise<number>>();
  const among = async (topic: Topic, condition: SQL) => {
    const [row] = await rows<{ n: number }>(
      tx,
      sql`select count(*)::int as n from subscribers s where ${condition} and ${mayBeMailed(topic, at)}`,
    );
    return row!.n;
  };
  const count = async (audience: Audience) => {
    const { audienceKind, audienceOf, topic } = audience;
    if (audienceKind !== 'topic' && audienceKind !== 'missed')
      return among(topic, audienceCondition(audience));
    byTopic ??= audienceCounts(tx, at);
    const all = (await byTopic).get(topic) ?? 0;
    if (audienceKind === 'topic') return all;
    return all - (await among(topic, sql`s.id in (select p.subscriber_id from ${provided(audienceOf)} p)`));
  };
  return (audience) => {
    const { audienceKind, audienceOf, topic, meetingId } = audience;
    const key = [topic, audienceKind, audienceOf, audienceKind === 'topic' ? '' : meetingId].join(' ');
    const size = counted.get(key) ?? count(audience);
    counted.set(key, size);
    return size;
  };
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

/** Who got an announcement or is to get it, or got what went after it to those who had missed it: a table of ids. */
function provided(announcementId: string | null): SQL {
  return sql`(
    select d.subscriber_id from announcements o join deliveries d on d.announcement_id = o.id
    where d.state in ('pending', 'sending', 'sent', 'unknown')
      and (o.id = ${announcementId}::uuid or (o.audience_kind = 'missed' and o.audience_of = ${announcementId}::uuid))
  )`;
}

/** The people who know of a meeting, or whose notice of it was stopped half-way by the change. */
function toldAbout(meetingId: string): SQL {
  return sql`s.state <> 'unconfirmed' and s.id in (
    select d.subscriber_id from announcements told join deliveries d on d.announcement_id = told.id
    where told.meeting_id = ${meetingId}
      and (d.state in ${REACHED} or (d.state = 'cancelled' and d.reason = ${OVERTAKEN}))
  )`;
}
