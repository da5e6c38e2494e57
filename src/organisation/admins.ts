import { and, asc, count, eq, isNull, ne, sql } from 'drizzle-orm';
import { admins, sessions } from '../db/schema.ts';
import { rows, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { checkAll, ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { recordAudit, type Actor } from './audit.ts';
import { hashPassword, passwordMatches } from './passwords.ts';

export const ADMIN_ROLES = ['administrator', 'editor'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

/** A person who may sign in. The password hash stays in this file. */
export interface Admin {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: AdminRole;
  readonly disabledAt: Temporal.Instant | null;
  readonly createdAt: Temporal.Instant;
}

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
}

const PUBLIC_COLUMNS = {
  id: admins.id,
  email: admins.email,
  name: admins.name,
  role: admins.role,
  disabledAt: admins.disabledAt,
  createdAt: admins.createdAt,
};

/**
 * Makes an administrator (everything) or an editor (everything but settings, people who sign in, and erasure).
 *
 * @throws ConvenorError `invalid_input` for a wrong address, an empty name or a weak password; `conflict` when
 *   the address has an account already.
 */
export async function createAdmin(
  tx: Tx,
  input: { email: string; name: string; role?: AdminRole; password: string },
  { clock, actor }: Context,
): Promise<Admin> {
  const [name, address, passwordHash] = await checkAll([
    () => checkedName(input.name),
    () => parseEmailAddress(input.email),
    () => hashPassword(input.password),
  ]);
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const [created] = await inner
      .insert(admins)
      .values({
        id: newId(now),
        email: address.email,
        emailNormalised: address.normalised,
        name,
        role: input.role ?? 'administrator',
        passwordHash,
        createdAt: now,
      })
      .onConflictDoNothing({ target: admins.emailNormalised })
      .returning(PUBLIC_COLUMNS);
    if (created === undefined) {
      throw new ConvenorError('conflict', 'Somebody with this address can already sign in.');
    }
    await recordAudit(
      inner,
      { actor, action: 'admin.created', subject: created.id, after: { name, role: created.role } },
      { clock },
    );
    return created;
  });
}

/** The person with this address and password, or `undefined`: unknown, disabled and wrong take equally long. */
export async function verifyCredentials(tx: Tx, email: string, password: string): Promise<Admin | undefined> {
  let normalised = '';
  try {
    normalised = parseEmailAddress(email).normalised;
  } catch (error) {
    if (!(error instanceof ConvenorError)) throw error;
  }
  const [found] = await tx
    .select({ ...PUBLIC_COLUMNS, passwordHash: admins.passwordHash })
    .from(admins)
    .where(and(eq(admins.emailNormalised, normalised), isNull(admins.disabledAt)));
  if (!(await passwordMatches(password, found?.passwordHash)) || found === undefined) return undefined;
  const { passwordHash: _, ...admin } = found;
  return admin;
}

/** The person with this id, also when disabled. */
export async function findAdmin(tx: Tx, id: string): Promise<Admin | undefined> {
  const [found] = await tx.select(PUBLIC_COLUMNS).from(admins).where(eq(admins.id, id));
  return found;
}

export async function listAdmins(tx: Tx): Promise<Admin[]> {
  return tx.select(PUBLIC_COLUMNS).from(admins).orderBy(asc(admins.createdAt), asc(admins.id));
}

/** Whether anybody could sign in: without one the set-up page is open. */
export async function anyAdmin(tx: Tx): Promise<boolean> {
  const [found] = await rows<{ found: boolean }>(tx, sql`select exists (select 1 from admins) as found`);
  return found!.found;
}

/**
 * Sets a new password and ends every session of the person.
 *
 * @throws ConvenorError `invalid_input` for a weak password, `not_found`.
 */
export async function changePassword(
  tx: Tx,
  { id, password }: { id: string; password: string },
  { clock, actor }: Context,
): Promise<void> {
  const passwordHash = await hashPassword(password);
  await tx.transaction(async (inner) => {
    const changed = await inner
      .update(admins)
      .set({ passwordHash })
      .where(eq(admins.id, id))
      .returning({ id: admins.id });
    if (changed.length === 0) throw notFound('administrator', id);
    await inner.delete(sessions).where(eq(sessions.adminId, id));
    await recordAudit(inner, { actor, action: 'admin.password_changed', subject: id }, { clock });
  });
}

/**
 * Changes name, role or whether the person may sign in; disabling ends their sessions.
 *
 * @throws ConvenorError `not_found`; `conflict` when nobody would be left who may administer.
 */
export async function updateAdmin(
  tx: Tx,
  { id, ...change }: { id: string; name?: string; role?: AdminRole; disabled?: boolean },
  { clock, actor }: Context,
): Promise<Admin> {
  return tx.transaction(async (inner) => {
    // Two people who disable each other at once must not both succeed.
    await inner.execute(sql`select id from admins order by id for update`);
    const before = await findAdmin(inner, id);
    if (before === undefined) throw notFound('administrator', id);
    const after = {
      name: change.name === undefined ? before.name : checkedName(change.name),
      role: change.role ?? before.role,
      disabledAt: disabledAt(before, change.disabled, clock),
    };
    if (after.disabledAt !== null || after.role !== 'administrator') await refuseIfLast(inner, id);
    const [changed] = await inner
      .update(admins)
      .set(after)
      .where(eq(admins.id, id))
      .returning(PUBLIC_COLUMNS);
    if (after.disabledAt !== null) await inner.delete(sessions).where(eq(sessions.adminId, id));
    await recordAudit(
      inner,
      { actor, action: 'admin.changed', subject: id, before: shown(before), after: shown(changed!) },
      { clock },
    );
    return changed!;
  });
}

function disabledAt(before: Admin, disabled: boolean | undefined, clock: Clock): Temporal.Instant | null {
  if (disabled === undefined) return before.disabledAt;
  return disabled ? (before.disabledAt ?? clock.now()) : null;
}

async function refuseIfLast(tx: Tx, id: string): Promise<void> {
  const [others] = await tx
    .select({ count: count() })
    .from(admins)
    .where(and(ne(admins.id, id), eq(admins.role, 'administrator'), isNull(admins.disabledAt)));
  if (others!.count === 0) {
    throw new ConvenorError('conflict', 'This is the only administrator. Make somebody else one first.');
  }
}

function shown(admin: Admin) {
  return { name: admin.name, role: admin.role, disabled: admin.disabledAt !== null };
}

function checkedName(text: string): string {
  const name = text.trim();
  if (name === '') throw invalidInput({ field: 'name', message: 'must not be empty' });
  if (name.length > 120 || /\p{Cc}/u.test(name)) {
    throw invalidInput({ field: 'name', message: 'must be one line of at most 120 characters' });
  }
  return name;
}
