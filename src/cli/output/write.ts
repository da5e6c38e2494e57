import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes and waits while the reader is slower than we are, so that a long listing keeps memory flat. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (text !== '' && !stream.write(text) && !stream.destroyed) await once(stream, 'drain');
}

/** Writes one JSON document; the items of `list`, when there is one, become the last member of the object `data`. */
export async function writeJson(
  stream: Writable,
  data: unknown,
  list?: { readonly name: string; readonly items: AsyncIterable<unknown> },
): Promise<void> {
  const document = JSON.stringify(data, null, 2);
  if (list === undefined) return write(stream, `${document}\n`);
  await write(stream, `${document.slice(0, document.lastIndexOf('\n'))},\n  ${JSON.stringify(list.name)}: [`);
  let separator = '\n    ';
  for await (const item of list.items) {
    await write(stream, separator + JSON.stringify(item));
    separator = ',\n    ';
  }
  await write(stream, '\n  ]\n}\n');
}
