import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { openTestDatabase } from '../support/database.ts';

it('fails a transaction whose connection ends between two statements, and nothing else', async () => {
  const database = await openTestDatabase();
  try {
    const transaction = database.db.transaction(async (tx) => {
      const [own] = await rows<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`);
      await database.db.execute(sql`select pg_terminate_backend(${own!.pid}, 5000)`);
      // The news of it arrives while no statement runs.
      await new Promise((resolve) => setImmediate(resolve));
      await tx.execute(sql`select 1`);
    });
    await expect(transaction).rejects.toThrow();
    expect(await rows(database.db, sql`select 1 as n`)).toEqual([{ n: 1 }]);
  } finally {
    await database.close();
  }
});
