import { z } from 'zod';

const PATTERN = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/;

/**
 * Reads a time of MailerLite: `2025-01-31 09:00:00` in answers, which is UTC although it does not say so, and
 * `2025-01-31T09:00:00.000000Z` in webhooks. Gives `undefined` for anything else.
 */
export function parseTimestamp(text: string): Temporal.Instant | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  try {
    return Temporal.Instant.from(`${match[1]!}T${match[2]!}${match[3] ?? 'Z'}`);
  } catch {
    return undefined;
  }
}

/** Writes a time as MailerLite wants it in requests: UTC, in whole seconds, without a mark of the zone. */
export function formatTimestamp(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: 'second' }).replace('T', ' ').replace('Z', '');
}

/** A time that must be there. */
export const timestamp = z.string().transform((text, context): Temporal.Instant => {
  const instant = parseTimestamp(text);
  if (instant !== undefined) return instant;
  context.addIssue({ code: 'custom', message: 'is not a time' });
  return z.NEVER;
});

/** A time that may be null or missing; both read as null. */
export const optionalTimestamp = timestamp.nullish().transform((instant) => instant ?? null);
