import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAddressHash } from '../../src/subscribers/address-hash.ts';
import { createLinks, type LinkPurpose } from '../../src/subscribers/links.ts';
import { ManualClock } from '../support/clock.ts';

const clock = new ManualClock('2026-11-01T12:00:00Z');
const baseUrl = 'https://network.example.org';
const links = createLinks({ secretKey: 'k'.repeat(32), baseUrl, clock });
const EXPIRING = ['confirm', 'invite', 'record', 'confirmItem', 'ownItem', 'moderateItem'] as const;
const PURPOSES: LinkPurpose[] = ['unsubscribe', 'preferences', 'rsvp', ...EXPIRING];
const anna = '01930000-0000-7000-8000-0000000000aa';
const delivery = '01930000-0000-7000-8000-0000000000dd';
const admin = '01930000-0000-7000-8000-0000000000ad';
const soon = clock.now().add({ hours: 1 });

const tokenOf = (url: string): string => url.split('/').at(-1)!;
const urls: Record<LinkPurpose, string> = {
  unsubscribe: links.unsubscribeUrl(anna, delivery),
  preferences: links.preferencesUrl(anna),
  confirm: links.confirmUrl(anna, soon),
  invite: links.inviteUrl(anna, soon),
  record: links.recordUrl(anna, soon),
  confirmItem: links.confirmItemUrl(anna, soon),
  ownItem: links.ownItemUrl(anna, soon),
  moderateItem: links.moderateItemUrl(anna, admin, soon),
  rsvp: links.rsvpUrl(anna),
};

describe('a signed link', () => {
  it('says for whom and for which mail it is, and is short', () => {
    expect(urls.unsubscribe).toMatch(/^https:\/\/network\.example\.org\/u\/[\w-]+$/);
    expect(links.readToken('unsubscribe', tokenOf(urls.unsubscribe))).toEqual({
      result: 'valid',
      id: anna,
      deliveryId: delivery,
    });
    expect(links.readToken('unsubscribe', tokenOf(links.oneClickUrl(anna)))).toEqual({
      result: 'valid',
      id: anna,
    });
    expect(links.readToken('moderateItem', tokenOf(urls.moderateItem))).toEqual({
      result: 'valid',
      id: anna,
      adminId: admin,
    });
    for (const url of Object.values(urls)) expect(url.length).toBeLessThan(200);
  });

  it.each(PURPOSES)('made for %s opens nothing else', (purpose) => {
    for (const other of PURPOSES) {
      const reading = links.readToken(other, tokenOf(urls[purpose]));
      expect(reading.result).toBe(other === purpose ? 'valid' : 'forged');
    }
  });

  it('to leave never expires; every other does', () => {
    const later = new ManualClock('2046-11-01T12:00:00Z');
    const same = createLinks({ secretKey: 'k'.repeat(32), baseUrl, clock: later });
    expect(same.readToken('unsubscribe', tokenOf(urls.unsubscribe)).result).toBe('valid');
    expect(same.readToken('preferences', tokenOf(urls.preferences)).result).toBe('valid');
    for (const purpose of EXPIRING) {
      expect(same.readToken(purpose, tokenOf(urls[purpose]))).toEqual({ result: 'expired', id: anna });
    }
  });

  it('is refused under another key', () => {
    const other = createLinks({ secretKey: 'j'.repeat(32), baseUrl, clock });
    expect(other.readToken('unsubscribe', tokenOf(urls.unsubscribe)).result).toBe('forged');
  });

  it('is refused after any change, and any text is read without an error', () => {
    const token = tokenOf(urls.unsubscribe);
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_'),
        (at, letter) => {
          const changed = token.slice(0, at) + letter + token.slice(at + 1);
          expect(links.readToken('unsubscribe', changed).result).toBe(changed === token ? 'valid' : 'forged');
        },
      ),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(links.readToken('unsubscribe', text).result).toBe('forged');
      }),
    );
  });
});

describe('the hash of an address', () => {
  it('is the same for the same address and key, and useless under another key', () => {
    const hash = createAddressHash('k'.repeat(32));
    expect(hash('anna@example.org')).toBe(hash('anna@example.org'));
    expect(hash('anna@example.org')).not.toBe(hash('ben@example.org'));
    expect(hash('anna@example.org')).not.toBe(createAddressHash('j'.repeat(32))('anna@example.org'));
    expect(hash('anna@example.org')).toMatch(/^[0-9a-f]{64}$/);
  });
});
