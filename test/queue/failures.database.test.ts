import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { jobFailures } from '../../src/db/schema.ts';
import { clearFailure, forgetOldFailures, readFailures, recordFailure } from '../../src/queue/failures.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

const now = Temporal.Instant.from('2026-12-01T10:00:00Z');
let database: OpenDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(() => emptyDatabase(database));
afterAll(() => database.close());

describe('failures of jobs', () => {
  it('wait twice as long each time, and ten minutes at most', async () => {
    const { db } = database;
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 11; attempt++) {
      await recordFailure(db, 'deliver.a', attempt, new Error('no'), now);
      const failure = (await readFailures(db)).get('deliver.a');
      expect(failure?.failures).toBe(attempt);
      waits.push(failure!.retryAt.since(now).total('seconds'));
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
  });

  it('count once however often one attempt is reported', async () => {
    const { db } = database;
    await recordFailure(db, 'deliver.a', 1, new Error('no'), now);
    await recordFailure(db, 'deliver.a', 1, new Error('no'), now.add({ seconds: 5 }));
    expect((await readFailures(db)).get('deliver.a')).toEqual({
      failures: 1,
      retryAt: now.add({ seconds: 2 }),
    });
  });

  it('keep their reason without anybody’s address', async () => {
    await recordFailure(database.db, 'deliver.a', 1, new Error('550 <ann@example.org> unknown'), now);
    const [row] = await database.db.select().from(jobFailures);
    expect(row?.reason).toBe('550 <…@example.org> unknown');
  });

  it('are over after a success, or when nobody asked for the work in a week', async () => {
    const { db } = database;
    await recordFailure(db, 'deliver.a', 1, 'no', now);
    await recordFailure(db, 'deliver.b', 1, 'no', now);
    await clearFailure(db, 'deliver.a');
    expect([...(await readFailures(db)).keys()]).toEqual(['deliver.b']);
    await forgetOldFailures(db, now.add({ hours: 7 * 24 }));
    expect((await readFailures(db)).size).toBe(1);
    await forgetOldFailures(db, now.add({ hours: 7 * 24, seconds: 1 }));
    expect((await readFailures(db)).size).toBe(0);
  });
});
