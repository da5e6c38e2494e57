import type { Writable } from 'node:stream';
import type { FrozenContent } from '../announcements/frozen-content.ts';
import type { Config } from '../config/load.ts';
import type { Db } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Mailer, OutgoingMail } from '../mail/types.ts';
import type { SenderIdentity } from '../organisation/sender-identity.ts';
import type { Settings } from '../organisation/settings.ts';
import type { Renderer } from '../render/renderer.ts';
import type { AddressHash } from '../subscribers/address-hash.ts';
import type { Links } from '../subscribers/links.ts';

/** A question to the person at the terminal. Plain data, so that a running server can put it to them too. */
export interface Question {
  readonly kind: 'text' | 'password' | 'confirm' | 'select';
  readonly message: string;
  /** What is filled in beforehand; for `confirm`, `yes` or `no`. */
  readonly initial?: string;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
  /** What was wrong with the answer before this one. */
  readonly problem?: string;
}

/**
 * Where a command reads and writes: the terminal of the person who typed it, even when a running server
 * carries the command out for them.
 */
export interface CliIo {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The folder that relative file names start from. */
  readonly cwd: string;
  /** True when standard error is a terminal: progress is drawn there. */
  readonly isTTY: boolean;
  /** Width of the terminal that standard output is; `undefined` when it is a file or a pipe. */
  readonly columns: number | undefined;
  readonly colour: boolean;
  /** Aborted when the person breaks the command off. */
  readonly signal: AbortSignal;
  /** Puts a question (`confirm` answers `yes` or `no`); `undefined` when broken off. Absent when nobody can answer. */
  readonly ask?: (question: Question) => Promise<string | undefined>;
}

/** One recipient of an announcement. */
export interface ListRecipient {
  readonly deliveryId: string;
  readonly subscriberId: string;
  readonly email: string;
  readonly name: string | null;
  readonly messageId: string;
}

/** What the commands use of the running program. */
export interface CliDependencies {
  readonly db: Db;
  readonly databaseKind: 'embedded' | 'postgres';
  readonly clock: Clock;
  readonly config: Config;
  readonly log: Log;
  readonly mailer: Mailer;
  readonly renderer: Renderer;
  readonly links: Links;
  readonly addressHash: AddressHash;
  /** The very mail that a recipient of an announcement gets. */
  listMail(content: FrozenContent, identity: SenderIdentity, recipient: ListRecipient): OutgoingMail;
  /** A mail as it goes over the wire, unsigned. */
  compose(mail: OutgoingMail): Promise<Uint8Array>;
  /** The key of sessions and links where the data folder keeps it; a backup without it loses every link. */
  keptSecretKey(): string | undefined;
  /** Puts the key from a backup into the data folder, so that links in mails already sent work; it holds from the next start. */
  restoreSecretKey(key: string): void;
  /** The organisation's settings as they are now. */
  settings(): Promise<Settings>;
  /** Tells the reconciler that rows have changed. Never fails: the rows are found on its next tick anyway. */
  nudge(): Promise<void>;
}

/** One line of `doctor`. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  /** What to do about it; set unless the state is `ok`. */
  readonly advice?: string;
}

/** The program, opened for one command. */
export interface OpenedApp extends CliDependencies {
  close(): Promise<void>;
}

export type Role = 'serve' | 'web' | 'worker';

/** The process that the command line runs in, as the commands see it. */
export interface CliHost {
  /**
   * Has the running server that holds the embedded database carry the command out and gives its exit status;
   * `undefined` when there is no such server.
   */
  forward(argv: readonly string[], io: CliIo): Promise<number | undefined>;
  open(): Promise<OpenedApp>;
  /** Runs the server until it is told to stop; gives the exit status. */
  start(role: Role, options: { readonly demo: boolean }): Promise<number>;
  /** Looks at everything that the program depends on, most basic first. Does not throw. */
  inspect(): AsyncIterable<Finding>;
}
