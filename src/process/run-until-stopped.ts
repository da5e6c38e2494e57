import closeWithGrace from 'close-with-grace';
import { ConvenorError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import type { Closers } from './closers.ts';

/** After this the process ends whatever still runs: a container would be killed at the same time. */
const STOP_LIMIT_MS = 10_000;

/**
 * Runs `start`, and then nothing until a signal or an error that nobody caught ends the process: exit status 0 after a
 * clean stop on a signal, 1 otherwise. A signal during the start stops as soon as the start has come to its end; a
 * second signal ends the process at once.
 *
 * @throws what `start` throws, after everything that it had opened is closed.
 */
export async function runUntilStopped(
  { log, closers }: { log: Log; closers: Closers },
  start: () => Promise<void>,
): Promise<number> {
  const logger = {
    error: (...args: unknown[]) => log.error({ detail: args.map(String).join(' ') }, 'stopping'),
  };
  let started: Promise<void> = Promise.resolve();
  const graceful = closeWithGrace({ delay: STOP_LIMIT_MS, logger }, async ({ err, signal }) => {
    if (err instanceof ConvenorError) log.fatal(`${err.message} Stopping.`);
    else if (err) log.fatal({ err }, 'an error that nobody caught; stopping');
    else log.info({ signal }, 'stopping');
    await started.catch(() => undefined);
    const failed = await closers.close();
    if (failed.length > 0) throw new Error(`not stopped cleanly: ${failed.join(', ')}`);
    log.info('stopped');
  });
  started = start();
  try {
    await started;
  } catch (error) {
    graceful.uninstall();
    await closers.close();
    throw error;
  }
  return new Promise<number>(() => {
    // The handler above ends the process.
  });
}
