/**
 * Mail over SMTP, through a pool of connections. The one question that matters here is whether a mail whose sending
 * failed may have been taken all the same. The pool takes the message only after the server has answered DATA with
 * 354: a message of which nothing was taken cannot have arrived and may be tried again; one that was taken and not
 * answered for is `unknown`.
 */
import type { Transform } from 'node:stream';
import { createTransport } from 'nodemailer';
import MimeNode, { type MimeNodeEnvelope } from 'nodemailer/lib/mime-node';
import type { Log } from '../kernel/log.ts';
import { composeMessage } from './compose.ts';
import { createDkimSigner, type DkimOptions } from './dkim.ts';
import {
  outcomeOfBadMail,
  outcomeOfFault,
  outcomeOfReply,
  quoteReply,
  unknownOutcome,
  type Stage,
} from './outcome.ts';
import { parseSmtpUrl, type SmtpServer } from './smtp-url.ts';
import type { CheckResult, Mailer, OutgoingMail, Outcome } from './types.ts';

export interface SmtpOptions {
  /** See `parseSmtpUrl`. */
  readonly url: string;
  /** One signature with each key; none without any. */
  readonly dkim?: readonly DkimOptions[];
  readonly log: Log;
  /** Connections open at the same time; 5. */
  readonly connections?: number;
  /** Messages before a connection is renewed; 100. */
  readonly messagesPerConnection?: number;
  /** At most this many messages a second over all connections of this mailer; without it no limit. */
  readonly messagesPerSecond?: number;
  /** Milliseconds to connect and be greeted; 15,000. */
  readonly connectTimeout?: number;
  /** Milliseconds that the server may be silent, also after the end of a message; 60,000. */
  readonly answerTimeout?: number;
}

/** What the SMTP client's errors carry. */
interface ClientFault {
  readonly message: string;
  readonly code?: string;
  readonly originalCode?: string;
  readonly response?: string;
  readonly responseCode?: number;
  readonly command?: string;
}

type Pool = ReturnType<typeof openPool>['transporter'];
type PoolMail = Parameters<Pool['send']>[0];

/**
 * One attempt as the pool takes it. What `sendMail` makes around a composed message (headers of its own, a tree of parts)
 * would cost more than the sending, so the pool gets the message as it is.
 */
class HandOver {
  readonly #raw: Buffer;
  readonly #envelope: MimeNodeEnvelope;
  readonly #messageId: string;
  /** Whether the message has begun to go out. */
  begun = false;

  constructor(raw: Buffer, { messageId, envelopeFrom, from, to }: OutgoingMail) {
    this.#raw = raw;
    this.#messageId = `<${messageId}>`;
    this.#envelope = envelopeOf(envelopeFrom ?? from.address, to.address);
  }

  /** By this the pool knows whether a message can go over another connection. */
  get readableDidRead(): boolean {
    return this.begun;
  }

