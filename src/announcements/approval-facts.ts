import { sql } from 'drizzle-orm';
import { toInstant, toWall } from '../calendar/wall.ts';
import { rows, type Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';

/** How many people each of the last three announcements of a topic reached, the newest first. */
export async function lastAudiences(tx: Tx, topic: Topic): Promise<number[]> {
  const found = await rows<{ n: number }>(
    tx,
    sql`select (
        select count(*) from deliveries d where d.announcement_id = a.id and d.state in ('sent', 'unknown')
      )::int as n
      from announcements a
      where a.topic = ${topic} and a.state = 'sent' and a.audience_kind = 'topic' and a.audience > 0
      order by a.send_at desc, a.id desc limit 3`,
  );
  return found.map(({ n }) => n);
}

/** Another mail that people of a topic get on the same day. */
export interface SameDayMail {
  readonly id: string;
  readonly title: string;
  readonly sendAt: Temporal.Instant;
}

/** The other mails on the day of an instant, on the wall clock of a zone, that reach anybody who gets a topic. */
export async function sameDayMails(
  tx: Tx,
  { id, topic }: { id: string; topic: Topic },
  at: Temporal.Instant,
  zone: string,
): Promise<SameDayMail[]> {
  const day = toWall(at, zone).toPlainDate();
  const from = toInstant(day.toPlainDateTime(), zone).toString();
  const to = toInstant(day.add({ days: 1 }).toPlainDateTime(), zone).toString();
  const found = await rows<{ id: string; title: string; sendAt: string }>(
    tx,
    sql`select a.id, a.title, a.send_at as "sendAt" from announcements a
      where a.id <> ${id} and a.send_at >= ${from}::timestamptz and a.send_at < ${to}::timestamptz
        and a.state in ('approved', 'sending', 'sent', 'held')
        and exists (
          select 1 from topic_subscriptions mine
          join topic_subscriptions theirs on theirs.subscriber_id = mine.subscriber_id
          where mine.topic = ${topic} and mine.subscribed and theirs.topic = a.topic and theirs.subscribed
        )
      order by a.send_at, a.id`,
  );
  return found.map((row) => ({ ...row, sendAt: Temporal.Instant.from(row.sendAt) }));
}
