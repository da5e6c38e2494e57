import { touchedBy, type Injected } from './faults.ts';
import type { Stage } from './stage.ts';

const MINUTE_MS = 60_000;
/** From a call for meetings to the minute at which their reminders are due. */
const LEAD_MS = 3_000;

/** The group's time: that of all processes, except for a clock that a fault sets apart. In milliseconds. */
export class GroupTime {
  /** Leaps of it: every clock jumps at once, which is a fault like any other. */
  readonly leaps: Injected[] = [];
  readonly #stage: Stage;
  #advanced = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  now(): number {
    return Date.now() + this.#stage.shift + this.#advanced;
  }

  advance(milliseconds: number): void {
    if (milliseconds <= 0) return;
    this.#advanced += milliseconds;
    for (const actor of this.#stage.actors) actor.advance(this.#advanced);
    const from = Date.now();
    this.leaps.push({ kind: 'leap', touches: touchedBy(this.#stage, 'all'), from, to: from + 1_000 });
  }

  /** Leaps to a moment before the next full minute. */
  towardsNextMinute(): void {
    this.advance(MINUTE_MS - (this.now() % MINUTE_MS) - LEAD_MS);
  }

  /** The full minute that is so many minutes after the next one. */
  fullMinute(later: number): number {
    return (Math.ceil(this.now() / MINUTE_MS) + later) * MINUTE_MS;
  }
}
