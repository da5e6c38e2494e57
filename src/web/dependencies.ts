import type { FastifyPluginCallback } from 'fastify';
import type { Config } from '../config/load.ts';
import type { Db } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Renderer } from '../render/renderer.ts';
import type { AddressHash } from '../subscribers/address-hash.ts';
import type { Links } from '../subscribers/links.ts';
import type { ReceivedEvent } from '../sync/event-inbox.ts';
import type { WebhookReading, WebhookRequest } from '../zoom/webhook.ts';

interface QueueCount {
  readonly job: string;
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
}

/** The queue as the pages show it. Nothing here waits for a Redis that is away. */
export interface QueueForWeb {
  readonly ready: boolean;
  check(): Promise<readonly { state: 'ok' | 'warning' | 'problem'; detail: string; advice?: string }[]>;
  counts(): Promise<readonly QueueCount[] | undefined>;
  board(basePath: string): Promise<FastifyPluginCallback>;
}

/** Reads what MailerLite reports, as its edge does. */
export interface MailerLiteReports {
  verifySignature(body: Uint8Array, signature: string | undefined, secret: string): boolean;
  parseWebhook(body: Uint8Array): readonly ReceivedEvent[];
}

/** What can be tried out from the pages. */
export const CONNECTIONS = ['mail', 'mailerlite', 'zoom', 'redis', 'database'] as const;
export type Connection = (typeof CONNECTIONS)[number];

/** What came of trying: `advice` says what to do, unless the state is `ok`. */
export interface ConnectionFinding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  readonly advice?: string;
}

/** What the web server needs of the running program. */
export interface WebDependencies {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Db;
  readonly renderer: Renderer;
  readonly links: Links;
  readonly addressHash: AddressHash;
  readonly startedAt: Temporal.Instant;
  readonly queue: QueueForWeb;
  readonly webhooks: {
    readonly mailerlite: MailerLiteReports;
    /** Reads what Zoom reports; absent without the secret of its event subscription. */
    readonly zoom?: (request: WebhookRequest) => WebhookReading;
  };
  /** Asks Zoom for the link by which the host starts a meeting; absent when no Zoom account is configured. */
  readonly zoomStartLink?: (zoomId: string) => Promise<string>;
  /** Fills an empty Convenor with a group to look around in. */
  readonly loadSample?: () => Promise<void>;
  /** Tries a connection to the outside, which may take some seconds; what is wrong comes in words. */
  readonly checkConnection: (connection: Connection) => Promise<readonly ConnectionFinding[]>;
  /** Tells the background work that rows have changed. Never fails and never waits. */
  readonly nudge: () => Promise<void>;
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly deps: WebDependencies;
  }
}
