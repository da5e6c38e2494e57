/** Connections to a mail server, kept open and shared by the messages under way: nodemailer's, one message at a time. */
import type { Transform } from 'node:stream';
import { createTransport } from 'nodemailer';
import type { SmtpServer } from './smtp-url.ts';

/** One attempt to hand a message over to a server. */
export interface Attempt {
  /** Addresses as they stand in MAIL FROM and RCPT TO. */
  readonly envelope: { readonly from: string; readonly to: string };
  /** Without angle brackets. */
  readonly messageId: string;
  /** The message as it goes out after DATA. */
  readonly wire: Buffer;
  readonly signal: AbortSignal | undefined;
  /** Whether the message itself has begun to go out: from then on it may have arrived. */
  begun: boolean;
}

/** What the error of an attempt that failed carries. */
export interface SmtpFault {
  readonly message: string;
  readonly code?: string;
  readonly originalCode?: string;
  /** The server's reply, where it was one that ended the attempt. */
  readonly response?: string;
  readonly responseCode?: number;
  /** What was answered: "MAIL FROM", "RCPT TO", "DATA" (also after the message), or something before. */
  readonly command?: string;
}

export interface SmtpPool {
  /**
   * @returns the reply by which the server took the message.
   * @throws SmtpFault
   */
  send(attempt: Attempt): Promise<string>;
  /**
   * Connects and signs in.
   *
   * @throws SmtpFault
   */
  verify(): Promise<unknown>;
  /** Ends all connections; what is under way is lost. */
  close(): void;
}

/** Milliseconds, and counts. */
export interface PoolLimits {
  readonly connections: number;
  readonly messagesPerConnection: number;
  readonly connectTimeout: number;
  readonly answerTimeout: number;
}

type Transport = ReturnType<typeof createNodemailer>;
type PoolMail = Parameters<Transport['transporter']['send']>[0];

/** The reference for every other pool. */
export function openPool(server: SmtpServer, limits: PoolLimits): SmtpPool {
  const transport = createNodemailer(server, limits);
  return {
    send: (attempt) =>
      new Promise((resolve, reject) => {
        transport.transporter.send(asMail(attempt), (error, result) => {
          if (error) reject(error);
          else resolve(result!.response);
        });
      }),
    verify: () => transport.verify(),
    close: () => transport.close(),
  };
}

function createNodemailer(server: SmtpServer, limits: PoolLimits) {
  return createTransport({
    ...server,
    pool: true,
    maxConnections: limits.connections,
    maxMessages: limits.messagesPerConnection,
    // Repeating is decided by the ledger, never by the pool.
    maxRequeues: 0,
    connectionTimeout: limits.connectTimeout,
    greetingTimeout: limits.connectTimeout,
    dnsTimeout: limits.connectTimeout,
    socketTimeout: limits.answerTimeout,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
}

/**
 * The attempt as the pool takes it. What `sendMail` makes around a composed message (headers of its own, a tree of parts)
 * would cost more than the sending, so the pool gets the message as it is.
 */
function asMail(attempt: Attempt): PoolMail {
  const { envelope, messageId, signal } = attempt;
  const stream = {
    /** By this the pool knows whether a message can go over another connection. */
    get readableDidRead() {
      return attempt.begun;
    },
    /**
     * Called once the server wants the message, with a stream that would put it into its form for the wire one byte after
     * the other. It has that form already and goes past that.
     */
    pipe(wire: Transform): void {
      attempt.begun = true;
      wire.push(attempt.wire);
      wire.push(null);
    },
  };
  const message = {
    getEnvelope: () => ({ from: envelope.from, to: [envelope.to] }),
    messageId: () => `<${messageId}>`,
    getHeader: () => `<${messageId}>`,
    createReadStream: () => stream,
  };
  return { data: signal === undefined ? {} : { signal }, message } as unknown as PoolMail;
}
