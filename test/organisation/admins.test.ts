import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'drizzle-orm';
import {
  anyAdmin,
  changePassword,
  createAdmin,
  findAdmin,
  listAdmins,
  updateAdmin,
  verifyCredentials,
} from '../../src/organisation/admins.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import {
  endSession,
  listSessions,
  purgeSessions,
  readSession,
  revokeSessions,
  saveSession,
} from '../../src/organisation/sessions.ts';
import { queueServiceMail } from '../../src/organisation/service-mails.ts';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

let database: OpenDatabase;
let clock: ManualClock;
const PASSWORD = 'a long enough password';

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const context = () => ({ clock, actor: 'cli' });
const create = (email = 'Dana@Example.org') =>
  createAdmin(database.db, { email, name: 'Dana', password: PASSWORD }, context());

describe('administrators', () => {
  it('sign in with address and password, in any case of the address', async () => {
    expect(await anyAdmin(database.db)).toBe(false);
    const admin = await create();
    expect(await anyAdmin(database.db)).toBe(true);
    expect(await verifyCredentials(database.db, ' dana@example.ORG', PASSWORD)).toEqual(admin);
    expect(await verifyCredentials(database.db, 'dana@example.org', 'wrong password')).toBeUndefined();
    expect(await verifyCredentials(database.db, 'nobody@example.org', PASSWORD)).toBeUndefined();
    expect(await verifyCredentials(database.db, 'not an address', PASSWORD)).toBeUndefined();
  });

  it('exist once per address', async () => {
    await create();
    await expect(create('dana@EXAMPLE.org')).rejects.toMatchObject({ code: 'conflict' });
    expect(await listAdmins(database.db)).toHaveLength(1);
  });

  it('lose every session with a new password, and the audit log holds no hash', async () => {
    const admin = await create();
    await saveSession(
      database.db,
      's1',
      { adminId: admin.id, data: {}, expiresAt: clock.now().add({ hours: 1 }) },
      { clock },
    );
    await changePassword(database.db, { id: admin.id, password: 'another long password' }, context());
    expect(await readSession(database.db, 's1', { clock })).toBeUndefined();
    expect(await verifyCredentials(database.db, admin.email, 'another long password')).toBeDefined();
    expect(JSON.stringify(await listAudit(database.db))).not.toContain('scrypt');
  });

  it('can be disabled, but never the last one', async () => {
    const first = await create();
    await expect(updateAdmin(database.db, { id: first.id, disabled: true }, context())).rejects.toMatchObject(
      { code: 'conflict' },
    );
    const second = await create('eli@example.org');
    await updateAdmin(database.db, { id: first.id, disabled: true }, context());
    expect(await verifyCredentials(database.db, first.email, PASSWORD)).toBeUndefined();
    expect((await findAdmin(database.db, first.id))?.disabledAt).not.toBeNull();
    await expect(
      updateAdmin(database.db, { id: second.id, role: 'editor' }, context()),
    ).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('sessions', () => {
  it('are kept under a hash, expire, are listed and revoked', async () => {
    const { id: adminId } = await create();
    const expiresAt = clock.now().add({ hours: 1 });
    for (const id of ['one', 'two', 'three']) {
      await saveSession(database.db, id, { adminId, data: { id }, expiresAt }, { clock });
      clock.advance({ minutes: 1 });
    }
    await saveSession(database.db, 'one', { adminId, data: { id: 'changed' }, expiresAt }, { clock });
    expect((await readSession(database.db, 'one', { clock }))?.data).toEqual({ id: 'changed' });
    const stored = await rows<{ id_hash: string }>(database.db, sql`select id_hash from sessions`);
    expect(stored.map((row) => row.id_hash)).not.toContain('one');

    const listed = await listSessions(database.db, adminId, { clock });
    expect(listed.map((session) => session.data)).toEqual([
      { id: 'three' },
      { id: 'two' },
      { id: 'changed' },
    ]);
    await revokeSessions(database.db, { adminId, idHash: listed[0]!.idHash });
    expect(await readSession(database.db, 'three', { clock })).toBeUndefined();
    await endSession(database.db, 'two');
    expect(await revokeSessions(database.db, { adminId })).toBe(1);

    await saveSession(database.db, 'four', { adminId: null, data: {}, expiresAt }, { clock });
    clock.advance({ hours: 1 });
    expect(await readSession(database.db, 'four', { clock })).toBeUndefined();
    expect(await purgeSessions(database.db, { clock })).toBe(1);
  });
});

describe('service mails', () => {
  it('are queued once per key', async () => {
    const mail = {
      kind: 'alert',
      to: { kind: 'administrators' },
      data: { reason: 'test' },
      dedupeKey: 'alert:1',
    } as const;
    expect(await queueServiceMail(database.db, mail, { clock })).toBeDefined();
    expect(await queueServiceMail(database.db, mail, { clock })).toBeUndefined();
  });
});
