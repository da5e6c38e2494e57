import type { Retention } from './setting-types.ts';

/**
 * The instant before which what is kept for so long has to go; `undefined` when it is kept for good. Months are
 * counted on the calendar, days as 24 hours.
 */
export function retentionCutoff(kept: Retention, now: Temporal.Instant): Temporal.Instant | undefined {
  if (kept === undefined) return undefined;
  if ('days' in kept) return now.subtract({ hours: 24 * kept.days });
  return now.toZonedDateTimeISO('UTC').subtract({ months: kept.months }).toInstant();
}
