import { describe, expect, it } from 'vitest';
import { hashPassword, passwordMatches } from '../../src/organisation/passwords.ts';

const PASSWORD = 'a long enough password';

describe('passwords', () => {
  it('match only themselves, with a new salt each time and the cost in the hash', async () => {
    const [first, second] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
    expect(first).not.toBe(second);
    expect(first).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$/);
    expect(await passwordMatches(PASSWORD, first)).toBe(true);
    expect(await passwordMatches(`${PASSWORD} `, first)).toBe(false);
    expect(await passwordMatches(PASSWORD, undefined)).toBe(false);
    expect(await passwordMatches(PASSWORD, 'not a hash')).toBe(false);
  });

  it('must be long enough', async () => {
    await expect(hashPassword('short')).rejects.toThrow(/password: must have at least 12/);
  });
});
