import { Queue } from 'bullmq';
import type { Log } from '../kernel/log.ts';
import { isReady, KEY_PREFIX, within, type RedisClient } from './connection.ts';

/** How much work of one job stands in Redis. */
export interface QueueCounts {
  readonly job: string;
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
}

/** A job to be queued: its whole id and its payload. */
export interface Entry {
  readonly id: string;
  readonly payload: unknown;
}

/** No question to Redis is worth a longer wait. */
const LIMIT_MS = 3_000;
const FAREWELL_MS = 500;

/** The queues of a program, one per job. */
export interface Queues {
  readonly all: readonly Queue[];
  /**
   * Queues those entries that are not there yet; a failed entry of the same id is replaced.
   *
   * @returns how many were queued.
   * @throws Error when Redis is away or slow.
   */
  add(job: string, entries: readonly Entry[]): Promise<number>;
  /** `undefined` while Redis is away. */
  counts(): Promise<QueueCounts[] | undefined>;
  close(): Promise<void>;
}

/** Makes the queues named `jobs` on a connection that they share and do not close. */
export function openQueues(jobs: readonly string[], client: RedisClient, log: Log): Queues {
  const queues = new Map(
    jobs.map((name) => {
      const queue = new Queue(name, {
        connection: client,
        prefix: KEY_PREFIX,
        streams: { events: { maxLen: 1_000 } },
        defaultJobOptions: {
          attempts: 1,
          removeOnComplete: true,
          removeOnFail: { age: 7 * 24 * 3_600, count: 200 },
        },
      });
      queue.on('error', (error) => log.debug({ err: error, queue: name }, 'queue error'));
      return [name, queue] as const;
    }),
  );

  async function add(job: string, entries: readonly Entry[]): Promise<number> {
    const queue = queues.get(job);
    if (!queue) throw new Error(`There is no queue for ${job}.`);
    const states = await lookUp(client, queue, entries);
    const failed = entries.filter((_, index) => states[index] === 'failed');
    for (const { id } of failed) await queue.remove(id);
    const wanted = entries.filter((_, index) => states[index] !== 'present');
    if (wanted.length > 0) {
      await queue.addBulk(
        wanted.map(({ id, payload }) => ({ name: job, data: payload, opts: { jobId: id } })),
      );
    }
    return wanted.length;
  }

  return {
    all: [...queues.values()],
    add: (job, entries) => within(LIMIT_MS, add(job, entries)),
    counts: async () => {
      if (!isReady(client)) return undefined;
      try {
        return await within(
          LIMIT_MS,
          Promise.all(
            [...queues].map(async ([job, queue]) => {
              const {
                waiting = 0,
                active = 0,
                failed = 0,
              } = await queue.getJobCounts('waiting', 'active', 'failed');
              return { job, waiting, active, failed };
            }),
          ),
        );
      } catch {
        return undefined;
      }
    },
    close: async () => {
      await Promise.allSettled([...queues.values()].map((queue) => within(FAREWELL_MS, queue.close())));
    },
  };
}

/** Where each entry stands, asked in one round trip. */
async function lookUp(
  client: RedisClient,
  queue: Queue,
  entries: readonly Entry[],
): Promise<('absent' | 'present' | 'failed')[]> {
  if (entries.length === 0) return [];
  const pipeline = client.pipeline();
  for (const { id } of entries) pipeline.exists(queue.toKey(id)).zscore(queue.toKey('failed'), id);
  const answers = (await pipeline.exec()) ?? [];
  return entries.map((_, index) => {
    const [existsError, exists] = answers[2 * index] ?? [new Error('Redis gave no answer')];
    const [failedError, failedAt] = answers[2 * index + 1] ?? [];
    if (existsError ?? failedError) throw existsError ?? failedError;
    if (failedAt !== null && failedAt !== undefined) return 'failed';
    return exists === 1 ? 'present' : 'absent';
  });
}
