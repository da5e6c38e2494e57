import type { Tx } from '../../src/db/open.ts';
import { meetings, subscribers } from '../../src/db/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';

/** Wednesday 2 June 2027, 7 pm to 8 pm UK time. */
export async function juneMeeting(
  tx: Tx,
  changes: Partial<typeof meetings.$inferInsert> = {},
): Promise<string> {
  const startsAt = changes.startsAt ?? Temporal.Instant.from('2027-06-02T18:00:00Z');
  const id = newId(startsAt);
  await tx.insert(meetings).values({
    id,
    title: 'Splinting after stroke',
    wallStart: '2027-06-02T19:00',
    zone: 'Europe/London',
    startsAt,
    durationMinutes: 60,
    link: 'https://us06web.zoom.us/j/84512300001?pwd=abc',
    reminders: [],
    topic: 'meetings',
    uid: id,
    status: 'scheduled',
    createdAt: startsAt,
    updatedAt: startsAt,
    ...changes,
  });
  return id;
}

/** Somebody on the list. The id. */
export async function person(tx: Tx, clock: Clock, email: string, name: string | null): Promise<string> {
  const id = newId(clock.now());
  await tx.insert(subscribers).values({
    id,
    email,
    emailNormalised: email,
    name,
    state: 'active',
    createdAt: clock.now(),
    updatedAt: clock.now(),
  });
  return id;
}
