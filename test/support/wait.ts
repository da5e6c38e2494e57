import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until a fact holds: calls `look` again and again until it gives something other than `undefined` or
 * `false`. A look that throws counts as "not yet".
 *
 * @throws Error that names the awaited fact and the last error, after `within` milliseconds.
 */
export async function until<T>(
  fact: string,
  look: () => T | Promise<T>,
  { within = 45_000, every = 25 }: { within?: number; every?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + within;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > end) {
      throw new Error(
        `Not so within ${within} ms: ${fact}`,
        lastError === undefined ? {} : { cause: lastError },
      );
    }
    await pause(every);
  }
}
