import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { planBulletins } from '../src/announcements/bulletins.ts';
import { heartbeats } from '../src/db/schema.ts';
import { defineJob } from './define.ts';

/** How often bulletins are drafted and take in what was approved since. */
const INTERVAL = Temporal.Duration.from({ minutes: 5 });

const HEARTBEAT = 'bulletin-plan';

/** Drafts bulletins two days ahead and keeps them in step with their schedule and their items. */
export const planBulletinsJob = defineJob({
  name: 'bulletin-plan',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock }) {
    const [last] = await db.select().from(heartbeats).where(eq(heartbeats.name, HEARTBEAT));
    const due = !last || Temporal.Instant.compare(last.at.add(INTERVAL), clock.now()) <= 0;
    return due ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { db, clock, settings }) {
    await planBulletins(db, { clock, settings: await settings() });
    await db
      .insert(heartbeats)
      .values({ name: HEARTBEAT, at: clock.now(), detail: {} })
      .onConflictDoUpdate({ target: heartbeats.name, set: { at: sql`excluded.at` } });
  },
});
