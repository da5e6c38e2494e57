import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Finding } from '../../cli/host.ts';

const OLD_DAYS = 8;

/** How old the newest file in the folder of backups is. */
export async function backupFinding(folder: string, now: Temporal.Instant): Promise<Finding> {
  const check = 'Backups';
  const newest = await newestFile(folder);
  if (newest === undefined) {
    return {
      check,
      state: 'warning',
      detail: `there is none in ${folder}`,
      advice: 'Run "convenor backup" every night and keep the files on another machine.',
    };
  }
  const days = Math.floor(now.since(newest).total('hours') / 24);
  const detail = `the newest is ${days <= 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`} old`;
  if (days < OLD_DAYS) return { check, state: 'ok', detail };
  return {
    check,
    state: 'warning',
    detail,
    advice: 'Run "convenor backup" every night; look why it has stopped.',
  };
}

async function newestFile(folder: string): Promise<Temporal.Instant | undefined> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    return undefined;
  }
  const times = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).mtimeMs));
  return times.length === 0
    ? undefined
    : Temporal.Instant.fromEpochMilliseconds(Math.floor(Math.max(...times)));
}
