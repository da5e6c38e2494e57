import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { invalidInput } from '../kernel/errors.ts';
import { PASSWORD_COST } from './password-cost.ts';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** The cost of a new hash is written into it: an older one keeps its own. */
const COST = `ln=${PASSWORD_COST.logN},r=${PASSWORD_COST.blockSize},p=${PASSWORD_COST.parallel}`;
const KEY_LENGTH = 32;

const SHORTEST = 12;
const LONGEST = 200;

/** A hash that no password has: checked for an unknown name, so that the answer takes as long as for a known one. */
const NOBODY = `$scrypt$${COST}$${Buffer.alloc(16).toString('base64url')}$${Buffer.alloc(KEY_LENGTH).toString('base64url')}`;

/**
 * Hashes a new password with scrypt, as `$scrypt$ln=15,r=8,p=3$salt$hash`. Takes about 0.2 s: call it outside
 * a transaction.
 *
 * @throws ConvenorError `invalid_input` for `password` when it is too short or too long.
 */
export async function hashPassword(password: string): Promise<string> {
  const text = password.normalize('NFKC');
  if (text.length < SHORTEST) {
    throw invalidInput({ field: 'password', message: `must have at least ${SHORTEST} characters` });
  }
  if (text.length > LONGEST) {
    throw invalidInput({ field: 'password', message: `must have at most ${LONGEST} characters` });
  }
  const salt = randomBytes(16);
  const key = await derive(text, salt, KEY_LENGTH, options(PASSWORD_COST));
  return `$scrypt$${COST}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

/** Compares a password with a hash in constant time; without a hash it works as long and says no. */
export async function passwordMatches(password: string, hash: string | undefined): Promise<boolean> {
  const match = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/.exec(hash ?? NOBODY);
  if (match === null || password.length > LONGEST) return false;
  const [, logN, blockSize, parallel, salt, key] = match;
  const expected = Buffer.from(key!, 'base64url');
  const actual = await derive(
    password.normalize('NFKC'),
    Buffer.from(salt!, 'base64url'),
    expected.length,
    options({ logN: Number(logN), blockSize: Number(blockSize), parallel: Number(parallel) }),
  );
  return timingSafeEqual(actual, expected) && hash !== undefined;
}

function options({ logN, blockSize, parallel }: typeof PASSWORD_COST): ScryptOptions {
  const N = 2 ** logN;
  return { N, r: blockSize, p: parallel, maxmem: 256 * N * blockSize };
}
