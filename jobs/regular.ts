import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { AnyJob } from '../src/queue/job.ts';
import type { Db } from '../src/db/open.ts';
import { heartbeats } from '../src/db/schema.ts';
import type { Services } from './services.ts';
import { defineJob } from './define.ts';

/**
 * A job without rows of its own: one piece of work that is due `every` so often after it last ended well.
 *
 * @param run returns what is to be kept of this run beside its time, such as counts.
 */
export function regularJob({
  name,
  every,
  run,
}: {
  readonly name: string;
  readonly every: Temporal.Duration;
  readonly run: (services: Services) => Promise<Record<string, unknown>>;
}): AnyJob<Services> {
  return defineJob({
    name,
    schema: z.object({}),
    concurrency: 1,

    async due({ db, clock }) {
      const last = await lastRun(db, name);
      const due = !last || Temporal.Instant.compare(last.add(every), clock.now()) <= 0;
      return due ? [{ key: 'all', payload: {} }] : [];
    },

    async run(_, services) {
      await recordRun(services, name, await run(services));
    },
  });
}

/** When a regular job last ended well. */
export async function lastRun(db: Db, name: string): Promise<Temporal.Instant | undefined> {
  const [last] = await db.select({ at: heartbeats.at }).from(heartbeats).where(eq(heartbeats.name, name));
  return last?.at;
}

/** Writes down that a regular job has ended well just now, with what is to be kept of it. */
export async function recordRun(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  name: string,
  detail: Record<string, unknown>,
): Promise<void> {
  await db
    .insert(heartbeats)
    .values({ name, at: clock.now(), detail })
    .onConflictDoUpdate({
      target: heartbeats.name,
      set: { at: sql`excluded.at`, detail: sql`excluded.detail` },
    });
}
