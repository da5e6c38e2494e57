/** Connections to a mail server, kept open and shared by the messages under way. */
import SMTPConnection from 'nodemailer/lib/smtp-connection';
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

/** A message on its way, and who waits for what becomes of it. */
export interface Transaction {
  readonly attempt: Attempt;
  succeed(response: string): void;
  /** Has no effect on one that has ended already. */
  fail(fault: SmtpFault): void;
  ended: boolean;
}

/** One connection that has been opened: how messages go out on it. */
export interface Line {
  /** Nothing is under way on it. */
  readonly idle: boolean;
  /** It could take a message now. */
  readonly free: boolean;
  take(transaction: Transaction): void;
  /** Ends the connection if this message is going out on it. One that is only announced is not let go out later. */
  abandon(transaction: Transaction): void;
  close(): void;
}

/** Where a line gets its next message from, and whom it tells that it has gone. */
export interface Owner {
  next(): Transaction | undefined;
  gone(): void;
}

export const CLOSED: SmtpFault = { message: 'Connection closed unexpectedly', code: 'ECONNECTION' };
const STOPPED: SmtpFault = { message: 'Stopped', code: 'EABORT' };

/** Opens connections when they are needed; `lineOn` says how messages go out on one. */
export function openPool(
  server: SmtpServer,
  limits: PoolLimits,
  lineOn: (client: SMTPConnection, owner: Owner) => Line,
): SmtpPool {
  /** Each with the number of messages that it has taken. */
  const lines = new Map<Line, number>();
  const waiting: Transaction[] = [];
  let opening = 0;

  /** The next message for this line, if there is one and the line may take more. */
  function nextFor(line: Line): Transaction | undefined {
    const taken = lines.get(line) ?? 0;
    if (taken >= limits.messagesPerConnection) {
      if (line.idle) line.close();
      return undefined;
    }
    const transaction = waiting.shift();
    if (transaction !== undefined) lines.set(line, taken + 1);
    return transaction;
  }

  function arrange(): void {
    for (const wanted of [(line: Line) => line.idle, () => true]) {
      for (const line of lines.keys()) {
        if (waiting.length === 0) return;
        if (!line.free || !wanted(line)) continue;
        const transaction = nextFor(line);
        if (transaction !== undefined) line.take(transaction);
      }
    }
    while (opening < waiting.length && lines.size + opening < limits.connections) void open();
  }

  async function open(): Promise<void> {
    opening++;
    try {
      const client = await connect(server, limits);
      const line = lineOn(client, {
        next: () => nextFor(line),
        gone: () => {
          lines.delete(line);
          arrange();
        },
      });
      lines.set(line, 0);
    } catch (error) {
      waiting.shift()?.fail(error as SmtpFault);
    } finally {
      opening--;
    }
    arrange();
  }

  function send(attempt: Attempt): Promise<string> {
    return new Promise((resolve, reject) => {
      const { signal } = attempt;
      const end = (settle: () => void): void => {
        if (transaction.ended) return;
        transaction.ended = true;
        signal?.removeEventListener('abort', stop);
        settle();
      };
      const transaction: Transaction = {
        attempt,
        ended: false,
        succeed: (response) => end(() => resolve(response)),
        // oxlint-disable-next-line prefer-promise-reject-errors
        fail: (fault) => end(() => reject(Object.assign(new Error(fault.message), fault))),
      };
      const stop = (): void => {
        transaction.fail(STOPPED);
        const place = waiting.indexOf(transaction);
        if (place >= 0) waiting.splice(place, 1);
        else for (const line of lines.keys()) line.abandon(transaction);
      };
      if (signal?.aborted === true) return stop();
      signal?.addEventListener('abort', stop);
      waiting.push(transaction);
      arrange();
    });
  }

  return {
    send,
    verify: async () => (await connect(server, limits)).quit(),
    close: () => {
      for (const line of lines.keys()) line.close();
    },
  };
}

/** @throws SmtpFault */
function connect(server: SmtpServer, limits: PoolLimits): Promise<SMTPConnection> {
  return new Promise((resolve, reject) => {
    const client = new SMTPConnection({
      ...server,
      connectionTimeout: limits.connectTimeout,
      greetingTimeout: limits.connectTimeout,
      dnsTimeout: limits.connectTimeout,
      socketTimeout: limits.answerTimeout,
      logger: false,
    });
    const failed = (error: Error): void => {
      reject(error);
      client.close();
    };
    const ended = (): void => failed(Object.assign(new Error(CLOSED.message), CLOSED));
    const ready = (): void => {
      // Whoever has the connection listens too; without any listener an error would end the process.
      client
        .off('error', failed)
        .off('end', ended)
        .on('error', () => undefined);
      resolve(client);
    };
    client.once('error', failed).once('end', ended);
    client.connect((error) => {
      if (error) return failed(error);
      if (server.auth === undefined || !client.allowsAuth) return ready();
      client.login({ ...server.auth, credentials: server.auth }, (refused) =>
        refused ? failed(refused) : ready(),
      );
    });
  });
}
