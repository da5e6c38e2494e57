import { once } from 'node:events';
import net from 'node:net';
import type { OutgoingMail } from '../../src/mail/types.ts';

/** What a scripted server does at one command: a reply, or "drop" (cut the connection), or "silence" from then on. */
type Act = string;

export interface Script {
  readonly greeting?: Act;
  /** Offered in answer to EHLO, beside AUTH; 8BITMIME. */
  readonly offers?: string;
  readonly ehlo?: Act;
  readonly auth?: Act;
  readonly mail?: Act;
  readonly rcpt?: Act;
  readonly data?: Act;
  /** Cuts the connection after this many bytes of the message. */
  readonly cutAfterBytes?: number;
  /** At the final dot. */
  readonly end?: Act;
}

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  /** Messages whose final dot arrived, as they came over the wire. */
  readonly messages: string[];
  /** Those of them that the server answered with 4xx or 5xx. */
  readonly returned: string[];
  /** Message bytes that arrived without their final dot. */
  readonly fragments: string[];
  readonly commands: string[];
  connections(): number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * An SMTP server of sockets and nothing else, so that it can break off wherever a test wants. `scripts` are used one
 * per connection; the last one goes on for ever.
 */
export async function scriptedServer(...scripts: Script[]): Promise<ScriptedServer> {
  const messages: string[] = [];
  const returned: string[] = [];
  const fragments: string[] = [];
  const commands: string[] = [];
  const sockets = new Set<net.Socket>();
  let count = 0;
  const server = net.createServer((socket) => {
    sockets.add(socket);
    const script = scripts[Math.min(count++, scripts.length - 1)] ?? {};
    let buffer = '';
    let inMessage = false;
    let recipients = 0;
    let silent = false;
    const act = (what: Act | undefined, usual: string): void => {
      silent ||= what === 'silence';
      if (what === 'drop') socket.destroy();
      else if (!silent) socket.write(`${what ?? usual}\r\n`);
    };
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      if (inMessage) fragments.push(buffer);
    });
    socket.on('data', (chunk: Buffer) => {
      buffer += chunk.toString('latin1');
      for (;;) {
        if (inMessage) {
          if (script.cutAfterBytes !== undefined && buffer.length >= script.cutAfterBytes) {
            socket.destroy();
            return;
          }
          const end = buffer.indexOf('\r\n.\r\n');
          if (end < 0) return;
          messages.push(buffer.slice(0, end + 2));
          if (/^[45]/.test(script.end ?? '')) returned.push(buffer.slice(0, end + 2));
          buffer = buffer.slice(end + 5);
          inMessage = false;
          act(script.end, '250 2.0.0 taken');
          continue;
        }
        const line = buffer.indexOf('\r\n');
        if (line < 0) return;
        const command = buffer.slice(0, line);
        buffer = buffer.slice(line + 2);
        commands.push(command);
        const verb = command.slice(0, 4).toUpperCase();
        if (verb === 'EHLO')
          act(script.ehlo, `250-scripted\r\n250-AUTH PLAIN\r\n250 ${script.offers ?? '8BITMIME'}`);
        else if (verb === 'AUTH') act(script.auth, '235 2.7.0 welcome');
        else if (verb === 'MAIL') act(script.mail, '250 2.1.0 ok');
        else if (verb === 'RCPT') {
          if (script.rcpt === undefined && !/^[45]/.test(script.mail ?? '')) recipients++;
          act(script.rcpt, '250 2.1.5 ok');
        } else if (verb === 'DATA' && recipients === 0) act(undefined, '503 5.5.1 nobody to send it to');
        else if (verb === 'DATA') {
          recipients = 0;
          inMessage = script.data === undefined || script.data.startsWith('354');
          act(script.data, '354 go on');
        } else if (verb === 'QUIT') socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
    act(script.greeting, '220 scripted ESMTP');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    messages,
    returned,
    fragments,
    commands,
    connections: () => count,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A mail as the delivery job makes it. */
export function exampleMail(changes: Partial<OutgoingMail> = {}): OutgoingMail {
  return {
    messageId: '018f3a5e-7c00-7000-8000-0000000000d1@otgroup.example',
    date: Temporal.Instant.from('2027-06-01T08:00:00Z'),
    from: { name: 'OT Evening Group', address: 'hello@otgroup.example' },
    to: { name: 'Ann Example', address: 'ann@example.org' },
    subject: 'Tomorrow: Monthly meeting, Wednesday 2 June 2027, 7 pm (UK time)',
    html: '<!doctype html><html lang="en-GB"><body><p>Hello Ann – see you tomorrow.</p></body></html>',
    text: 'Hello Ann,\n\nsee you tomorrow – 7 pm.\n.\nA line with one dot stood above.\n',
    listId: 'OT Evening Group <meetings.otgroup.example>',
    oneClickUrl: 'https://otgroup.example/u/eyJzIjoiMDE4ZjNhNWUifQ.7gkq1b9v',
    calendar: {
      method: 'PUBLISH',
      filename: 'meeting.ics',
      content:
        'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\nUID:1@otgroup.example\r\n' +
        'DTSTAMP:20270601T080000Z\r\nDTSTART:20270602T180000Z\r\nSUMMARY:Café – meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
    },
    ...changes,
  };
}
