import type { z } from 'zod';
import type { Db } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';

/** What every job may use; a program adds its own services to it (see `jobDefiner`). */
export interface JobServices {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

/** A piece of work that rows in the database ask for at this moment. */
export interface DueJob<Payload> {
  /**
   * Names the work among all work of the job: the id of the row it is about, or a fixed word for a job that runs
   * alone. Letters, digits, `-` and `_`. While work with this key waits or runs, it is not queued again.
   */
  readonly key: string;
  /** Ids only: a payload is stored in Redis. */
  readonly payload: Payload;
}

/**
 * One kind of background work: data beside a handler. Rows decide what is due, a queue entry is only a hint, so
 * `run` looks at the rows again and does nothing when there is nothing (more) to do.
 */
export interface JobDefinition<Services extends JobServices, Schema extends z.ZodType> {
  /** Letters and hyphens, for example "deliver". Also the name of its queue. */
  readonly name: string;
  readonly schema: Schema;
  /** How many of these one worker process runs at a time. */
  readonly concurrency: number;
  /**
   * All work that is due now, most urgent first. Asked every two seconds by the leading worker, so it must be
   * cheap (an indexed query) and bounded. Work that failed is held back until its back-off has passed.
   */
  due(services: Services): Promise<readonly DueJob<z.input<Schema>>[]>;
  /**
   * Does the work, within a few seconds: a larger piece is split into several keys or left for the next round.
   * `signal` is aborted when the process must stop; end at the next safe point then. An error counts as a failed
   * attempt; it is recorded and tried again with growing delay.
   */
  run(payload: z.output<Schema>, services: Services & { readonly signal: AbortSignal }): Promise<void>;
}

/** A definition whose payload type is forgotten, as the queue handles it. */
export type AnyJob<Services extends JobServices> = JobDefinition<Services, z.ZodType>;

/** Makes the `defineJob` of a program whose jobs use the given services; the payload's type follows from the schema. */
export function jobDefiner<Services extends JobServices>() {
  return <Schema extends z.ZodType>(definition: JobDefinition<Services, Schema>): AnyJob<Services> =>
    definition;
}
