import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../../src/db/open.ts';
import { createAddressHash } from '../../src/subscribers/address-hash.ts';
import { addSubscriber, type Subscriber } from '../../src/subscribers/subscribers.ts';
import type { ManualClock } from '../support/clock.ts';

export const addressHash = createAddressHash('test'.repeat(8));

/** Somebody on the list, on an administrator's word. */
export function someone(
  db: Tx,
  clock: ManualClock,
  email = 'anna@example.org',
  topics: readonly string[] = ['meetings'],
): Promise<Subscriber> {
  return addSubscriber(db, { email, topics }, { clock, actor: 'cli', addressHash });
}

/** A run that is under way, about a topic, with one message still to go out to the person. */
export async function pendingDelivery(
  db: Tx,
  subscriber: Pick<Subscriber, 'id' | 'email' | 'emailNormalised'>,
  topic = 'meetings',
): Promise<string> {
  const announcement = crypto.randomUUID();
  const at = '2026-11-01T12:00:00Z';
  await db.execute(sql`
    insert into announcements (
      id, kind, topic, title, audience_kind, send_at, zone, late_after, state, state_at, state_by, dedupe_key,
      created_at, updated_at
    ) values (
      ${announcement}, 'reminder', ${topic}, 'Notice', 'topic', ${at}, 'Europe/London', ${at}, 'sending', ${at},
      'system', ${announcement}, ${at}, ${at}
    )`);
  const [delivery] = await rows<{ id: string }>(
    db,
    sql`insert into deliveries (
      id, announcement_id, subscriber_id, email, email_normalised, name, chunk, state, message_id
    ) values (
      delivery_id(${announcement}::uuid, ${subscriber.id}::uuid), ${announcement}, ${subscriber.id}, ${subscriber.email}, ${subscriber.emailNormalised}, 'Anna', 0,
      'pending', ${`${announcement}@example.org`}
    ) returning id`,
  );
  return delivery!.id;
}
