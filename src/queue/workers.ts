import { Worker, type Job } from 'bullmq';
import { withoutAddresses } from '../kernel/log.ts';
import { isReady, KEY_PREFIX, within, type RedisClient } from './connection.ts';
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

/**
 * A worker that runs nothing takes waiting work at once. The connection on which it waits can be lost for good
 * without an error (https://github.com/taskforcesh/bullmq/issues/4138: the master of a cluster has changed), so a
 * worker that has let work lie from one look to the next is replaced.
 */
const LOOK_EVERY_MS = 5_000;
const LOOK_LIMIT_MS = 3_000;

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

/** What a worker of one job has done and does, and what it leaves to the one that replaces it. */
interface Tally<Services extends JobServices> {
  readonly definition: AnyJob<Services>;
  readonly running: Set<Promise<void>>;
  begun: number;
  /** `begun` at the last look, if work waited then although nothing ran. */
  begunWhenWorkWaited: number | undefined;
}

/** Starts a worker for every job; `onDone` is called after each one that ended well. */
export function startWorkers<Services extends JobServices>(options: {
  jobs: readonly AnyJob<Services>[];
  services: Services;
  client: RedisClient;
  onDone: () => void;
  lookEveryMs?: number;
}): Workers {
  const { jobs, services, client, onDone, lookEveryMs = LOOK_EVERY_MS } = options;
  const { db, clock, log } = services;
  const stop = new AbortController();

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
    job: Job,
    lost: AbortSignal | undefined,
  ): Promise<void> {
    const id = job.id ?? '';
    const { jobKey, attempt: number } = parseJobId(id);
    const signal = lost === undefined ? stop.signal : AbortSignal.any([stop.signal, lost]);
    try {
      await definition.run(definition.schema.parse(job.data), { ...services, signal });
    } catch (error) {
      // Being told to stop is not a fault of the work: its rows are as they were, and it is found again.
      if (!signal.aborted) await fail(id, error);
      throw new RecordedFailure(error);
    }
    // An attempt that is taken over may have been recorded as failed before Redis was told.
    if (number > 1 || job.attemptsStarted > 1) await clearFailure(db, jobKey);
  }

  function startWorker(tally: Tally<Services>): Worker {
    const { definition, running } = tally;
    const worker = new Worker(
      definition.name,
      async (job, _token, lost) => {
        const work = attempt(definition, job, lost);
        tally.begun++;
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
  }

  const consumers = jobs.map((definition) => {
    const tally: Tally<Services> = {
      definition,
      running: new Set(),
      begun: 0,
      begunWhenWorkWaited: undefined,
    };
    return { tally, worker: startWorker(tally) };
  });

  async function replaceDeafWorkers(): Promise<void> {
    if (!isReady(client)) return;
    const pipeline = client.pipeline();
    for (const { worker } of consumers) pipeline.llen(worker.toKey('wait'));
    const answers = await within(LOOK_LIMIT_MS, pipeline.exec()).catch(() => null);
    if (stop.signal.aborted) return;
    for (const [index, consumer] of consumers.entries()) {
      const { tally, worker } = consumer;
      const waiting = Number(answers?.[index]?.[1] ?? 0);
      const before = tally.begunWhenWorkWaited;
      tally.begunWhenWorkWaited = waiting > 0 && tally.running.size === 0 ? tally.begun : undefined;
      if (tally.begunWhenWorkWaited === undefined || tally.begunWhenWorkWaited !== before) continue;
      log.warn({ queue: worker.name }, 'a worker does not see waiting work any more; it is replaced');
      worker.close(true).catch(() => undefined);
      consumer.worker = startWorker(tally);
      tally.begunWhenWorkWaited = undefined;
    }
  }

  const looks = setInterval(() => void replaceDeafWorkers(), lookEveryMs);

  return {
    close: async (graceMs) => {
      stop.abort();
      clearInterval(looks);
      const closed = Promise.allSettled(consumers.map(({ worker }) => worker.close()));
      const clean = await endsWithin(graceMs, idle());
      // The work is done and recorded; only Redis has to be told. Without an answer the next worker finds nothing to do.
      await endsWithin(FAREWELL_MS, closed);
      return clean;
    },
  };

  async function idle(): Promise<void> {
    const running = () => consumers.flatMap(({ tally }) => [...tally.running]);
    while (running().length > 0) await Promise.allSettled(running());
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
