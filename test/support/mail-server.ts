import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

/** A message that a mail server took, for one recipient. */
export interface TakenMail {
  readonly to: string;
  readonly raw: Buffer;
}

/** What the server says to a recipient: undefined to accept, else a reply with its code. */
export type Judge = (
  recipient: string,
  session: SMTPServerSession,
) => { code: number; text: string } | undefined;

export interface MailServer {
  readonly url: string;
  readonly port: number;
  readonly mails: TakenMail[];
  /** Decides about each recipient from now on. */
  judge: Judge;
  /** Addresses in the order in which their mails arrived. */
  recipients(): string[];
  parse(mail: TakenMail): Promise<Email>;
  close(): Promise<void>;
}

/** A real SMTP server on a free port of this machine that keeps every message. */
export async function startMailServer(port = 0): Promise<MailServer> {
  const mails: TakenMail[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onRcptTo(address, session, done) {
      const refusal = self.judge(address.address, session);
      done(refusal ? Object.assign(new Error(refusal.text), { responseCode: refusal.code }) : null);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        for (const { address } of session.envelope.rcptTo)
          mails.push({ to: address, raw: Buffer.concat(chunks) });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');
  const bound = (server.server.address() as AddressInfo).port;
  const self: MailServer = {
    url: `smtp://127.0.0.1:${bound}`,
    port: bound,
    mails,
    judge: () => undefined,
    recipients: () => mails.map((mail) => mail.to),
    parse: (mail) => PostalMime.parse(mail.raw),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return self;
}
