/**
 * A connection that speaks ahead (RFC 2920): sender, recipient and DATA of a message go out together, right behind the
 * message before it. Greeting, encryption and signing in are nodemailer's. A server that does not offer PIPELINING is
 * asked one thing after the other.
 */
import type { Socket } from 'node:net';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { CLOSED, type Line, type Owner, type SmtpFault, type Transaction } from './smtp-pool.ts';

/** What the next reply is about. `discarded`: the end of a message without recipients, which the server wanted. */
type Stage = 'reset' | 'MAIL FROM' | 'RCPT TO' | 'DATA' | 'message' | 'discarded';

interface Step {
  readonly stage: Stage;
  readonly command: string;
  readonly transaction: Transaction;
}

/** More than any server has to say at once. */
const LONGEST_REPLY = 100_000;

/** One connection that has been opened, with at most two messages: one that is answered for, one that is announced. */
export class PipeliningLine implements Line {
  readonly #client: SMTPConnection;
  readonly #socket: Socket;
  readonly #extensions: readonly string[];
  readonly #owner: Owner;
  readonly #awaited: Step[] = [];
  #unsaid: Step[] = [];
  #received = '';
  #reply = '';
  #resetFirst = false;
  #gone = false;

  constructor(client: SMTPConnection, owner: Owner) {
    this.#client = client;
    this.#owner = owner;
    const { _socket, _supportedExtensions } = client as unknown as {
      _socket: Socket;
      _supportedExtensions: readonly string[];
    };
    this.#socket = _socket;
    this.#extensions = _supportedExtensions;
    // The client goes on to watch over the connection; what the server says from now on is ours.
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    client.on('error', (error: SmtpFault) => this.#lose(error));
    client.once('end', () => this.#lose(CLOSED));
  }

  get idle(): boolean {
    return this.#awaited.length === 0 && this.#unsaid.length === 0;
  }

  /** Whether a message could be announced now. */
  get free(): boolean {
    if (this.#gone) return false;
    if (this.idle) return true;
    return (
      this.#extensions.includes('PIPELINING') &&
      this.#awaited.length === 1 &&
      this.#awaited[0]!.stage === 'message'
    );
  }

  take(transaction: Transaction): void {
    const { from, to } = transaction.attempt.envelope;
    const international = /[^\0-\x7f]/.test(from + to) && this.#extensions.includes('SMTPUTF8');
    if (this.#resetFirst) this.#unsaid.push({ stage: 'reset', command: 'RSET', transaction });
    this.#resetFirst = false;
    this.#unsaid.push(
      { stage: 'MAIL FROM', command: `MAIL FROM:<${from}>${international ? ' SMTPUTF8' : ''}`, transaction },
      { stage: 'RCPT TO', command: `RCPT TO:<${to}>`, transaction },
      { stage: 'DATA', command: 'DATA', transaction },
    );
    this.#speak();
  }

  close(): void {
    if (!this.#gone && this.idle) this.#socket.write('QUIT\r\n');
    this.#lose(CLOSED);
  }

  abandon(transaction: Transaction): void {
    const answer = this.#awaited.find(({ stage }) => stage === 'message');
    if (answer?.transaction === transaction) this.#lose(CLOSED);
  }

  #speak(): void {
    const ahead = this.#extensions.includes('PIPELINING');
    if (!ahead && this.#awaited.length > 0) return;
    const steps = ahead ? this.#unsaid : this.#unsaid.slice(0, 1);
    this.#unsaid = ahead ? [] : this.#unsaid.slice(1);
    if (steps.length === 0) return;
    this.#awaited.push(...steps);
    this.#socket.write(`${steps.map(({ command }) => command).join('\r\n')}\r\n`, 'utf8');
  }

  #hear(chunk: Buffer): void {
    this.#received += chunk.toString('latin1');
    for (;;) {
      const end = this.#received.indexOf('\n');
      if (end < 0 || this.#gone) break;
      const line = this.#received.slice(0, end).replace(/\r$/, '');
      this.#received = this.#received.slice(end + 1);
      this.#reply += this.#reply === '' ? line : `\n${line}`;
      if (/^\d{3}-/.test(line)) continue;
      const reply = Buffer.from(this.#reply, 'latin1').toString('utf8');
      this.#reply = '';
      this.#understand(reply);
    }
    if (this.#received.length + this.#reply.length > LONGEST_REPLY) this.#lose(NONSENSE);
  }

  #understand(reply: string): void {
    const step = this.#awaited.shift();
    // A server that says something unasked says that it ends the connection.
    if (step === undefined) return this.#lose(CLOSED);
    const { transaction } = step;
    if (!/^[2-5]\d\d(?:[ -]|$)/.test(reply)) {
      transaction.fail(NONSENSE);
      return this.#lose(CLOSED);
    }
    // The server ends the connection, or has lost track of it.
    if (reply.startsWith('421') || (reply.startsWith('503') && !transaction.ended)) {
      transaction.fail(refusal(reply, step.stage));
      return this.#lose(CLOSED);
    }
    this.#act(step, reply);
    if (!this.#gone) this.#speak();
    if (this.free) {
      const next = this.#owner.next();
      if (next !== undefined) this.take(next);
    }
  }

  #act({ stage, transaction }: Step, reply: string): void {
    const good = reply.startsWith('2');
    switch (stage) {
      case 'reset':
      case 'discarded':
        return;
      case 'MAIL FROM':
      case 'RCPT TO':
        if (good) return;
        transaction.fail(refusal(reply, stage));
        this.#unsaid = [];
        this.#resetFirst = true;
        return;
      case 'DATA':
        return this.#handOver(transaction, reply);
      case 'message':
        if (good) transaction.succeed(reply);
        else transaction.fail(refusal(reply, stage));
    }
  }

  #handOver(transaction: Transaction, reply: string): void {
    const wanted = /^[23]/.test(reply);
    if (!wanted) {
      transaction.fail(refusal(reply, 'DATA'));
      this.#resetFirst = true;
    } else if (!transaction.ended) {
      transaction.attempt.begun = true;
      this.#awaited.push({ stage: 'message', command: '', transaction });
      // What follows at once leaves in the same segment.
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
      this.#socket.write(transaction.attempt.wire);
    } else if (this.#resetFirst) {
      // Refused before: the server takes a message that has nobody to go to. An empty one ends that.
      this.#resetFirst = false;
      this.#awaited.push({ stage: 'discarded', command: '', transaction });
      this.#socket.write('.\r\n');
    } else {
      // Given up by its sender: only without the connection does the server forget it.
      this.#lose(CLOSED);
    }
  }

  #lose(fault: SmtpFault): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#client.close();
    for (const { transaction } of [...this.#awaited, ...this.#unsaid]) transaction.fail(fault);
    this.#owner.gone();
  }
}

const NONSENSE: SmtpFault = { message: 'Unexpected reply', code: 'EPROTOCOL' };

function refusal(response: string, stage: Stage): SmtpFault {
  return {
    message: `Refused: ${response}`,
    response,
    responseCode: Number(response.slice(0, 3)),
    command: stage === 'message' ? 'DATA' : stage,
  };
}
