import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConvenorError } from './errors.ts';

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, with a closing zero. */
const LONGEST_SOCKET_PATH = 103;

/**
 * Where a unix socket of the data folder is: `<folder>/<name>.sock`, or, when that is longer than the system
 * allows, a place below the temporary folder that follows from the data folder and that only this account can
 * enter. Every process that asks for the same folder gets the same path.
 *
 * @throws ConvenorError `unavailable` when the place in the temporary folder belongs to somebody else.
 */
export function socketPath(dataFolder: string, name: string): string {
  const inside = path.join(dataFolder, `${name}.sock`);
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH) return inside;
  const mark = createHash('sha256').update(path.resolve(dataFolder)).digest('hex').slice(0, 16);
  const folder = path.join(tmpdir(), `convenor-${mark}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || status.uid !== process.getuid?.() || (status.mode & 0o077) !== 0) {
    throw new ConvenorError(
      'unavailable',
      `${folder} belongs to another account or is open to others. Remove it, or choose a DATA_DIR with a shorter path.`,
    );
  }
  return path.join(folder, `${name}.sock`);
}
