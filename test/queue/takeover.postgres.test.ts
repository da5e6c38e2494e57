import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { openTestDatabase, testDatabaseUrl } from '../support/database.ts';
import { startScript, type Program } from '../support/program.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { steadyTime } from '../support/steady-time.ts';
import { until } from '../support/wait.ts';
import { addWork, createWorkTable, readWork } from '../support/work-table.ts';

let database: OpenDatabase;
let redis: TestRedis;
const workers = new Map<string, Program>();

beforeAll(async () => {
  database = await openTestDatabase();
  redis = await startTestRedis();
  await createWorkTable(database.db);
  for (const holder of ['one', 'two', 'three']) {
    const url = await testDatabaseUrl(database);
    workers.set(holder, startScript('test/support/queue-worker.ts', [redis.url, url, holder]));
  }
  await until('all workers work', () =>
    [...workers.values()].every((worker) => worker.output().includes('working')),
  );
});
afterAll(async () => {
  for (const worker of workers.values()) {
    worker.kill('SIGKILL');
    await worker.exited;
  }
  await redis.stop();
  await database.close();
});

async function leader(): Promise<string | undefined> {
  const [row] = await rows<{ holder: string }>(
    database.db,
    sql`select holder from leases where name = 'reconciler' and expires_at > now()`,
  );
  return row?.holder;
}

async function startsOf(key: string): Promise<string[]> {
  return (await readWork(database.db)).find((row) => row.key === key)?.starts ?? [];
}

async function kill(holder: string): Promise<void> {
  const worker = workers.get(holder);
  workers.delete(holder);
  worker?.kill('SIGKILL');
  await worker?.exited;
}

it('takes over the work of a killed worker within seconds', { timeout: 60_000 }, async () => {
  // More work than one worker takes at a time, so that some runs where nobody leads.
  const lead = await until('one of them leads', leader);
  await addWork(
    database.db,
    Array.from({ length: 12 }, (_, index) => `work-${index}`),
    30_000,
  );
  const [key, victim] = await until('work runs in a worker that does not lead', async () => {
    const running = (await readWork(database.db)).find(
      ({ starts }) => starts.length === 1 && starts[0] !== lead,
    );
    return running && ([running.key, running.starts[0]!] as const);
  });
  const took = steadyTime();
  await kill(victim);
  await database.db.execute(sql`update test_work set duration = 10`);
  await until('it was started again', async () => (await startsOf(key)).length >= 2);
  const seconds = took() / 1_000;
  process.stdout.write(`work of a killed worker taken over after ${seconds.toFixed(1)} s\n`);
  expect(seconds).toBeLessThan(20);
  expect((await startsOf(key))[1]).not.toBe(victim);
});

it('follows a killed leader within seconds', { timeout: 60_000 }, async () => {
  const former = await until('somebody leads', leader);
  const took = steadyTime();
  await kill(former);
  await addWork(database.db, ['after'], 10);
  await until('work that came after is started', async () => (await startsOf('after')).length >= 1);
  const seconds = took() / 1_000;
  process.stdout.write(`a killed leader followed after ${seconds.toFixed(1)} s\n`);
  expect(seconds).toBeLessThan(20);
  expect(await leader()).not.toBe(former);
});
