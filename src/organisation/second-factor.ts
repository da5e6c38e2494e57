import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, randomInt } from 'node:crypto';
import { and, count, eq, isNotNull, isNull, lt } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import type { Tx } from '../db/open.ts';
import { recoveryCodes, secondFactors } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { recordAudit, type Actor } from './audit.ts';

/**
 * The second factor of signing in: codes of an authenticator app (TOTP, RFC 6238, with the values that every app
 * knows: SHA-1, six digits, 30 seconds), and ten recovery codes for the day on which the telephone is lost.
 */

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
  readonly secretKey: string;
}

export interface SecondFactorState {
  readonly on: boolean;
  readonly since: Temporal.Instant | null;
  readonly recoveryCodesLeft: number;
}

const PERIOD = 30;
const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
/** Letters and digits that are not mistaken for each other. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

export async function secondFactorState(tx: Tx, adminId: string): Promise<SecondFactorState> {
  const [factor] = await tx
    .select({ confirmedAt: secondFactors.confirmedAt })
    .from(secondFactors)
    .where(eq(secondFactors.adminId, adminId));
  const [left] = await tx
    .select({ n: count() })
    .from(recoveryCodes)
    .where(and(eq(recoveryCodes.adminId, adminId), isNull(recoveryCodes.usedAt)));
  const since = factor?.confirmedAt ?? null;
  return { on: since !== null, since, recoveryCodesLeft: since === null ? 0 : left!.n };
}

/**
 * Begins to set the app up: makes a secret, which is not asked for before `confirmSecondFactor`. Beginning again
 * gives a new secret.
 *
 * @param label how the account is called in the app; `issuer` names the program.
 * @returns the secret for typing, and the `otpauth:` address for a QR code.
 * @throws ConvenorError `wrong_state` when it is set up already.
 */
export async function beginSecondFactor(
  tx: Tx,
  { adminId, label, issuer }: { adminId: string; label: string; issuer: string },
  { clock, secretKey }: Pick<Context, 'clock' | 'secretKey'>,
): Promise<{ secret: string; uri: string }> {
  const secret = new Secret({ buffer: Uint8Array.from(randomBytes(SECRET_BYTES)).buffer });
  const values = {
    secret: encrypted(secret.base32, adminId, secretKey),
    createdAt: clock.now(),
    lastStep: 0,
  };
  const stored = await tx
    .insert(secondFactors)
    .values({ adminId, ...values })
    .onConflictDoUpdate({
      target: secondFactors.adminId,
      set: values,
      setWhere: isNull(secondFactors.confirmedAt),
    })
    .returning({ adminId: secondFactors.adminId });
  if (stored.length === 0) throw new ConvenorError('wrong_state', 'The second step is set up already.');
  return { secret: secret.base32, uri: appOf(secret.base32, { label, issuer }).toString() };
}

/** The secret that `beginSecondFactor` made and that is not confirmed yet, to show it again. */
export async function pendingSecondFactor(
  tx: Tx,
  { adminId, label, issuer }: { adminId: string; label: string; issuer: string },
  { secretKey }: Pick<Context, 'secretKey'>,
): Promise<{ secret: string; uri: string } | undefined> {
  const [factor] = await tx.select().from(secondFactors).where(eq(secondFactors.adminId, adminId));
  if (factor === undefined || factor.confirmedAt !== null) return undefined;
  const secret = decrypted(factor.secret, adminId, secretKey);
  return { secret, uri: appOf(secret, { label, issuer }).toString() };
}

/**
 * Turns the second factor on, once a code proves that the app has the secret.
 *
 * @returns the recovery codes. They are shown once: only their hashes are kept.
 * @throws ConvenorError `invalid_input` for `code`; `wrong_state` when nothing was begun.
 */
export async function confirmSecondFactor(
  tx: Tx,
  { adminId, code }: { adminId: string; code: string },
  { clock, actor, secretKey }: Context,
): Promise<string[]> {
  return tx.transaction(async (inner) => {
    const [factor] = await inner
      .select()
      .from(secondFactors)
      .where(eq(secondFactors.adminId, adminId))
      .for('update');
    if (factor === undefined || factor.confirmedAt !== null) {
      throw new ConvenorError('wrong_state', 'Begin to set the second step up again.');
    }
    const step = stepOf(code, decrypted(factor.secret, adminId, secretKey), clock.now());
    if (step === undefined) {
      throw invalidInput({
        field: 'code',
        message: 'is not the code of this moment; wait for the next one and check the clock of your phone',
      });
    }
    await inner
      .update(secondFactors)
      .set({ confirmedAt: clock.now(), lastStep: step })
      .where(eq(secondFactors.adminId, adminId));
    const codes = await renewCodes(inner, adminId, secretKey);
    await recordAudit(inner, { actor, action: 'second_factor.added', subject: adminId }, { clock });
    return codes;
  });
}

/**
 * Checks a code of the app or a recovery code. Each works once.
 *
 * @returns how the person proved themselves; `undefined` when they did not.
 */
