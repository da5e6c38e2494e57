import { setTimeout as pause } from 'node:timers/promises';
import { eq, lt, sql } from 'drizzle-orm';
import { schedule, type ScheduledTask } from 'node-cron';
import { heartbeats } from '../db/schema.ts';
import { forgetOldFailures, readFailures } from './failures.ts';
import { jobId, jobKey } from './job-id.ts';
import type { AnyJob, JobServices } from './job.ts';
import { holdLease, releaseLease } from './lease.ts';
import type { Entry, Queues } from './queues.ts';
import { SingleFlight } from './single-flight.ts';

/** The lease of the one process that adds jobs. */
const LEASE = 'reconciler';

/** Name of the leader's heartbeat row; every worker has one of its own, `worker:<holder>`. */
export const RECONCILER_HEARTBEAT = 'reconciler';

const NUDGE_DELAY_MS = 20;

/** A pass that waits for a Redis that does not answer is left to itself. */
const STOP_PATIENCE_MS = 1_000;

export interface Reconciler {
  /** Looks for due work now, if this process leads and Redis answers; otherwise the next tick does. */
  nudge(): void;
  /** One beat: renews or takes the lead, and looks for due work when it has it. Never throws. */
  tick(): Promise<void>;
  /** Begins to tick, at once and every two seconds. */
  start(): void;
  /** Ends the ticking, waits for a pass that runs, and gives the lead back. */
  stop(): Promise<void>;
}

/**
 * The only place that adds jobs. It compares the work that rows ask for with what is queued, so that an emptied
 * Redis, a job lost on its way and a row changed by hand all come right by themselves.
 *
 * @param holder names this process among all workers.
 * @param redisReady whether Redis answers; while it does not, ticks only keep the lead and the heartbeat.
 */
export function createReconciler<Services extends JobServices>(options: {
  jobs: readonly AnyJob<Services>[];
  services: Services;
  queues: Pick<Queues, 'add'>;
  holder: string;
  redisReady: () => boolean;
}): Reconciler {
  const { jobs, services, queues, holder, redisReady } = options;
  const { db, clock, log } = services;
  let leads = false;
  let stopped = false;
  let task: ScheduledTask | undefined;
  let nextCleaning = clock.now();
  const trouble = new TroubleLog((error) => log.error({ err: error }, 'the database cannot be reached'));
  const passTrouble = new TroubleLog((error) => log.error({ err: error }, 'due work could not be queued'));

  /** Short, and free of Redis: however slow that is, this process keeps the lead and is not taken for dead. */
  async function beat(): Promise<void> {
    if (stopped) return;
    try {
      const held = await holdLease(db, LEASE, holder);
      if (held !== leads)
        log.info({ holder, leads: held }, held ? 'this worker leads' : 'another worker leads');
      leads = held;
      await recordHeartbeat(`worker:${holder}`, { leads, redis: redisReady() ? 'ready' : 'away' });
      trouble.over();
    } catch (error) {
      // Without the database nobody can say who leads.
      leads = false;
      trouble.met(error);
    }
  }

  async function pass(): Promise<void> {
    if (!leads || stopped) return;
    try {
      const added = redisReady() ? await addDueWork() : 0;
      passTrouble.over();
      const now = clock.now();
      await recordHeartbeat(RECONCILER_HEARTBEAT, { holder, redis: redisReady() ? 'ready' : 'away', added });
      if (Temporal.Instant.compare(now, nextCleaning) < 0) return;
      nextCleaning = now.add({ hours: 1 });
      await forgetOldFailures(db, now);
      await db.delete(heartbeats).where(lt(heartbeats.at, now.subtract({ hours: 24 })));
    } catch (error) {
      passTrouble.met(error);
    }
  }

  /** @throws Error when the database or Redis does not answer; the next pass begins anew. */
  async function addDueWork(): Promise<number> {
    const failures = await readFailures(db);
    const now = clock.now();
    let added = 0;
    for (const job of jobs) {
      if (stopped) break;
      const entries: Entry[] = [];
      for (const { key, payload } of await dueWork(job)) {
        const failure = failures.get(jobKey(job.name, key));
        if (failure && Temporal.Instant.compare(now, failure.retryAt) < 0) continue;
        entries.push({ id: jobId(job.name, key, (failure?.failures ?? 0) + 1), payload });
      }
      if (entries.length > 0) added += await queues.add(job.name, entries);
    }
    return added;
  }

  /** One job that cannot say what is due must not keep the others waiting. */
  async function dueWork(job: AnyJob<Services>) {
    try {
      return await job.due(services);
    } catch (error) {
      log.error({ job: job.name, err: error }, 'a job cannot say what is due');
      return [];
    }
  }

  async function recordHeartbeat(name: string, detail: Record<string, unknown>): Promise<void> {
    const at = clock.now();
    await db
      .insert(heartbeats)
      .values({ name, at, detail })
      .onConflictDoUpdate({ target: heartbeats.name, set: { at, detail: sql`excluded.detail` } });
  }

  const beats = new SingleFlight(beat);
  const passes = new SingleFlight(pass);
  const nudges = new SingleFlight(async () => {
    // What comes in the next instant is answered by the same pass.
    await pause(NUDGE_DELAY_MS);
    await passes.request();
  });

  async function tick(): Promise<void> {
    await beats.request();
    await passes.request();
  }

  return {
    nudge: () => {
      if (leads && !stopped) void nudges.request();
    },
    tick,
    start: () => {
      task = schedule('*/2 * * * * *', () => void tick(), { suppressMissedWarning: true });
      void tick();
    },
    stop: async () => {
      stopped = true;
      await task?.destroy();
      await Promise.race([
        Promise.all([nudges.idle(), passes.idle(), beats.idle()]),
        pause(STOP_PATIENCE_MS),
      ]);
      try {
        if (leads) await releaseLease(db, LEASE, holder);
        await db.delete(heartbeats).where(eq(heartbeats.name, `worker:${holder}`));
      } catch (error) {
        log.debug({ err: error }, 'the lead could not be given back');
      }
      leads = false;
    },
  };
}

/** Says once that something is wrong, and again when the reason changes, instead of every two seconds. */
class TroubleLog {
  readonly #say: (error: unknown) => void;
  #last: string | undefined;

  constructor(say: (error: unknown) => void) {
    this.#say = say;
  }

  met(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text !== this.#last) this.#say(error);
    this.#last = text;
  }

  over(): void {
    this.#last = undefined;
  }
}
