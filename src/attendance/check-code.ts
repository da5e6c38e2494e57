import { randomBytes } from 'node:crypto';

/** Crockford's base 32: no letter that is taken for a digit, none for another letter. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 12;

/** A new check code: 60 random bits, so that nobody finds a certificate by trying. `K7QM-2X9P-4TRN`. */
export function newCheckCode(): string {
  const text = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte % 32]).join('');
  return groups(text);
}

/**
 * A code as somebody typed it from paper: case, spaces and hyphens do not matter, O reads as 0, I and L as 1.
 *
 * @returns `undefined` when it cannot be a code.
 */
export function parseCheckCode(text: string): string | undefined {
  const clean = text
    .toUpperCase()
    .replaceAll(/[\s\u2010-\u2015-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{12}$/.test(clean) ? groups(clean) : undefined;
}

function groups(text: string): string {
  return text.match(/.{4}/g)!.join('-');
}