export async function checkSecondFactor(
  tx: Tx,
  { adminId, code }: { adminId: string; code: string },
  { clock, secretKey }: Pick<Context, 'clock' | 'secretKey'>,
): Promise<'app' | 'recovery' | undefined> {
  const [factor] = await tx
    .select()
    .from(secondFactors)
    .where(and(eq(secondFactors.adminId, adminId), isNotNull(secondFactors.confirmedAt)));
  if (factor === undefined) return undefined;
  const step = stepOf(code, decrypted(factor.secret, adminId, secretKey), clock.now());
  if (step !== undefined) {
    const taken = await tx
      .update(secondFactors)
      .set({ lastStep: step })
      .where(and(eq(secondFactors.adminId, adminId), lt(secondFactors.lastStep, step)))
      .returning({ adminId: secondFactors.adminId });
    return taken.length > 0 ? 'app' : undefined;
  }
  const used = await tx
    .update(recoveryCodes)
    .set({ usedAt: clock.now() })
    .where(
      and(
        eq(recoveryCodes.adminId, adminId),
        eq(recoveryCodes.codeHash, hashOf(code, adminId, secretKey)),
        isNull(recoveryCodes.usedAt),
      ),
    )
    .returning({ adminId: recoveryCodes.adminId });
  return used.length > 0 ? 'recovery' : undefined;
}

/** Makes new recovery codes; the old ones work no more. @throws ConvenorError `wrong_state` when it is off. */
export async function renewRecoveryCodes(
  tx: Tx,
  adminId: string,
  { clock, actor, secretKey }: Context,
): Promise<string[]> {
  return tx.transaction(async (inner) => {
    if (!(await secondFactorState(inner, adminId)).on) {
      throw new ConvenorError('wrong_state', 'The second step is not set up.');
    }
    const codes = await renewCodes(inner, adminId, secretKey);
    await recordAudit(inner, { actor, action: 'recovery_codes.renewed', subject: adminId }, { clock });
    return codes;
  });
}

/** Turns the second factor off, by the person or, for a lost telephone, by another administrator. */
export async function removeSecondFactor(
  tx: Tx,
  adminId: string,
  { clock, actor }: Pick<Context, 'clock' | 'actor'>,
): Promise<void> {
  await tx.transaction(async (inner) => {
    const removed = await inner
      .delete(secondFactors)
      .where(eq(secondFactors.adminId, adminId))
      .returning({ confirmedAt: secondFactors.confirmedAt });
    if (removed[0]?.confirmedAt == null) return;
    await recordAudit(inner, { actor, action: 'second_factor.removed', subject: adminId }, { clock });
  });
}

async function renewCodes(tx: Tx, adminId: string, secretKey: string): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.adminId, adminId));
  await tx
    .insert(recoveryCodes)
    .values(codes.map((code) => ({ adminId, codeHash: hashOf(code, adminId, secretKey) })));
  return codes;
}

/** Twelve characters of 31, in three groups: about 59 bits, so that a keyed hash is enough to keep it. */
function newRecoveryCode(): string {
  const characters = Array.from({ length: 12 }, () => ALPHABET[randomInt(ALPHABET.length)]!);
  return [0, 4, 8].map((start) => characters.slice(start, start + 4).join('')).join('-');
}

/** The time step that a code belongs to: the present one or a neighbour, for clocks that differ a little. */
function stepOf(code: string, secret: string, now: Temporal.Instant): number | undefined {
  const digits = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(digits)) return undefined;
  const timestamp = now.epochMilliseconds;
  const delta = appOf(secret).validate({ token: digits, timestamp, window: 1 });
  return delta === null ? undefined : Math.floor(timestamp / 1000 / PERIOD) + delta;
}

function appOf(secret: string, { label, issuer }: { label?: string; issuer?: string } = {}): TOTP {
  return new TOTP({
    issuer: issuer ?? '',
    label: label ?? 'Convenor',
    algorithm: 'SHA1',
    digits: 6,
    period: PERIOD,
    secret: Secret.fromBase32(secret),
  });
}

function keyFor(purpose: string, secretKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, 'convenor', purpose, 32));
}

function hashOf(code: string, adminId: string, secretKey: string): string {
  const text = code.toLowerCase().replace(/[^a-z0-9]/g, '');
  return createHmac('sha256', keyFor('recovery code', secretKey)).update(`${adminId}\n${text}`).digest('hex');
}

/** AES-256-GCM, bound to the person: a secret copied to another row does not open. */
function encrypted(text: string, adminId: string, secretKey: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFor('second factor', secretKey), nonce);
  cipher.setAAD(Buffer.from(adminId));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

function decrypted(sealed: string, adminId: string, secretKey: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', keyFor('second factor', secretKey), bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(adminId));
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new ConvenorError(
      'wrong_state',
      'The second step was set up with another SECRET_KEY. Let another administrator turn it off for you.',
      { cause },
    );
  }
}
