import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes and waits while the reader is slower than we are, so that a long listing keeps memory flat. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (text !== '' && !stream.write(text) && !stream.destroyed) await once(stream, 'drain');
}
