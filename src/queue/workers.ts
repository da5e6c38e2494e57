import { Worker } from 'bullmq';
import { withoutAddresses } from '../kernel/log.ts';
import { KEY_PREFIX, type RedisClient } from './connection.ts';
import { clearFailure, recordFailure } from './failures.ts';
import type { AnyJob, JobServices } from './job.ts';
import { parseJobId } from './job-id.ts';

/**
 * The lock of a job is renewed every second and runs out after 4 s; stalled jobs are looked for every second. So work
 * of a killed worker waits for the next free place after 5 s at the latest.
 */
const LOCK_MS = 4_000;
const LOCK_RENEWAL_MS = 1_000;
const STALLED_CHECK_MS = 1_000;

/** Work that brought its worker down this often is a failed attempt like any other. */
const STALLS_PER_ATTEMPT = 3;

/** How long closing waits for Redis when no work runs any more. */
const FAREWELL_MS = 1_500;

export interface Workers {
  /**
   * Takes no more jobs, tells those that run to stop at their next safe point, and waits for them.
   *
   * @returns false when some still ran after `graceMs`; they are left to the next worker.
   */
  close(graceMs: number): Promise<boolean>;
}

/** Starts a worker for every job; `onDone` is called after each one that ended well. */
export function startWorkers<Services extends JobServices>(options: {
  jobs: readonly AnyJob<Services>[];
  services: Services;
  client: RedisClient;
  onDone: () => void;
}): Workers {
  const { jobs, services, client, onDone } = options;
  const { db, clock, log } = services;
  const stop = new AbortController();
  const running = new Set<Promise<void>>();

  async function fail(id: string, error: unknown): Promise<void> {
    const { jobKey, attempt: number } = parseJobId(id);
    log.warn({ job: jobKey, attempt: number, err: error }, 'job failed');
    try {
      await recordFailure(db, jobKey, number, error, clock.now());
    } catch (recordError) {
      log.error({ job: jobKey, err: recordError }, 'the failure of a job could not be recorded');
    }
  }

  async function attempt(
    definition: AnyJob<Services>,
    id: string,
    data: unknown,
    lost: AbortSignal | undefined,
  ): Promise<void> {
    const { jobKey, attempt: number } = parseJobId(id);
    const signal = lost === undefined ? stop.signal : AbortSignal.any([stop.signal, lost]);
    try {
      await definition.run(definition.schema.parse(data), { ...services, signal });
    } catch (error) {
      // Being told to stop is not a fault of the work: its rows are as they were, and it is found again.
      if (!signal.aborted) await fail(id, error);
      throw new RecordedFailure(error);
    }
    if (number > 1) await clearFailure(db, jobKey);
  }

  const workers = jobs.map((definition) => {
    const worker = new Worker(
      definition.name,
      async (job, _token, lost) => {
        const work = attempt(definition, job.id ?? '', job.data, lost);
        running.add(work);
        try {
          await work;
        } finally {
          running.delete(work);
        }
      },
      {
        connection: client,
        prefix: KEY_PREFIX,
        concurrency: definition.concurrency,
        lockDuration: LOCK_MS,
        lockRenewTime: LOCK_RENEWAL_MS,
        stalledInterval: STALLED_CHECK_MS,
        maxStalledCount: STALLS_PER_ATTEMPT,
        drainDelay: 2,
        runRetryDelay: 500,
      },
    );
    worker.on('error', (error) => log.debug({ err: error, queue: definition.name }, 'worker error'));
    worker.on('completed', onDone);
    worker.on('stalled', (id) =>
      log.warn({ job: id }, 'a worker went away in the middle of a job; it is taken over'),
    );
    // What is not recorded yet is work that brought its worker down each time.
    worker.on('failed', (job, error) => {
      if (job?.id !== undefined && !(error instanceof RecordedFailure)) void fail(job.id, error);
    });
    return worker;
  });

  return {
    close: async (graceMs) => {
      stop.abort();
      const closed = Promise.allSettled(workers.map((worker) => worker.close()));
      const clean = await endsWithin(graceMs, idle());
      // The work is done and recorded; only Redis has to be told. Without an answer the next worker finds nothing to do.
      await endsWithin(FAREWELL_MS, closed);
      return clean;
    },
  };

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.allSettled(running);
  }
}

async function endsWithin(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const ended = await Promise.race([work.then(() => true), expired]);
  clearTimeout(timer);
  return ended;
}

/** A failure that the database knows of; the text goes to Redis, where no address may be. */
class RecordedFailure extends Error {
  constructor(cause: unknown) {
    super(withoutAddresses(cause instanceof Error ? cause.message : String(cause)));
  }
}
