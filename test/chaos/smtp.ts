import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Random } from './random.ts';

/** What the mail server does to its clients for a while. */
export const MOODS = [
  'refuse 550 5.1.1',
  'refuse 550 5.7.1',
  'refuse 552',
  'refuse 535',
  'defer 421',
  'defer 450',
  'defer 451',
  'defer 452',
  'stall',
  'drop before DATA',
  'drop after DATA',
  'lie about size',
  'die',
] as const;
export type Mood = (typeof MOODS)[number];

/** One message whose content reached the server. */
export interface Arrival {
  readonly messageId: string;
  readonly to: string;
  /** When its content was complete, in milliseconds of this machine's clock. */
  readonly at: number;
  /** Whether it is delivered; a message that the server refuses or forgets is not. */
  readonly kept: boolean;
  /** Whether an answer was written that the client could have read. */
  readonly answered: boolean;
  /** Where the one-click POST of its List-Unsubscribe header goes. */
  readonly leave: string | undefined;
}

/** A message that the server did not take, and what it said. */
export interface Refusal {
  readonly to: string;
  readonly line: string;
}

export interface UnrulyMailServer {
  readonly port: number;
  readonly arrivals: readonly Arrival[];
  readonly refusals: readonly Refusal[];
  /** Messages whose DATA began, with or without an end. */
  readonly begun: ReadonlySet<string>;
  /** The mood from now on; `undefined` for good behaviour. `share` of the messages meet it. */
  setMood(mood: Mood | undefined, share: number): void;
  close(): Promise<void>;
}

const REPLIES: Partial<Record<Mood, { readonly stage: 'mail' | 'rcpt' | 'message'; readonly line: string }>> =
  {
    'refuse 550 5.1.1': { stage: 'rcpt', line: '550 5.1.1 No such mailbox' },
    'refuse 550 5.7.1': { stage: 'rcpt', line: '550 5.7.1 Refused by policy' },
    'refuse 552': { stage: 'message', line: '552 5.2.2 The mailbox is full' },
    'refuse 535': { stage: 'mail', line: '535 5.7.8 Not signed in' },
    'defer 421': { stage: 'mail', line: '421 4.3.2 The service is closing' },
    'defer 450': { stage: 'rcpt', line: '450 4.2.1 The mailbox is busy' },
    'defer 451': { stage: 'message', line: '451 4.3.0 A fault of our own' },
    'defer 452': { stage: 'rcpt', line: '452 4.2.2 No room at this moment' },
  };

const STALL_MS = 4_000;

/**
 * An SMTP server that keeps a journal and can be told to behave badly. Written by hand, so that it can.
 *
 * @param answerMs how long it takes to answer a message when it behaves, lowest and highest.
 * @param pipelining whether it offers that messages are announced ahead.
 */
