import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { MailerLiteError } from './errors.ts';

/**
 * What a request is for. `urgent` is an opt-out or what an opt-out needs; `import` also counts against
 * MailerLite's separate limit on imports.
 */
export type PaceKind = 'urgent' | 'normal' | 'import';

/** The budget of an account. */
export interface Budget {
  /** All requests within the window, from every process. */
  readonly requests: number;
  /** The part of them that only urgent requests may use. */
  readonly reserve: number;
  readonly imports: number;
  /**
   * A little more than MailerLite's minute: a request that was let go at the end of one window may arrive at
   * the start of the next.
   */
  readonly windowMs: number;
}

export const MAILERLITE_BUDGET: Budget = { requests: 120, reserve: 20, imports: 5, windowMs: 61_000 };

/** The shared memory of a pace: what was let go in the window, and until when nothing may go. */
export interface PaceStore {
  /** Takes a place for one request at `now`, or gives the milliseconds until it is worth asking again. */
  take(
    kind: PaceKind,
    now: Temporal.Instant | undefined,
  ): Promise<{ taken: true } | { taken: false; waitMs: number }>;
  /** Lets nothing go for this long. A shorter block never shortens a longer one. */
  block(milliseconds: number, now: Temporal.Instant | undefined): Promise<void>;
}

/** Spreads the requests of all workers over the account's budget. */
export interface Pace {
  /**
   * Waits for a place in the budget.
   *
   * @throws MailerLiteError `rate_limited` with the time to wait when that is longer than the pace is willing to
   *   hold a job for; `timeout` when the signal ends the wait.
   */
  acquire(kind: PaceKind, signal?: AbortSignal): Promise<void>;
  /** Notes that MailerLite asked for silence. */
  block(seconds: number): Promise<void>;
}

export interface PaceOptions {
  readonly store: PaceStore;
  /** The time to count by. Left out, a shared store counts by its own, which all hosts agree on. */
  readonly clock?: Clock;
  /** The longest that `acquire` waits in one go, in milliseconds. */
  readonly patienceMs?: number;
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** A window has passed by then, so that a busy minute never fails a job. */
const PATIENCE_MS = 65_000;

/** A pace over the given store. */
export function createPace(options: PaceOptions): Pace {
  const { store, clock, patienceMs = PATIENCE_MS } = options;
  const sleep =
    options.sleep ?? ((milliseconds, signal) => wait(milliseconds, undefined, { ...(signal && { signal }) }));
  return {
    async acquire(kind, signal) {
      let waited = 0;
      for (;;) {
        if (signal?.aborted === true) throw stopped();
        const answer = await store.take(kind, clock?.now());
        if (answer.taken) return;
        if (waited + answer.waitMs > patienceMs) throw tooLong(answer.waitMs);
        waited += answer.waitMs;
        try {
          await sleep(answer.waitMs, signal);
        } catch {
          throw stopped();
        }
      }
    },
    block: (seconds) => store.block(seconds * 1000, clock?.now()),
  };
}

function stopped(): MailerLiteError {
  return new MailerLiteError('timeout', 'The call to MailerLite was given up before it was made.');
}

function tooLong(waitMs: number): MailerLiteError {
  const seconds = Math.ceil(waitMs / 1000);
  return new MailerLiteError(
    'rate_limited',
    `The budget of MailerLite requests is used up for another ${seconds} seconds.`,
    { retryAfterSeconds: seconds },
  );
}

/** A store for one process and for tests. It needs the time with every call. */
export function createMemoryPaceStore(clock: Clock, budget: Budget = MAILERLITE_BUDGET): PaceStore {
  let requests: number[] = [];
  let imports: number[] = [];
  let blockedUntil = 0;
  return {
    take: (kind) => {
      const now = clock.now().epochMilliseconds;
      if (blockedUntil > now) return Promise.resolve({ taken: false, waitMs: blockedUntil - now });
      const start = now - budget.windowMs;
      requests = requests.filter((time) => time > start);
      imports = imports.filter((time) => time > start);
      const allowed = kind === 'urgent' ? budget.requests : budget.requests - budget.reserve;
      const waitMs = Math.max(
        untilFree(requests, allowed, start),
        kind === 'import' ? untilFree(imports, budget.imports, start) : 0,
      );
      if (waitMs > 0) return Promise.resolve({ taken: false, waitMs });
      requests.push(now);
      if (kind === 'import') imports.push(now);
      return Promise.resolve({ taken: true });
    },
    block: (milliseconds) => {
      blockedUntil = Math.max(blockedUntil, clock.now().epochMilliseconds + milliseconds);
      return Promise.resolve();
    },
  };
}

/** Milliseconds until fewer than `allowed` of the times, which rise, lie after `start`. */
function untilFree(times: readonly number[], allowed: number, start: number): number {
  const oldestInTheWay = times[times.length - allowed];
  return oldestInTheWay === undefined ? 0 : oldestInTheWay - start;
}