  /**
   * Called once the server wants the message, with a stream that doubles leading dots, repairs line ends and adds the
   * last dot, one byte after the other. Where all lines end as they should, the bytes go past that, done at once.
   */
  pipe(wire: Transform): void {
    this.begun = true;
    const text = this.#raw.toString('latin1');
    if (!text.endsWith('\r\n') || text.startsWith('.') || UNEVEN.test(text)) {
      wire.end(this.#raw);
      return;
    }
    const dotted = text.includes('\n.');
    wire.push(dotted ? Buffer.from(text.replaceAll('\n.', '\n..'), 'latin1') : this.#raw);
    wire.push('.\r\n');
    wire.push(null);
  }

  asMail(signal: AbortSignal | undefined): PoolMail {
    const message = {
      getEnvelope: () => this.#envelope,
      messageId: () => this.#messageId,
      getHeader: () => this.#messageId,
      createReadStream: () => this,
    };
    return { data: signal === undefined ? {} : { signal }, message } as unknown as PoolMail;
  }
}

/** A line end that is not CRLF. */
const UNEVEN = /\r(?!\n)|(?<!\r)\n/;

/** Addresses that every server takes as they are. */
const PLAIN_ADDRESS = /^[\w.+-]+@[a-z0-9.-]+$/i;

function envelopeOf(from: string, to: string): MimeNodeEnvelope {
  if (PLAIN_ADDRESS.test(from) && PLAIN_ADDRESS.test(to)) return { from, to: [to] };
  return new MimeNode().setEnvelope({ from, to: [to] }).getEnvelope();
}

function stageOf(command: string | undefined): Stage {
  if (command === 'MAIL FROM') return 'sender';
  if (command === 'RCPT TO') return 'recipient';
  return command === 'DATA' ? 'message' : 'session';
}

function outcomeOfError(error: ClientFault, handedOver: boolean): Outcome {
  const { response, responseCode, command, message } = error;
  if (response !== undefined && responseCode !== undefined && responseCode >= 400) {
    return outcomeOfReply(response, stageOf(command));
  }
  if (handedOver) return unknownOutcome(message);
  const code = error.originalCode ?? error.code ?? 'ECONNECTION';
  if (code === 'EABORT') {
    return {
      result: 'later',
      scope: 'recipient',
      code,
      reason: 'Sending was stopped before the mail was handed over.',
    };
  }
  if (code === 'EMESSAGE')
    return refused('message', code, `The mail server does not take it: ${quoteReply(message)}`);
  if (code === 'EENVELOPE') {
    const fault = message.startsWith('Invalid recipient') ? 'address' : 'message';
    return refused(fault, code, `The address cannot be used: ${quoteReply(message)}`);
  }
  if (code === 'EAUTH')
    return refused('sender', code, `Signing in to the mail server failed: ${quoteReply(message)}`);
  return outcomeOfFault(code, message);
}

function refused(fault: 'address' | 'message' | 'sender', code: string, reason: string): Outcome {
  return { result: 'refused', fault, code, reason };
}

/** A connection that the server had dropped while it was not in use: worth one more try at once. */
function lostBeforehand(error: ClientFault): boolean {
  if (error.response !== undefined) return false;
  return (
    error.code === 'ECONNECTION' || error.originalCode === 'ECONNRESET' || error.originalCode === 'EPIPE'
  );
}

function openPool(server: SmtpServer, options: SmtpOptions) {
  const { connectTimeout = 15_000, answerTimeout = 60_000 } = options;
  return createTransport({
    ...server,
    pool: true,
    maxConnections: options.connections ?? 5,
    maxMessages: options.messagesPerConnection ?? 100,
    ...(options.messagesPerSecond === undefined
      ? {}
      : { rateLimit: options.messagesPerSecond, rateDelta: 1000 }),
    // Repeating is decided by the ledger, never by the pool.
    maxRequeues: 0,
    connectionTimeout: connectTimeout,
    greetingTimeout: connectTimeout,
    dnsTimeout: connectTimeout,
    socketTimeout: answerTimeout,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
}

/**
 * A mailer for one SMTP server. Connections are made when needed.
 *
 * @throws ConvenorError `invalid_config` when the URL or the DKIM key cannot be used
 */
export function createSmtpMailer(options: SmtpOptions): Mailer {
  const { log } = options;
  const server = parseSmtpUrl(options.url);
  const sign = options.dkim?.length ? createDkimSigner(...options.dkim) : undefined;
  const transport = openPool(server, options);
  const { transporter } = transport;

  const underWay = new Set<Promise<Outcome>>();
  let closed = false;

  async function attempt(
    message: OutgoingMail,
    raw: Buffer,
    signal: AbortSignal | undefined,
    again: boolean,
  ): Promise<Outcome> {
    const handOver = new HandOver(raw, message);
    try {
      const info = await new Promise<{ response: string }>((resolve, reject) => {
        transporter.send(handOver.asMail(signal), (error, result) => {
          if (error) reject(error);
          else resolve(result!);
        });
      });
      return { result: 'accepted', response: quoteReply(info.response) };
    } catch (error) {
      const fault = error as ClientFault;
      if (again && !handOver.begun && lostBeforehand(fault) && signal?.aborted !== true) {
        return attempt(message, raw, signal, false);
      }
      return outcomeOfError(fault, handOver.begun);
    }
  }

  async function send(message: OutgoingMail, signal: AbortSignal | undefined): Promise<Outcome> {
    let raw: Buffer;
    try {
      const composed = message.raw?.() ?? (await composeMessage(message));
      raw = sign === undefined ? composed : await sign(composed);
    } catch (error) {
      return outcomeOfBadMail(error);
    }
    const outcome = await attempt(message, raw, signal, true);
    if (outcome.result === 'unknown')
      log.warn({ messageId: message.messageId, reason: outcome.reason }, 'mail with an unknown outcome');
    return outcome;
  }

  return {
    kind: 'smtp',
    async send(message, signal) {
      if (closed) return outcomeOfFault('ECLOSED', 'the mailer has been closed');
      const sending = send(message, signal);
      underWay.add(sending);
      try {
        return await sending;
      } finally {
        underWay.delete(sending);
      }
    },
    async check(): Promise<CheckResult> {
      try {
        await transport.verify();
        return {
          ok: true,
          detail: `${server.host} answers${server.auth === undefined ? '' : ' and has let us sign in'}.`,
        };
      } catch (error) {
        const outcome = outcomeOfError(error as ClientFault, false);
        return { ok: false, detail: 'reason' in outcome ? outcome.reason : '' };
      }
    },
    async close() {
      closed = true;
      await Promise.all(underWay);
      transport.close();
    },
  };
}
