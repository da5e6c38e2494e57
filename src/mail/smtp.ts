/**
 * Mail over SMTP, through a pool of connections. The one question that matters here is whether a mail whose sending
 * failed may have been taken all the same. The pool takes the message only after the server has answered DATA with
 * 354: a message of which nothing was taken cannot have arrived and may be tried again; one that was taken and not
 * answered for is `unknown`.
 */
import MimeNode from 'nodemailer/lib/mime-node';
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
import { PlainLine } from './smtp-line.ts';
import { PipeliningLine } from './smtp-pipeline.ts';
import { openPool, type Attempt, type SmtpFault } from './smtp-pool.ts';
import { parseSmtpUrl } from './smtp-url.ts';
import type { CheckResult, Mailer, OutgoingMail, Outcome } from './types.ts';
import { composedMail, wireForm } from './wire.ts';

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
  /** Whether a message is announced before the one before it has been answered for, where the server offers that. */
  readonly pipelining?: boolean;
  /** Milliseconds to connect and be greeted; 15,000. */
  readonly connectTimeout?: number;
  /** Milliseconds that the server may be silent, also after the end of a message; 60,000. */
  readonly answerTimeout?: number;
}

/** Addresses that every server takes as they are. */
const PLAIN_ADDRESS = /^[\w.+-]+@[a-z0-9.-]+$/i;

function envelopeOf(from: string, to: string): Attempt['envelope'] {
  if (PLAIN_ADDRESS.test(from) && PLAIN_ADDRESS.test(to)) return { from, to };
  const envelope = new MimeNode().setEnvelope({ from, to: [to] }).getEnvelope();
  return { from: envelope.from || '', to: envelope.to[0] ?? '' };
}

function stageOf(command: string | undefined): Stage {
  if (command === 'MAIL FROM') return 'sender';
  if (command === 'RCPT TO') return 'recipient';
  return command === 'DATA' ? 'message' : 'session';
}

function outcomeOfError(error: SmtpFault, handedOver: boolean): Outcome {
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
function lostBeforehand(error: SmtpFault): boolean {
  if (error.response !== undefined) return false;
  return (
    error.code === 'ECONNECTION' || error.originalCode === 'ECONNRESET' || error.originalCode === 'EPIPE'
  );
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
  const SmtpLine = options.pipelining === true ? PipeliningLine : PlainLine;
  const limits = {
    connections: options.connections ?? 5,
    messagesPerConnection: options.messagesPerConnection ?? 100,
    connectTimeout: options.connectTimeout ?? 15_000,
    answerTimeout: options.answerTimeout ?? 60_000,
  };
  const pool = openPool(server, limits, (client, owner) => new SmtpLine(client, owner));

  const underWay = new Set<Promise<Outcome>>();
  let closed = false;

  async function attempt(
    message: OutgoingMail,
    wire: Buffer,
    signal: AbortSignal | undefined,
    again: boolean,
  ): Promise<Outcome> {
    const { messageId, envelopeFrom, from, to } = message;
    const envelope = envelopeOf(envelopeFrom ?? from.address, to.address);
    const current: Attempt = { envelope, messageId, wire, signal, begun: false };
    try {
      return { result: 'accepted', response: quoteReply(await pool.send(current)) };
    } catch (error) {
      const fault = error as SmtpFault;
      if (again && !current.begun && lostBeforehand(fault) && signal?.aborted !== true) {
        return attempt(message, wire, signal, false);
      }
      return outcomeOfError(fault, current.begun);
    }
  }

  async function send(message: OutgoingMail, signal: AbortSignal | undefined): Promise<Outcome> {
    let wire: Buffer;
    try {
      const { bytes, dotted } = message.raw?.() ?? composedMail(await composeMessage(message));
      wire = wireForm({ bytes: sign === undefined ? bytes : await sign(bytes), dotted });
    } catch (error) {
      return outcomeOfBadMail(error);
    }
    const outcome = await attempt(message, wire, signal, true);
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
        await pool.verify();
        return {
          ok: true,
          detail: `${server.host} answers${server.auth === undefined ? '' : ' and has let us sign in'}.`,
        };
      } catch (error) {
        const outcome = outcomeOfError(error as SmtpFault, false);
        return { ok: false, detail: 'reason' in outcome ? outcome.reason : '' };
      }
    },
    async close() {
      closed = true;
      await Promise.all(underWay);
      pool.close();
    },
  };
}
