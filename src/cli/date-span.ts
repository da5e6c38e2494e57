import { z } from 'zod';
import { toWall } from '../calendar/wall.ts';
import { invalidInput } from '../kernel/errors.ts';

export const DATE_SPAN_OPTIONS = [
  { flags: '--from <date>', help: 'first day: 2027-01-01 (default: today)' },
  { flags: '--to <date>', help: 'last day' },
] as const;

const date = z
  .string()
  .transform((text, context) => {
    try {
      return Temporal.PlainDate.from(text.trim(), { overflow: 'reject' });
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a date that exists (example: 2027-01-31)' });
      return z.NEVER;
    }
  })
  .optional();

export const dateSpanShape = { from: date, to: date };

/**
 * The days that a listing is about, both inclusive: from today in `zone` and `length` long where not given.
 *
 * @throws ConvenorError `invalid_input` when the last day is before the first.
 */
export function dateSpan(
  input: { from?: Temporal.PlainDate | undefined; to?: Temporal.PlainDate | undefined },
  { now, zone, length }: { now: Temporal.Instant; zone: string; length: Temporal.Duration },
): { from: Temporal.PlainDate; to: Temporal.PlainDate } {
  const from = input.from ?? toWall(now, zone).toPlainDate();
  const to = input.to ?? from.add(length);
  if (Temporal.PlainDate.compare(to, from) < 0) {
    throw invalidInput({ field: 'to', message: `must not be before the first day, ${from.toString()}` });
  }
  return { from, to };
}
