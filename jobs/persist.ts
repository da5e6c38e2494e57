import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../src/kernel/log.ts';

/** Delays between tries while the database does not answer; their sum is how long an outage may last. */
const DELAYS_MS = [
  100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000, 1000, 2000, 2000, 2000, 2000, 2000, 2000,
];

/**
 * Writes what must not be lost: the outcome of messages that have been handed over. While the database restarts or
 * the connection is cut it tries again; the caller's process goes on living meanwhile, so that the claim stays its
 * own.
 *
 * @throws the last error when the database stays away for about twenty seconds.
 */
export async function persist<T>(write: () => Promise<T>, log: Log): Promise<T> {
  for (const delay of DELAYS_MS) {
    try {
      return await write();
    } catch (err) {
      log.warn({ err }, 'The database did not take the outcome of messages; trying again');
      await pause(delay);
    }
  }
  return write();
}
