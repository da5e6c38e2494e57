import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

/** Whether this machine can make a disk look full to one process. */
export const canFillDisks = spawnSync('prlimit', ['--version']).status === 0;

/** No file may grow beyond this: every write of a database is refused, as on a full disk. */
const FULL_BYTES = 4_096;

/** Refuses all writes of processes to files, or allows them again, while they run. */
export function limitFiles(pids: readonly number[], disk: 'full' | 'free'): void {
  const limit = disk === 'full' ? String(FULL_BYTES) : 'unlimited';
  // The soft limit alone, so that it can be raised again; as the owner, who needs no right for that.
  for (const pid of pids) {
    const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false });
    if (owner === undefined) continue;
    const { uid, gid } = owner;
    spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`], { uid, gid });
  }
}
