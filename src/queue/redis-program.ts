import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { ConvenorError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** What to do by hand where no way to get a Redis worked. */
const BY_HAND = [
  'Convenor needs Redis and found none. Do one of these, then start again:',
  '  docker compose up -d redis     and set REDIS_URL=redis://localhost:6379',
  '  install redis-server or valkey-server with the package manager of this machine',
  '  set REDIS_SERVER_BIN to a redis-server program',
].join('\n');

/**
 * The program for the private Redis: the one that is `chosen`, else one in `<dataFolder>/bin`, else one of PATH, else
 * one that is fetched into `<dataFolder>/bin` without installing anything on the machine.
 *
 * @throws ConvenorError `invalid_config` when the chosen program cannot be run, `unavailable` when there is none.
 */
export async function redisProgram(options: {
  chosen: string | undefined;
  dataFolder: string;
  searchPath: string | undefined;
  log: Log;
}): Promise<string> {
  const { chosen, dataFolder, searchPath, log } = options;
  if (chosen !== undefined) {
    if (isProgram(chosen)) return chosen;
    throw new ConvenorError(
      'invalid_config',
      'REDIS_SERVER_BIN names no program that can be run (example: /usr/bin/redis-server).',
    );
  }
  const bin = path.join(dataFolder, 'bin');
  const found = findProgram([bin, ...(searchPath ?? '').split(path.delimiter)]);
  if (found !== undefined) return found;
  const { fetchRedis } = await import('./redis-fetch.ts');
  log.info('no Redis on this machine: getting a private copy, once');
  try {
    await fetchRedis(bin, log);
  } catch (error) {
    throw new ConvenorError('unavailable', `${BY_HAND}\n(${(error as Error).message})`, { cause: error });
  }
  const fetched = findProgram([bin, ...(searchPath ?? '').split(path.delimiter)]);
  if (fetched === undefined) throw new ConvenorError('unavailable', BY_HAND);
  return fetched;
}

function findProgram(folders: readonly string[]): string | undefined {
  return folders
    .filter((folder) => folder !== '')
    .flatMap((folder) => PROGRAMS.map((name) => path.join(folder, name)))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(file);
  } catch {
    return false;
  }
}
