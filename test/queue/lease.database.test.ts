import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { holdLease, releaseLease } from '../../src/queue/lease.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

let database: OpenDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(() => emptyDatabase(database));
afterAll(() => database.close());

describe('a lease', () => {
  it('belongs to one holder, who may renew it', async () => {
    const { db } = database;
    expect(await holdLease(db, 'x', 'a')).toBe(true);
    expect(await holdLease(db, 'x', 'b')).toBe(false);
    expect(await holdLease(db, 'x', 'a')).toBe(true);
    expect(await holdLease(db, 'y', 'b')).toBe(true);
  });

  it('goes to one of many who ask at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => holdLease(database.db, 'x', `holder ${index}`)),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  it('is free when its holder gave it back, and only then', async () => {
    const { db } = database;
    await holdLease(db, 'x', 'a');
    await releaseLease(db, 'x', 'b');
    expect(await holdLease(db, 'x', 'b')).toBe(false);
    await releaseLease(db, 'x', 'a');
    expect(await holdLease(db, 'x', 'b')).toBe(true);
  });

  it('is free when it ran out, and the former holder notices', async () => {
    const { db } = database;
    await holdLease(db, 'x', 'a');
    await db.execute(sql`update leases set expires_at = expires_at - interval '7 seconds'`);
    expect(await holdLease(db, 'x', 'b')).toBe(true);
    expect(await holdLease(db, 'x', 'a')).toBe(false);
  });
});
