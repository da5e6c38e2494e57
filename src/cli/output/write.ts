import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Writes and waits while the reader is slower than we are, so that a long listing keeps memory flat. A reader who
 * has seen enough (`| head`) is no failure: what is left is not written.
 */
export async function write(stream: Writable, text: string): Promise<void> {
  if (text === '' || stream.destroyed || stream.errored !== null) return;
  if (stream.write(text)) return;
  try {
    await once(stream, 'drain');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

/** Items that may be many, written one by one as they come. */
export interface LongList {
  /** The member of the object `data` that they become, its last; without a name they are the whole document. */
  readonly name?: string;
  readonly items: AsyncIterable<unknown>;
}

/** Writes one JSON document. */
export async function writeJson(stream: Writable, data: unknown, list?: LongList): Promise<void> {
  if (list === undefined) return write(stream, `${JSON.stringify(data, null, 2)}\n`);
  if (list.name === undefined) return writeItems(stream, '', list.items, ']\n');
  const document = JSON.stringify(data, null, 2);
  const members = document.slice(0, document.lastIndexOf('\n'));
  await writeItems(stream, `${members},\n  ${JSON.stringify(list.name)}: `, list.items, ']\n}\n');
}

async function writeItems(
  stream: Writable,
  before: string,
  items: AsyncIterable<unknown>,
  after: string,
): Promise<void> {
  let separator = `${before}[\n`;
  for await (const item of items) {
    await write(stream, separator + JSON.stringify(item));
    separator = ',\n';
  }
  await write(stream, separator === ',\n' ? `\n${after}` : `${before}[${after}`);
}
