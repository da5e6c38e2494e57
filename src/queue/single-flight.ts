/**
 * Runs `work` when asked, never twice at the same time. Being asked while it runs, however often, makes it run once
 * more afterwards: the last request always sees a run that began after it.
 */
export class SingleFlight {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #again: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a run that began after this call has ended. The work's errors reach every caller. */
  request(): Promise<void> {
    if (!this.#running) return this.#start();
    this.#again ??= this.#running.catch(() => undefined).then(() => this.#start());
    return this.#again;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running.catch(() => undefined);
  }

  #start(): Promise<void> {
    this.#again = undefined;
    const run = this.#work().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}
