import type { Retention } from '../organisation/setting-types.ts';

/** When something of `since` is no longer kept; `undefined` when it is kept for good. Months are of the calendar, in UTC. */
export function retainedUntil(since: Temporal.Instant, retention: NonNullable<Retention>): Temporal.Instant {
  return since.toZonedDateTimeISO('UTC').add(retention).toInstant();
}

/** What is older than this is no longer kept. */
export function retentionLimit(now: Temporal.Instant, retention: NonNullable<Retention>): Temporal.Instant {
  return now.toZonedDateTimeISO('UTC').subtract(retention).toInstant();
}
