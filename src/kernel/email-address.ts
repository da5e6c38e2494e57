import { domainToASCII } from 'node:url';
import { invalidInput } from './errors.ts';

export interface EmailAddress {
  /** As the person typed it, without the space around it: what mail is sent to. */
  readonly email: string;
  /** The form that two spellings of one address share: NFC, lower case, domain in ASCII. What is compared. */
  readonly normalised: string;
}

/** RFC 5321 section 4.5.3.1, in octets. 254 follows from the limit of a path less its angle brackets. */
const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;

/** RFC 5322 dot-atom, with the letters and digits of any script (RFC 6532). */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
/** What a domain may hold before it is converted: the conversion would cut a path or port off instead of refusing it. */
const DOMAIN_CHARACTERS = /^[\p{L}\p{M}\p{N}.-]+$/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;

/**
 * Reads one e-mail address.
 *
 * @throws ConvenorError `invalid_input` for `field`, with a reason that the person who typed it understands.
 */
export function parseEmailAddress(text: string, field = 'email'): EmailAddress {
  // Spreadsheets leave invisible format characters around a pasted address.
  const email = text.replace(/^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu, '').normalize('NFC');
  const refuse = (message: string) => invalidInput({ field, message });
  if (email === '') throw refuse('is empty; an e-mail address such as anna@example.org was expected');
  if (/[<>]/.test(email)) throw refuse('must be the address only, without a name and without < and >');
  if (/[,;]/.test(email)) throw refuse('must be one address only, without a comma or semicolon');
  if (/\s/.test(email)) throw refuse('has a space in it');
  if (/[\p{Cc}\p{Cf}]/u.test(email)) throw refuse('has an invisible character in it');
  const at = email.lastIndexOf('@');
  if (at === -1) throw refuse('has no @; an address such as anna@example.org was expected');
  const local = email.slice(0, at);
  if (local === '') throw refuse('has nothing before the @');
  if (local.includes('@')) throw refuse('has more than one @');
  if (Buffer.byteLength(local) > MAX_LOCAL)
    throw refuse(`has more than ${MAX_LOCAL} characters before the @`);
  if (!LOCAL_PART.test(local)) throw refuse('has a dot or a character before the @ where none is allowed');
  const typedDomain = email.slice(at + 1);
  const domain = DOMAIN_CHARACTERS.test(typedDomain) ? domainToASCII(typedDomain).toLowerCase() : '';
  if (!DOMAIN.test(domain)) throw refuse('has no valid domain after the @ (such as example.org)');
  const normalised = `${local.toLowerCase()}@${domain}`.normalize('NFC');
  if (Buffer.byteLength(normalised) > MAX_ADDRESS) throw refuse(`is longer than ${MAX_ADDRESS} characters`);
  return { email, normalised };
}
