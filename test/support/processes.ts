import { readFileSync } from 'node:fs';

/** Whether a process is there and has not ended; one that nobody has waited for yet counts as ended. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
