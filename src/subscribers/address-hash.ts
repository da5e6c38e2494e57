import { createHmac, hkdfSync } from 'node:crypto';

/** Gives the keyed hash by which an address is known after it has been erased. */
export type AddressHash = (normalisedAddress: string) => string;

/**
 * HMAC-SHA-256 under a key of its own (HKDF, RFC 5869), as hex: without the secret nobody can try addresses
 * against the stored hashes. A new secret no longer recognises what the old one hashed.
 */
export function createAddressHash(secretKey: string): AddressHash {
  const key = Buffer.from(hkdfSync('sha256', secretKey, 'convenor', 'address hash', 32));
  return (normalised) => createHmac('sha256', key).update(normalised).digest('hex');
}
