import type { Clock } from '../../src/kernel/clock.ts';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: Temporal.Instant;

  constructor(now: Temporal.Instant | string) {
    this.#now = Temporal.Instant.from(now);
  }

  now(): Temporal.Instant {
    return this.#now;
  }

  set(now: Temporal.Instant | string): void {
    this.#now = Temporal.Instant.from(now);
  }

  advance(duration: Temporal.DurationLike): void {
    this.#now = this.#now.add(duration);
  }
}
