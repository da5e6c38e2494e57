import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { recoveryCodes, secondFactors } from '../../src/db/schema.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import {
  beginSecondFactor,
  checkSecondFactor,
  confirmSecondFactor,
  removeSecondFactor,
  renewRecoveryCodes,
  secondFactorState,
} from '../../src/organisation/second-factor.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

let database: OpenDatabase;
let clock: ManualClock;
let adminId: string;
const secretKey = 'a secret key for tests, 32 letters at least';

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock = new ManualClock('2027-01-12T20:00:00Z');
  const person = { email: 'ruth@example.org', name: 'Ruth', password: 'correct horse battery' };
  adminId = (await createAdmin(database.db, person, { clock, actor: 'test' })).id;
});

const context = () => ({ clock, actor: 'test', secretKey });
const begin = () =>
  beginSecondFactor(database.db, { adminId, label: 'ruth@example.org', issuer: 'OT network' }, context());
const codeOf = (secret: string, seconds = 0) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({
    timestamp: clock.now().epochMilliseconds + seconds * 1000,
  });
const check = (code: string) => checkSecondFactor(database.db, { adminId, code }, context());

async function turnOn() {
  const { secret } = await begin();
  const codes = await confirmSecondFactor(database.db, { adminId, code: codeOf(secret) }, context());
  clock.advance({ seconds: 60 });
  return { secret, codes };
}

describe('the second factor', () => {
  it('is on only after a code has proved that the app has the secret', async () => {
    const { secret, uri } = await begin();
    expect(uri).toMatch(/^otpauth:\/\/totp\/OT%20network:ruth%40example\.org\?issuer=OT%20network&secret=/);
    expect(await check(codeOf(secret))).toBeUndefined();
    expect((await secondFactorState(database.db, adminId)).on).toBe(false);
    await expect(
      confirmSecondFactor(database.db, { adminId, code: '000000' }, context()),
    ).rejects.toMatchObject({ code: 'invalid_input', problems: [{ field: 'code' }] });
    const codes = await confirmSecondFactor(database.db, { adminId, code: codeOf(secret) }, context());
    expect(codes).toHaveLength(10);
    expect(await secondFactorState(database.db, adminId)).toMatchObject({ on: true, recoveryCodesLeft: 10 });
    await expect(begin()).rejects.toMatchObject({ code: 'wrong_state' });
  });

  it('takes each code once, and that of the neighbouring half minute', async () => {
    const { secret } = await turnOn();
    const code = codeOf(secret);
    expect(await check(code.replace(/(...)/, '$1 '))).toBe('app');
    expect(await check(code)).toBeUndefined();
    clock.advance({ seconds: 60 });
    expect(await check(codeOf(secret, -60))).toBeUndefined();
    expect(await check(codeOf(secret, 30))).toBe('app');
    expect(await check(codeOf(secret))).toBeUndefined();
  });

  it('takes the same code once when it is sent twice at once', async () => {
    const { secret } = await turnOn();
    const code = codeOf(secret);
    const answers = await Promise.all([check(code), check(code), check(code)]);
    expect(answers.filter((answer) => answer === 'app')).toHaveLength(1);
  });

  it('takes each recovery code once, however it is written', async () => {
    const { codes } = await turnOn();
    expect(await check(codes[3]!.toUpperCase().replaceAll('-', ' '))).toBe('recovery');
    expect(await check(codes[3]!)).toBeUndefined();
    expect((await secondFactorState(database.db, adminId)).recoveryCodesLeft).toBe(9);
    const renewed = await renewRecoveryCodes(database.db, adminId, context());
    expect(await check(codes[4]!)).toBeUndefined();
    expect(await check(renewed[0]!)).toBe('recovery');
  });

  it('keeps neither the secret nor a recovery code in the database', async () => {
    const { secret, codes } = await turnOn();
    const stored = JSON.stringify([
      await database.db.select().from(secondFactors),
      await database.db.select().from(recoveryCodes),
    ]);
    expect(stored).not.toContain(secret);
    for (const code of codes) expect(stored).not.toContain(code.replaceAll('-', ''));
  });

  it('is turned off, with all its codes', async () => {
    const { codes } = await turnOn();
    await removeSecondFactor(database.db, adminId, context());
    expect((await secondFactorState(database.db, adminId)).on).toBe(false);
    expect(await check(codes[0]!)).toBeUndefined();
  });
});
