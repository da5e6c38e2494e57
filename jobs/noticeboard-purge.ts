import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { heartbeats } from '../src/db/schema.ts';
import { purgeNoticeboard } from '../src/noticeboard/retention.ts';
import { defineJob } from './define.ts';

const INTERVAL = Temporal.Duration.from({ hours: 1 });

const HEARTBEAT = 'noticeboard-purge';

/** Removes items that nobody confirmed, and what is kept of ended ones, after the times that the settings give. */
export const purgeNoticeboardJob = defineJob({
  name: 'noticeboard-purge',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock }) {
    const [last] = await db.select().from(heartbeats).where(eq(heartbeats.name, HEARTBEAT));
    const due = !last || Temporal.Instant.compare(last.at.add(INTERVAL), clock.now()) <= 0;
    return due ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { db, clock, settings, log }) {
    const removed = await purgeNoticeboard(db, { clock, settings: await settings() });
    if (Object.values(removed).some((n) => n > 0))
      log.info({ removed }, 'Old items of the noticeboard were removed');
    await db
      .insert(heartbeats)
      .values({ name: HEARTBEAT, at: clock.now(), detail: { ...removed } })
      .onConflictDoUpdate({
        target: heartbeats.name,
        set: { at: sql`excluded.at`, detail: sql`excluded.detail` },
      });
  },
});
