import type { Log } from '../kernel/log.ts';

interface Closer {
  readonly name: string;
  readonly close: () => Promise<void> | void;
}

/**
 * What has been opened, to be closed in the opposite order. A part that fails to close is reported and does not keep
 * the others open.
 */
export class Closers {
  readonly #open: Closer[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, close: Closer['close']): void {
    this.#open.push({ name, close });
  }

  /** @returns the names of the parts that did not close cleanly. */
  async close(): Promise<string[]> {
    const failed: string[] = [];
    for (let closer = this.#open.pop(); closer; closer = this.#open.pop()) {
      try {
        await closer.close();
      } catch (error) {
        failed.push(closer.name);
        this.#log.error({ err: error, part: closer.name }, 'a part did not stop cleanly');
      }
    }
    return failed;
  }
}
