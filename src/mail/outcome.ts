/**
 * What a reply of the mail server, or its absence, means for one mail. Reply codes: RFC 5321 section 4.2; enhanced
 * status codes: RFC 3463, RFC 7372 and RFC 7504.
 *
 * The rule behind the table: only a code that speaks about the mailbox itself may cost a person their place on the
 * list. Everything about policy, reputation or our own account is the sender's fault, however permanent it sounds.
 */
import { ConvenorError } from '../kernel/errors.ts';
import { withoutAddresses } from '../kernel/log.ts';
import type { Outcome } from './types.ts';

/** At which point of the conversation the server said it. */
export type Stage = 'session' | 'sender' | 'recipient' | 'message';

/** Mailbox or domain does not exist, is misspelt, has moved without a trace, or takes no mail at all. */
const ADDRESS_FAULTS = new Set(['5.1.0', '5.1.1', '5.1.2', '5.1.3', '5.1.4', '5.1.6', '5.1.10']);
/** The sender's own address or domain is at fault. */
const SENDER_ADDRESS_FAULTS = new Set(['5.1.7', '5.1.8']);
/** For servers that give no enhanced code: the usual ways of saying that there is no such mailbox. */
const NO_SUCH_MAILBOX =
  /\b(?:no such (?:user|mailbox|recipient|person|address)|(?:user|recipient|mailbox|address)(?: is)? (?:unknown|not found|does not exist|doesn'?t exist)|unknown (?:user|recipient|mailbox|address))\b/i;

const LONGEST_REASON = 400;

/** A server's words fit for a record: one line, no addresses, not too long. */
export function quoteReply(response: string): string {
  const line = withoutAddresses(
    response
      .slice(0, 2 * LONGEST_REASON)
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim(),
  );
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON - 1)}…` : line;
}

/** "550 5.1.1 …": reply code and, if it belongs to the same class, enhanced code. */
function codesOf(response: string): { reply: number; enhanced: string | undefined } {
  const match = /^(\d{3})(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?/.exec(response);
  const reply = Number(match?.[1] ?? 0);
  const enhanced = match?.[2]?.startsWith(String(match[1]?.[0])) === true ? match[2] : undefined;
  return { reply, enhanced };
}

function temporary(reply: number, enhanced: string | undefined, stage: Stage): 'recipient' | 'sender' {
  if (reply === 421 || reply === 454) return 'sender';
  if (stage === 'session' || stage === 'sender') return 'sender';
  // Throttling and policy (4.7), and a server that takes nothing from anybody (4.3.1, 4.3.2, 4.3.5).
  return enhanced !== undefined && /^4\.(?:7\.\d+|3\.[125])$/.test(enhanced) ? 'sender' : 'recipient';
}

function permanent(
  reply: number,
  enhanced: string | undefined,
  stage: Stage,
  response: string,
): 'address' | 'message' | 'sender' {
  if (reply === 556) return 'address';
  if (enhanced !== undefined) {
    if (SENDER_ADDRESS_FAULTS.has(enhanced)) return 'sender';
    if (ADDRESS_FAULTS.has(enhanced))
      return stage === 'recipient' || stage === 'message' ? 'address' : 'sender';
    if (/^5\.[57]\./.test(enhanced)) return 'sender';
    if (/^5\.(?:2|6)\./.test(enhanced) || enhanced === '5.3.4') return 'message';
  }
  if (reply === 552) return 'message';
  if (stage === 'session' || stage === 'sender') return 'sender';
  if (reply === 550 || reply === 551 || reply === 553) {
    return enhanced === undefined && stage === 'recipient' && NO_SUCH_MAILBOX.test(response)
      ? 'address'
      : 'message';
  }
  // 554 without a telling code is the usual answer of a filter; 500 to 504 and 555 say that we speak wrongly.
  return enhanced === undefined || enhanced.startsWith('5.0.') ? 'sender' : 'message';
}

const REFUSED = {
  address: 'The address does not exist or takes no mail',
  message: 'This mailbox did not take the mail',
  sender: 'The mail server refused us, not the person',
} as const;

/** The outcome of a mail that the server answered with a 4xx or 5xx reply. */
export function outcomeOfReply(response: string, stage: Stage): Outcome {
  const { reply, enhanced } = codesOf(response);
  const code = enhanced ?? String(reply);
  const words = quoteReply(response);
  // 503 (bad sequence) is the state of this connection; the next one starts afresh.
  if (reply === 503)
    return { result: 'later', scope: 'sender', code, reason: `The mail server lost track: ${words}` };
  if (reply >= 500) {
    const fault = permanent(reply, enhanced, stage, response);
    const signIn = [530, 534, 535, 538].includes(reply);
    const lead = signIn ? 'The mail server refused our sign-in' : REFUSED[fault];
    return { result: 'refused', fault, code, reason: `${lead}: ${words}` };
  }
  const scope = temporary(reply, enhanced, stage);
  const lead =
    scope === 'sender' ? 'The mail server takes nothing from us now' : 'The mailbox does not take it now';
  return { result: 'later', scope, code, reason: `${lead}: ${words}` };
}

/** Whether the server asked us to slow down. */
export function asksForPatience(outcome: Outcome): boolean {
  return (
    outcome.result === 'later' &&
    outcome.scope === 'sender' &&
    (outcome.code === '421' || /^4\.7\.\d+$/.test(outcome.code ?? ''))
  );
}

/** Faults of the network and of encryption, by the code of the system or of the SMTP client. */
const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing answers at the mail server’s port',
  EHOSTUNREACH: 'The mail server cannot be reached',
  ENETUNREACH: 'The mail server cannot be reached',
  ENOTFOUND: 'The mail server’s name is not known',
  EAI_AGAIN: 'The mail server’s name could not be looked up',
  EDNS: 'The mail server’s name could not be looked up',
  ETIMEDOUT: 'The mail server did not answer in time',
  ETLS: 'No encrypted connection to the mail server could be made',
  ECONNRESET: 'The mail server dropped the connection',
  EPIPE: 'The mail server dropped the connection',
  ECONNECTION: 'The connection to the mail server was lost',
  ESOCKET: 'The connection to the mail server failed',
  EPROTOCOL: 'The mail server does not speak SMTP as expected',
};

function networkWords(code: string): string {
  if (/^(?:CERT|DEPTH|UNABLE|SELF_SIGNED|ERR_TLS|ERR_SSL|EPROTO)/.test(code)) return NETWORK_WORDS['ETLS']!;
  return NETWORK_WORDS[code] ?? 'The mail could not be handed to the mail server';
}

/** The outcome of a mail of which no part reached the server; `code` is the system's or the SMTP client's. */
export function outcomeOfFault(code: string, detail: string): Outcome {
  return {
    result: 'later',
    scope: 'sender',
    code,
    reason: `${networkWords(code)} (${quoteReply(detail)}).`,
  };
}

/** The outcome of a mail that went out whole or in part, and that nobody answered for. */
export function unknownOutcome(detail: string): Outcome {
  return {
    result: 'unknown',
    reason: `The mail was handed over, but the server’s answer never came (${quoteReply(detail)}). It may have arrived.`,
  };
}

/** The outcome of a mail that could not even be composed: it is about its own recipient only. */
export function outcomeOfBadMail(error: unknown): Outcome {
  const field = error instanceof ConvenorError ? error.problems[0]?.field : undefined;
  return {
    result: 'refused',
    fault: field === 'to' ? 'address' : 'message',
    code: 'ECOMPOSE',
    reason: `The mail could not be composed: ${quoteReply((error as Error).message)}`,
  };
}
