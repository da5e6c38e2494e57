import type { Config } from '../config/load.ts';
import type { DkimOptions } from '../mail/dkim.ts';

/** The keys that mails are signed with, the one that every receiver verifies first. */
export function dkimKeys(config: Config): DkimOptions[] {
  const { DKIM_DOMAIN: domain, DKIM_SELECTOR, DKIM_PRIVATE_KEY } = config;
  const { DKIM_ED25519_SELECTOR, DKIM_ED25519_PRIVATE_KEY } = config;
  if (domain === undefined || DKIM_SELECTOR === undefined || DKIM_PRIVATE_KEY === undefined) return [];
  const rsa = { domain, selector: DKIM_SELECTOR, privateKey: DKIM_PRIVATE_KEY };
  if (DKIM_ED25519_SELECTOR === undefined || DKIM_ED25519_PRIVATE_KEY === undefined) return [rsa];
  const selector = DKIM_ED25519_SELECTOR;
  return [rsa, { domain, selector, privateKey: DKIM_ED25519_PRIVATE_KEY, algorithm: 'ed25519' }];
}
