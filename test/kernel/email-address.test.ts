import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEmailAddress } from '../../src/kernel/email-address.ts';

describe('an e-mail address', () => {
  it.each([
    ['Anna.Müller@Example.ORG', 'Anna.Müller@Example.ORG', 'anna.müller@example.org'],
    ['  anna@example.org\t', 'anna@example.org', 'anna@example.org'],
    ['\u200Banna@example.org\uFEFF', 'anna@example.org', 'anna@example.org'],
    ['anna+meetings@example.org', 'anna+meetings@example.org', 'anna+meetings@example.org'],
    ["o'neill@example.co.uk", "o'neill@example.co.uk", "o'neill@example.co.uk"],
    ['anna@exämple.de', 'anna@exämple.de', 'anna@xn--exmple-cua.de'],
    ['anna@EXA\u0308MPLE.de', 'anna@EXÄMPLE.de', 'anna@xn--exmple-cua.de'],
    ['jose\u0301@example.org', 'jos\u00E9@example.org', 'jos\u00E9@example.org'],
  ])('%j is kept as %j and compared as %j', (text, email, normalised) => {
    expect(parseEmailAddress(text)).toEqual({ email, normalised });
  });

  it.each([
    ['', /is empty/],
    ['   ', /is empty/],
    ['anna', /has no @/],
    ['anna example@example.org', /has a space/],
    ['anna@exam ple.org', /has a space/],
    ['Anna <anna@example.org>', /address only/],
    ['anna@example.org,ben@example.org', /one address only/],
    ['anna@@example.org', /more than one @/],
    ['@example.org', /nothing before the @/],
    ['anna@', /no valid domain/],
    ['anna@example', /no valid domain/],
    ['anna@example..org', /no valid domain/],
    ['anna@-example.org', /no valid domain/],
    ['anna@example.org.', /no valid domain/],
    ['anna@[127.0.0.1]', /no valid domain/],
    ['anna@127.0.0.1', /no valid domain/],
    ['anna@example.org/path', /no valid domain/],
    ['anna@example.org:25', /no valid domain/],
    ['anna@exa%41mple.org', /no valid domain/],
    ['.anna@example.org', /before the @/],
    ['an..na@example.org', /before the @/],
    ['"anna b"@example.org', /has a space/],
    ['anna\u200B.b@example.org', /invisible/],
    ['anna\u0000@example.org', /invisible/],
    [`${'a'.repeat(65)}@example.org`, /more than 64/],
    [
      `anna@${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.org`,
      /longer than 254/,
    ],
  ])('%j is refused with a reason', (text, reason) => {
    expect(() => parseEmailAddress(text, 'contactEmail')).toThrow(reason);
    expect(() => parseEmailAddress(text, 'contactEmail')).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        problems: [expect.objectContaining({ field: 'contactEmail' })],
      }),
    );
  });

  it('never holds what could break a mail header, and is stable under a second reading', () => {
    fc.assert(
      fc.property(fc.oneof(fc.emailAddress(), fc.string({ unit: 'binary' }), fc.string()), (text) => {
        let parsed;
        try {
          parsed = parseEmailAddress(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_input' });
          return;
        }
        expect(parsed.email).not.toMatch(/[\s\p{Cc}<>,;"]/u);
        expect(parseEmailAddress(parsed.normalised).normalised).toBe(parsed.normalised);
      }),
    );
  });
});
