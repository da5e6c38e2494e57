/** A connection that takes one message after the other, as nodemailer sends them: the reference for every other. */
import type { Transform } from 'node:stream';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import {
  CLOSED,
  type Attempt,
  type Line,
  type Owner,
  type SmtpFault,
  type Transaction,
} from './smtp-pool.ts';

export class PlainLine implements Line {
  readonly #client: SMTPConnection;
  readonly #owner: Owner;
  #current: Transaction | undefined;
  #gone = false;

  constructor(client: SMTPConnection, owner: Owner) {
    this.#client = client;
    this.#owner = owner;
    client.on('error', (error: SmtpFault) => this.#lose(error));
    client.once('end', () => this.#lose(CLOSED));
  }

  get idle(): boolean {
    return this.#current === undefined;
  }

  get free(): boolean {
    return !this.#gone && this.idle;
  }

  take(transaction: Transaction): void {
    this.#current = transaction;
    const { from, to } = transaction.attempt.envelope;
    this.#client.send({ from, to: [to] }, asStream(transaction.attempt), (error, result) => {
      if (error) return this.#recover(error as SmtpFault);
      transaction.succeed(result.response);
      this.#goOn();
    });
  }

  /** A message was refused: that need not be the end of the connection. */
  #recover(fault: SmtpFault): void {
    const refused = fault.code === 'EENVELOPE' || fault.code === 'EMESSAGE';
    if (!refused || fault.responseCode === 421 || this.#gone) return this.#lose(fault);
    this.#current!.fail(fault);
    this.#client.reset((error) => {
      if (error) this.#lose(error as SmtpFault);
      else this.#goOn();
    });
  }

  #goOn(): void {
    this.#current = undefined;
    if (!this.free) return;
    const next = this.#owner.next();
    if (next !== undefined) this.take(next);
  }

  abandon(transaction: Transaction): void {
    if (this.#current === transaction) this.#lose(CLOSED);
  }

  close(): void {
    if (!this.#gone && this.idle) this.#client.quit();
    else this.#lose(CLOSED);
  }

  #lose(fault: SmtpFault): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#client.close();
    this.#current?.fail(fault);
    this.#owner.gone();
  }
}

/**
 * The attempt as the client takes it: piped, once the server wants the message, into a stream that would put it into its
 * form for the wire one byte after the other. It has that form already and goes past that.
 */
function asStream(attempt: Attempt): Parameters<SMTPConnection['send']>[1] {
  const stream = {
    pipe(wire: Transform): void {
      attempt.begun = true;
      wire.push(attempt.wire);
      wire.push(null);
    },
  };
  return stream as unknown as Parameters<SMTPConnection['send']>[1];
}
