import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { ConvenorError } from '../kernel/errors.ts';

/** One setting. `fallback` and `example` are texts that `schema` accepts; a test checks that. */
export interface Setting<T> {
  readonly schema: z.ZodType<T, string>;
  /** The value as text again, in its one canonical form. */
  readonly format: (value: T) => string;
  readonly fallback: string;
  readonly help: string;
  readonly example: string;
  /** Never shown, and not kept in the audit log. */
  readonly secret?: true;
  /** Written by the program itself, not by a person. */
  readonly internal?: true;
}

export function setting<T>(definition: Setting<T>): Setting<T> {
  return definition;
}

/** Text on one line, without the characters that could break a mail header. */
export function line(maximum: number, minimum: 0 | 1 = 1) {
  return z
    .string()
    .trim()
    .min(minimum, { error: 'must not be empty' })
    .max(maximum, { error: `must have at most ${maximum} characters` })
    .refine((text) => !/\p{Cc}/u.test(text), { error: 'must be a single line' });
}

/** Text of several lines. */
export function paragraph(maximum: number, minimum: 0 | 1 = 0) {
  return z
    .string()
    .transform((text) => text.replaceAll('\r\n', '\n').trim())
    .pipe(
      z
        .string()
        .min(minimum, { error: 'must not be empty' })
        .max(maximum, { error: `must have at most ${maximum} characters` })
        .refine((text) => !/\p{Cc}/u.test(text.replaceAll('\n', '')), {
          error: 'must not contain control characters',
        }),
    );
}

/** A parser that throws `invalid_input`, as a schema: its sentence becomes the schema's message. */
export function parsedBy<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      return parse(text.trim());
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      context.addIssue({ code: 'custom', message: error.problems.map((p) => p.message).join('; ') });
      return z.NEVER;
    }
  });
}

/** `yes` or `no`. */
export const yesOrNo = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum(['yes', 'no'], { error: 'must be yes or no' }))
  .transform((text) => text === 'yes');

export const formatYesOrNo = (value: boolean): string => (value ? 'yes' : 'no');

/** A colour as `#rrggbb` on which white text reads well: contrast of at least 4.5:1 (WCAG 2.2, 1.4.3). */
export const darkColour = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^#[0-9a-f]{6}$/, { error: 'must be a colour such as #1d5a8c' })
  .refine((colour) => contrastWithWhite(colour) >= 4.5, {
    error: 'must be darker: white text on it needs a contrast of at least 4.5 to 1',
  });

function contrastWithWhite(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const part = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}

/** A domain name in ASCII, or nothing. */
export const domainOrNothing = z
  .string()
  .trim()
  .transform((text) => domainToASCII(text))
  .pipe(
    z.string().regex(/^$|^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/, {
      error: 'must be a domain name such as example.org',
    }),
  );

/** How long something is kept: a number of days or months, or `undefined` for "for as long as the group exists". */
export type Retention = { readonly days: number } | { readonly months: number } | undefined;

/** `14 days`, `24 months` or `keep`. */
export const retention: z.ZodType<Retention, string> = z
  .string()
  .trim()
  .toLowerCase()
  .transform((text, context): Retention => {
    if (text === 'keep') return undefined;
    const match = /^(\d{1,4}) ?(day|month)s?$/.exec(text);
    const count = Number(match?.[1]);
    if (match === null || count < 1) {
      context.addIssue({
        code: 'custom',
        message: 'must be a time such as "14 days" or "24 months", or "keep"',
      });
      return z.NEVER;
    }
    return match[2] === 'day' ? { days: count } : { months: count };
  });

export function formatRetention(value: Retention): string {
  if (value === undefined) return 'keep';
  const [count, unit] = 'days' in value ? [value.days, 'day'] : [value.months, 'month'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A share as whole percent from 1 to 100, with or without the sign. */
export const percent = z
  .string()
  .trim()
  .regex(/^(?:100|[1-9]\d?) ?%?$/, { error: 'must be a percentage from 1 to 100, such as 75%' })
  .transform((text) => Number.parseInt(text, 10));

/** E-mail addresses separated by commas or semicolons, or none. */
export const addressList = parsedBy((text) =>
  text
    .split(/[,;]/)
    .filter((part) => part.trim() !== '')
    .map((part) => parseEmailAddress(part).normalised),
);
