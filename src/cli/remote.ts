/**
 * A command that is typed in one process and carried out in another: while a server holds the embedded
 * database, no second process can open it. Both sides talk over a unix socket in lines of JSON. What is typed,
 * shown and asked stays at the terminal of the person; only the work moves.
 */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { z } from 'zod';
import { ConvenorError } from '../kernel/errors.ts';
import type { CliHost, CliIo, Question } from './host.ts';
import { write } from './output/write.ts';
import { runCli } from './run.ts';

const requestSchema = z.object({
  argv: z.array(z.string()),
  cwd: z.string(),
  isTTY: z.boolean(),
  columns: z.number().optional(),
  colour: z.boolean(),
  canAsk: z.boolean(),
});
type Request = z.output<typeof requestSchema>;

const answerSchema = z.object({ answer: z.string().nullable() });

const replySchema = z.union([
  z.object({ stdout: z.string() }),
  z.object({ stderr: z.string() }),
  z.object({ ask: z.custom<Question>((value) => typeof value === 'object') }),
  z.object({ exit: z.number() }),
]);
type Reply = z.output<typeof replySchema>;

/**
 * Has the server behind `socketPath` carry a command out.
 *
 * @returns its exit status; `undefined` when no server listens there.
 * @throws ConvenorError `unavailable` when the server goes away in the middle.
 */
export async function forwardCommand(
  socketPath: string,
  argv: readonly string[],
  io: CliIo,
): Promise<number | undefined> {
  const socket = createConnection(socketPath);
  try {
    await once(socket, 'connect');
  } catch {
    return undefined;
  }
  // A broken connection ends the loop below, which says so.
  socket.on('error', () => undefined);
  const stop = () => socket.destroy();
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    const { cwd, isTTY, columns, colour } = io;
    const canAsk = io.ask !== undefined;
    send(socket, {
      argv: [...argv],
      cwd,
      isTTY,
      ...(columns === undefined ? {} : { columns }),
      colour,
      canAsk,
    });
    for await (const line of linesOf(socket)) {
      const reply = replySchema.parse(JSON.parse(line));
      if ('exit' in reply) return reply.exit;
      if ('stdout' in reply) await write(io.stdout, reply.stdout);
      else if ('stderr' in reply) await write(io.stderr, reply.stderr);
      else send(socket, { answer: (await io.ask?.(reply.ask)) ?? null });
    }
    throw new ConvenorError(
      'unavailable',
      'The server went away before the command was done. Look whether it was carried out, then repeat it.',
    );
  } finally {
    io.signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** Carries out the one command that comes in on a connection, in this process. */
export async function serveCommand(socket: Socket, host: CliHost): Promise<void> {
  const gone = new AbortController();
  socket.on('error', () => undefined);
  socket.once('close', () => gone.abort());
  const lines = linesOf(socket)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done === true) return;
  const { canAsk, columns, ...request }: Request = requestSchema.parse(JSON.parse(first.value));
  const stdout = replies(socket, (text) => ({ stdout: text }));
  const stderr = replies(socket, (text) => ({ stderr: text }));
  const io: CliIo = {
    ...request,
    columns,
    stdout,
    stderr,
    signal: gone.signal,
    ...(canAsk
      ? {
          ask: async (question: Question) => {
            send(socket, { ask: question });
            const next = await lines.next();
            return next.done === true
              ? undefined
              : (answerSchema.parse(JSON.parse(next.value)).answer ?? undefined);
          },
        }
      : {}),
  };
  const exit = await runCli(request.argv, io, host);
  // What is still on its way must be out before the status, which ends the connection.
  await Promise.all([stdout, stderr].map((stream) => new Promise<void>((done) => void stream.end(done))));
  if (!socket.destroyed) socket.end(`${JSON.stringify({ exit } satisfies Reply)}\n`);
}

/** The lines that come in, until the connection is closed in whatever way: a broken one has no "end". */
function linesOf(socket: Socket): AsyncIterable<string> {
  const lines = createInterface({ input: socket });
  socket.once('close', () => lines.close());
  return lines;
}

/** A stream whose text goes out in replies, as fast as the other side reads. */
function replies(socket: Socket, wrap: (text: string) => Reply): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      // Nobody is left to read: the command finds out by its signal.
      if (socket.destroyed) done();
      else socket.write(`${JSON.stringify(wrap(chunk.toString()))}\n`, () => done());
    },
  });
}

function send(socket: Socket, message: Request | Reply | z.output<typeof answerSchema>): void {
  socket.write(`${JSON.stringify(message)}\n`);
}
