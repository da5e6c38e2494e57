import type { FastifyPluginCallback } from 'fastify';
import type { Config } from '../config/load.ts';
import type { Db } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Mailer } from '../mail/types.ts';
import type { MailerLiteClient } from '../mailerlite/client.ts';
import type { Settings } from '../organisation/settings.ts';
import type { RedisFinding } from '../queue/checks.ts';
import type { QueueCounts } from '../queue/queues.ts';
import type { Renderer } from '../render/renderer.ts';
import type { AddressHash } from '../subscribers/address-hash.ts';
import type { Links } from '../subscribers/links.ts';
import type { ZoomClient } from '../zoom/client.ts';

/** What the background work uses. */
export interface Services {
  /**
   * Names this process in claims. Its row `worker:<workerId>` in `heartbeats` is renewed every two seconds while the
   * process works; when that stops, what it had claimed is given up.
   */
  readonly workerId: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Db;
  readonly mailer: Mailer;
  /** Absent without a key: the synchronisation is off. */
  readonly mailerlite?: MailerLiteClient | undefined;
  readonly renderer: Renderer;
  readonly links: Links;
  readonly addressHash: AddressHash;
  /** Absent when no Zoom account is configured. */
  readonly zoom?: ZoomClient | undefined;
  /** The organisation's settings as they are now. */
  readonly settings: () => Promise<Settings>;
}

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
