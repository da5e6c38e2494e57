import type { FastifyPluginCallback } from 'fastify';
import type { RedisLocation } from '../config/redis-url.ts';
import type { Log } from '../kernel/log.ts';
import { queueBoard } from './board.ts';
import { checkRedis, type RedisFinding } from './checks.ts';
import { connectRedis, isReady, whenReady } from './connection.ts';
import type { AnyJob, JobServices } from './job.ts';
import { listenForNudges, publishNudge } from './nudges.ts';
import { openQueues, type QueueCounts } from './queues.ts';
import { createReconciler } from './reconciler.ts';
import { startWorkers } from './workers.ts';

/** The queues of this process, and from `work` on its workers and its candidacy for the lead. */
export interface RunningQueue {
  /** Whether Redis answers at this moment. */
  readonly ready: boolean;
  /** What is wrong with the Redis in use; empty while it is away. */
  check(): Promise<RedisFinding[]>;
  /** `undefined` while Redis is away. */
  counts(): Promise<QueueCounts[] | undefined>;
  board(basePath: string): Promise<FastifyPluginCallback>;
  /** Tells the leading worker that rows have changed. Never fails, and does not wait for a Redis that is away. */
  nudge(): Promise<void>;
  /** Waits until Redis answers, `limitMs` at most. */
  connected(limitMs: number): Promise<boolean>;
  /** Begins to work, and to look for work when this process gets the lead. */
  work<Services extends JobServices>(
    jobs: readonly AnyJob<Services>[],
    services: Services,
    holder: string,
  ): void;
  /**
   * Takes no more work and waits for what runs.
   *
   * @returns false when a job had not ended after `graceMs`.
   */
  stop(graceMs: number): Promise<boolean>;
}

/** Opens the queues of the named jobs. Redis may be away, now and at any later time. */
export function openQueue(location: RedisLocation, jobNames: readonly string[], log: Log): RunningQueue {
  const client = connectRedis(location, 'main');
  const queues = openQueues(jobNames, client, log);
  const ready = () => isReady(client);
  /** Stops the parts that work, in order; empty in a process that only looks. */
  const stopWork: ((graceMs: number) => Promise<boolean>)[] = [];
  let nudgeHere = () => {};
  let away = false;
  client.on('error', (error) => {
    if (!away) log.warn({ err: error }, 'Redis is away; work goes on when it is back');
    away = true;
  });
  client.on('ready', () => {
    if (away) log.info('Redis is back');
    away = false;
    nudgeHere();
  });

  function work<Services extends JobServices>(
    jobs: readonly AnyJob<Services>[],
    services: Services,
    holder: string,
  ): void {
    const reconciler = createReconciler({ jobs, services, queues, holder, redisReady: ready });
    const workers = startWorkers({
      jobs,
      services,
      client,
      onDone: () => void nudge(),
    });
    const nudges = listenForNudges(location, log, () => reconciler.nudge());
    nudgeHere = () => reconciler.nudge();
    reconciler.start();
    stopWork.push(async (graceMs) => {
      nudges.close();
      // The heartbeat goes on until the work has ended: what is still claimed must not look abandoned.
      const clean = await workers.close(graceMs);
      await reconciler.stop();
      return clean;
    });
  }

  async function nudge(): Promise<void> {
    nudgeHere();
    await publishNudge(client);
  }

  return {
    get ready() {
      return ready();
    },
    check: async () => (ready() ? checkRedis(client).catch(() => []) : []),
    counts: () => queues.counts(),
    board: (basePath) => queueBoard(queues.all, basePath, ready),
    nudge,
    connected: (limitMs) => whenReady(client, limitMs),
    work,
    stop: async (graceMs) => {
      const clean = await Promise.all(stopWork.map((stop) => stop(graceMs)));
      await queues.close();
      client.disconnect();
      return clean.every(Boolean);
    },
  };
}
