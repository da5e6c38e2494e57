import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { eraseSubscriber } from '../../src/subscribers/erasure.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { until } from '../support/wait.ts';
import { addressHash } from '../subscribers/people.ts';
import { runsOf } from './runs.ts';

const clock = new ManualClock('2026-11-23T12:00:00Z');
const database = useTestDatabase();
const runs = runsOf(database, clock);

it('leaves nothing of somebody who is erased while the deliveries are being written', async () => {
  const { id, people } = await runs.reminder(3);
  clock.set('2026-11-25T17:58:00Z');
  let erased = false;
  let erasing: Promise<void> | undefined;
  await database.db.transaction(async (tx) => {
    expect(await runs.freeze(id, tx)).toBe(3);
    erasing = eraseSubscriber(
      database.db,
      { id: people[0]!, by: 'administrator' },
      { clock, actor: 'admin', addressHash },
    ).then(() => void (erased = true));
    await until('the erasure waits', async () => {
      const waiting = sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return erased || (await rows(database.db, waiting)).length > 0;
    });
    expect(erased).toBe(false);
  });
  await erasing;
  const found = await rows<{ email: string; subscriberId: string | null }>(
    database.db,
    sql`select email, subscriber_id as "subscriberId" from deliveries order by email`,
  );
  expect(found).toEqual([
    { email: 'erased', subscriberId: null },
    { email: 'person1@example.org', subscriberId: people[1] },
    { email: 'person2@example.org', subscriberId: people[2] },
  ]);
});
