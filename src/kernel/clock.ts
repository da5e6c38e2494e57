/** The one source of "now". Everything that needs the time takes a `Clock`, so that a test can own it. */
export interface Clock {
  /** The present instant (UTC, millisecond precision). */
  now(): Temporal.Instant;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Temporal.Instant.fromEpochMilliseconds(Date.now()),
};
