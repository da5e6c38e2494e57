import type { FastifyPluginCallback } from 'fastify';
import type { Services } from '../../jobs/services.ts';
import type { RedisFinding } from '../queue/checks.ts';
import type { QueueCounts } from '../queue/queues.ts';

export type { Services } from '../../jobs/services.ts';

/** The queue as the web sees it. Nothing here waits for a Redis that is away, and nothing adds a job. */
export interface QueueView {
  /** Whether Redis answers at this moment. */
  readonly ready: boolean;
  /** What is wrong with the Redis in use, in plain words; empty while it is away. */
  check(): Promise<RedisFinding[]>;
  /** How many jobs wait, run and have failed, by the job's name; `undefined` while Redis is away. */
  counts(): Promise<QueueCounts[] | undefined>;
  /** The board of all queues for people to look at; it changes nothing. Mount it behind the administrator's session. */
  board(basePath: string): Promise<FastifyPluginCallback>;
}

/** The running program, as the web and the command line see it. */
export interface App extends Services {
  readonly databaseKind: 'embedded' | 'postgres';
  readonly startedAt: Temporal.Instant;
  readonly queue: QueueView;
  /** A copy of the embedded database, consistent while in use; absent on Postgres. */
  dumpDatabase?(): Promise<Uint8Array>;
  /** Tells the reconciler that rows have changed. Never fails and never waits for Redis. */
  nudge(): Promise<void>;
}
