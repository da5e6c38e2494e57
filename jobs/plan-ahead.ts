import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { planAhead } from '../src/announcements/meeting-changes.ts';
import { heartbeats } from '../src/db/schema.ts';
import { defineJob } from './define.ts';

/** How often the horizon is moved on. Changes by people are planned at once, in their own transaction. */
const INTERVAL = Temporal.Duration.from({ minutes: 10 });

const HEARTBEAT = 'plan-ahead';

/** Writes the occurrences of every series up to the horizon, with their reminders. */
export const planAheadJob = defineJob({
  name: 'plan-ahead',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock }) {
    const [last] = await db.select().from(heartbeats).where(eq(heartbeats.name, HEARTBEAT));
    const due = !last || Temporal.Instant.compare(last.at.add(INTERVAL), clock.now()) <= 0;
    return due ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { db, clock, settings }) {
    await planAhead(db, { clock, settings: await settings() });
    await db
      .insert(heartbeats)
      .values({ name: HEARTBEAT, at: clock.now(), detail: {} })
      .onConflictDoUpdate({ target: heartbeats.name, set: { at: sql`excluded.at` } });
  },
});