export async function startUnrulyMailServer(
  random: Random,
  {
    answerMs = [0, 0],
    pipelining = false,
  }: { answerMs?: readonly [number, number]; pipelining?: boolean } = {},
): Promise<UnrulyMailServer> {
  const arrivals: Arrival[] = [];
  const refusals: Refusal[] = [];
  const begun = new Set<string>();
  const sockets = new Set<Socket>();
  let mood: Mood | undefined;
  let share = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (mood === 'die') {
      socket.destroy();
      return;
    }
    converse(socket);
  });

  function converse(socket: Socket): void {
    let buffer = '';
    let to = '';
    let content: string | undefined;
    /** Whether the message may come: somebody to send it to has been named and taken. */
    let named = false;
    /** What comes while an answer is thought over waits. */
    let thinking = false;
    /** The mood that this message meets. */
    let met: Mood | undefined;
    const say = (line: string) => socket.writable && socket.write(`${line}\r\n`);
    const refusal = (stage: 'mail' | 'rcpt' | 'message') => {
      const reply = met && REPLIES[met];
      return reply?.stage === stage ? reply.line : undefined;
    };

    function command(line: string): void {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') {
        say('250-chaos.example');
        if (pipelining) say('250-PIPELINING');
        say(mood === 'lie about size' ? '250 SIZE 100' : '250 SIZE 10000000');
      } else if (verb === 'MAIL') {
        met = random.chance(share) ? mood : undefined;
        named = false;
        const line_ = refusal('mail');
        say(line_ ?? '250 2.1.0 OK');
        if (line_?.startsWith('421')) socket.end();
      } else if (verb === 'RCPT') {
        to = /<([^>]*)>/.exec(line)?.[1] ?? '';
        const reply = refusal('rcpt');
        if (reply !== undefined) refusals.push({ to, line: reply });
        named = reply === undefined && refusal('mail') === undefined;
        say(reply ?? '250 2.1.5 OK');
      } else if (verb === 'DATA') {
        if (met === 'drop before DATA') {
          thinking = true;
          // What was answered before is not lost by it.
          setTimeout(() => socket.resetAndDestroy(), 20);
          return;
        }
        if (!named) {
          say('503 5.5.1 Nobody to send it to');
          return;
        }
        content = '';
        say('354 Go on');
      } else if (verb === 'QUIT') {
        say('221 2.0.0 Bye');
        socket.end();
      } else if (verb === 'HELO' || verb === 'RSET' || verb === 'NOOP') say('250 2.0.0 OK');
      else say('502 5.5.1 Not known here');
    }

    function message(raw: string): void {
      const header = (name: string) =>
        new RegExp(`^${name}:((?:.|\\r\\n[ \\t])*)`, 'im')
          .exec(raw)?.[1]
          ?.replace(/\r\n[ \t]+/g, ' ')
          .trim();
      const messageId = (header('Message-ID') ?? '').replace(/^<|>$/g, '');
      const leave = /<(https?:[^>]*)>/.exec((header('List-Unsubscribe') ?? '').replaceAll(' ', ''))?.[1];
      const at = Date.now();
      const arrive = (kept: boolean, answered: boolean) =>
        arrivals.push({ messageId, to, at, kept, answered, leave });
      begun.add(messageId);
      const reply =
        refusal('message') ?? (met === 'lie about size' ? '552 5.3.4 Larger than I said' : undefined);
      if (reply !== undefined) {
        arrive(false, true);
        refusals.push({ to, line: reply });
        say(reply);
      } else if (met === 'drop after DATA') {
        arrive(random.chance(0.5), false);
        socket.resetAndDestroy();
      } else if (met === 'stall') {
        takeAfter(STALL_MS);
      } else takeAfter(random.between(...answerMs));

      /** Taken when the content is there; whether the answer gets through is another matter. */
      function takeAfter(delay: number): void {
        const take = () => {
          arrive(true, socket.writable);
          say('250 2.0.0 Taken');
        };
        if (delay === 0) return take();
        thinking = true;
        setTimeout(() => {
          take();
          thinking = false;
          listen();
        }, delay);
      }
    }

    function listen(): void {
      while (!thinking) {
        if (content === undefined) {
          const end = buffer.indexOf('\r\n');
          if (end < 0) return;
          const line = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          command(line);
        } else {
          const id = /^Message-ID:\s*<([^>]+)>/im.exec(buffer)?.[1];
          if (id !== undefined) begun.add(id);
          const end = buffer.indexOf('\r\n.\r\n');
          if (end < 0) return;
          const raw = buffer.slice(0, end);
          buffer = buffer.slice(end + 5);
          content = undefined;
          message(raw);
        }
      }
    }

    socket.on('data', (piece) => {
      buffer += piece.toString('latin1');
      listen();
    });
    say('220 chaos.example ESMTP');
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    arrivals,
    refusals,
    begun,
    setMood(next, part) {
      mood = next;
      share = part;
      if (next === 'die') for (const socket of sockets) socket.resetAndDestroy();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
