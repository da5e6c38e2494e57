import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConvenorError } from '../kernel/errors.ts';

const FILE = 'secret-key';

/** The key kept in the data folder, made when there is none. Several processes may ask at once and get the same one. */
export function secretKeyOf(dataFolder: string): string {
  const file = path.join(dataFolder, FILE);
  try {
    return readKey(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  try {
    // The first one to get here wins, and its key is complete from the first moment.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readKey(file);
}

/** Puts a key from a backup in the place of the one that is kept. */
export function replaceSecretKey(dataFolder: string, key: string): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const draft = path.join(dataFolder, `${FILE}.${process.pid}`);
  writeFileSync(draft, `${key}\n`, { mode: 0o600 });
  renameSync(draft, path.join(dataFolder, FILE));
}

function readKey(file: string): string {
  const key = readFileSync(file, 'utf8').trim();
  if (key.length >= 32) return key;
  throw new ConvenorError(
    'invalid_config',
    `${file} holds no usable key. Put the key from a backup there; if there is none, remove the file: a new key is made, and links in mails already sent stop working.`,
  );
}
