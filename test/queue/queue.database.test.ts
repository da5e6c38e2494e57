import { createServer, type AddressInfo } from 'node:net';
import { sql } from 'drizzle-orm';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createLog } from '../../src/kernel/log.ts';
import { connectRedis } from '../../src/queue/connection.ts';
import { openQueue, type RunningQueue } from '../../src/queue/queue.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { startWorkers } from '../../src/queue/workers.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { steadyTime } from '../support/steady-time.ts';
import { until } from '../support/wait.ts';
import { addWork, createWorkTable, readWork, tableJob } from '../support/work-table.ts';

const log = createLog('silent');
let database: OpenDatabase;
let redis: TestRedis;
let queues: RunningQueue[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  redis = await startTestRedis();
  await createWorkTable(database.db);
});
beforeEach(async () => {
  await emptyDatabase(database);
  await redis.client.flushall();
});
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.stop(5_000)));
});
afterAll(async () => {
  await redis.stop();
  await database.close();
});

function start(holder = 'one', { concurrency = 4 } = {}): RunningQueue {
  const queue = openQueue(redis.location, ['table-work'], log);
  queues.push(queue);
  queue.work([tableJob(holder, { concurrency })], { db: database.db, clock: systemClock, log }, holder);
  return queue;
}

const keys = (count: number) =>
  Array.from({ length: count }, (_, index) => `work-${String(index).padStart(2, '0')}`);

async function allDone(): Promise<boolean> {
  return (await readWork(database.db)).every(({ done }) => done === 1);
}

async function failureCount(key: string): Promise<number> {
  const [row] = await rows<{ failures: number }>(
    database.db,
    sql`select failures from job_failures where job_key = ${`table-work.${key}`}`,
  );
  return row?.failures ?? 0;
}

describe('the queue', () => {
  it('does what rows ask for, once each, and leaves nothing behind in Redis', async () => {
    await addWork(database.db, keys(20), 1);
    const queue = start();
    await until('all work is done', allDone);
    expect((await readWork(database.db)).every(({ starts }) => starts.length === 1)).toBe(true);
    await until('nothing is queued', async () => {
      const [counts] = (await queue.counts()) ?? [];
      return counts?.waiting === 0 && counts.active === 0;
    });
    expect((await redis.client.keys('*')).filter((key) => key.includes('work-'))).toEqual([]);
    expect((await redis.client.keys('*')).every((key) => key.startsWith('{convenor}:'))).toBe(true);
  });

  it('is told of new rows by any process, without waiting for the next tick', async () => {
    start();
    const web = openQueue(redis.location, ['table-work'], log);
    queues.push(web);
    await web.connected(5_000);
    await until('the worker leads', async () => {
      return (await rows(database.db, sql`select 1 from heartbeats where name = 'reconciler'`)).length === 1;
    });
    const waits: number[] = [];
    for (const key of keys(5)) {
      await addWork(database.db, [key], 0);
      const since = performance.now();
      await web.nudge();
      await until('it is done', allDone, { every: 5 });
      waits.push(performance.now() - since);
    }
    // A tick comes every two seconds, and work that waits for one begins to do so right after the one before.
    expect(waits.toSorted((a, b) => a - b)[2]).toBeLessThan(1_500);
  });

  it('loses nothing when Redis is emptied in the middle', async () => {
    await addWork(database.db, keys(30), 100);
    start('one', { concurrency: 2 });
    await until('some of it is done', async () =>
      (await readWork(database.db)).some(({ done }) => done === 1),
    );
    await redis.client.flushall();
    await until('all work is done', allDone);
  });

  it('goes on by itself after Redis was killed and came back empty', async () => {
    await addWork(database.db, keys(10), 100);
    const queue = start('one', { concurrency: 2 });
    await until('some of it is done', async () =>
      (await readWork(database.db)).some(({ done }) => done === 1),
    );
    await redis.kill();
    await until('the outage is noticed', () => !queue.ready);
    expect(await queue.counts()).toBeUndefined();
    expect(await queue.check()).toEqual([]);
    await queue.nudge();
    await addWork(database.db, ['later'], 0);
    await redis.start();
    const took = steadyTime();
    await until('work that came during the outage is done', async () => {
      return (await readWork(database.db)).find(({ key }) => key === 'later')?.done === 1;
    });
    expect(took()).toBeLessThan(15_000);
    await until('all work is done', allDone);
  });

  it('starts while Redis is away, and works when it comes', async () => {
    await redis.kill();
    await addWork(database.db, keys(3), 0);
    const queue = start();
    await until('the heartbeat says that Redis is away', async () => {
      const [beat] = await rows<{ redis: string }>(
        database.db,
        sql`select detail->>'redis' as redis from heartbeats where name = 'reconciler'`,
      );
      return beat?.redis === 'away';
    });
    expect(queue.ready).toBe(false);
    await redis.start();
    await until('all work is done', allDone);
  });

  it('tries work that fails again under a new id, with growing delay, while other work is done', async () => {
    await addWork(database.db, ['poison'], -1);
    await addWork(database.db, keys(10), 0);
    start();
    await until('the other work is done', async () =>
      (await readWork(database.db)).every(({ key, done }) => done === 1 || key === 'poison'),
    );
    await until('a second attempt was made', async () => (await failureCount('poison')) >= 2);
    await until('both are known to Redis', async () => {
      const failed = await redis.client.zrange('{convenor}:table-work:failed', '0', '-1');
      return failed.includes('table-work.poison.1') && failed.includes('table-work.poison.2');
    });
  });

  it('forgets a failure after a success, and then can use the first id again', async () => {
    await addWork(database.db, ['shaky'], -1);
    start();
    await until('it failed', async () => (await failureCount('shaky')) === 1);
    await database.db.execute(sql`update test_work set duration = 0`);
    await until('it was done', allDone);
    await until('the failure is forgotten', async () => (await failureCount('shaky')) === 0);
    await database.db.execute(sql`update test_work set done = 0`);
    await until('it was done again', allDone);
  });

  it('forgets a failure that was recorded before the worker lost its hold on the job, once that is done', async () => {
    await addWork(database.db, ['held'], 0);
    const job = tableJob('one');
    const queue = openQueue(redis.location, ['table-work'], log);
    queues.push(queue);
    let starts = 0;
    const losesItsHold: typeof job = {
      ...job,
      run: async (payload, services) => {
        if (++starts > 1) return job.run(payload, services);
        await redis.client.del('{convenor}:table-work:table-work.held.1:lock');
        throw new Error('lost in the middle');
      },
    };
    queue.work([losesItsHold], { db: database.db, clock: systemClock, log }, 'one');
    await until('it failed', async () => (await failureCount('held')) === 1);
    await until('it was done', allDone);
    await until('the failure is forgotten', async () => (await failureCount('held')) === 0);
  });

  it('adds work in one process only, and in another when that one stops', async () => {
    const first = start('one');
    await until('one leads', async () => (await leader()) === 'one');
    start('two');
    await addWork(database.db, keys(5), 0);
    await until('all work is done', allDone);
    expect(await leader()).toBe('one');
    await first.stop(5_000);
    // It gave the lead back rather than let it run out.
    expect(await leader()).not.toBe('one');
    await until('two leads', async () => (await leader()) === 'two');
  });

  it('has each piece of work once over twenty restarts in quick succession', async () => {
    await addWork(database.db, ['long'], 60_000);
    const holders = Array.from({ length: 20 }, (_, index) => `process ${index + 1}`);
    const starts = async () => (await readWork(database.db))[0]!.starts;
    for (const holder of holders) {
      const queue = start(holder, { concurrency: 20 });
      await until('the work was started again', async () => (await starts()).includes(holder));
      const jobs = await redis.client.keys('{convenor}:table-work:table-work.long*');
      expect(jobs.filter((key) => !key.endsWith(':lock'))).toHaveLength(1);
      await queue.stop(1_000);
    }
    // One that stood still may have begun a second time.
    expect([...new Set(await starts())]).toEqual(holders);
  });

  it('stops without waiting for long work, which is found again', async () => {
    await addWork(database.db, ['long'], 60_000);
    const queue = start('one');
    await until('it runs', async () => (await readWork(database.db))[0]?.starts.length === 1);
    expect(await queue.stop(30_000)).toBe(true);
    expect(await failureCount('long')).toBe(0);
    await database.db.execute(sql`update test_work set duration = 0`);
    start('two');
    await until('it is done by another', allDone);
  });

  it('replaces a worker whose connection for waiting is lost without an error', async () => {
    const client = connectRedis(redis.location, 'main');
    // Takes what is asked and never answers.
    const silence = createServer(() => undefined);
    await new Promise<void>((listening) => silence.listen(0, '127.0.0.1', listening));
    const { port } = silence.address() as AddressInfo;
    const lost = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    const duplicate = vi.spyOn(client, 'duplicate').mockReturnValueOnce(lost as never);
    const workers = startWorkers({
      jobs: [tableJob('one')],
      services: { db: database.db, clock: systemClock, log },
      client,
      onDone: () => undefined,
      lookEveryMs: 200,
    });
    const open = openQueues(['table-work'], client, log);
    try {
      await addWork(database.db, ['work'], 0);
      await open.add('table-work', [{ id: 'table-work.work.1', payload: { key: 'work' } }]);
      await until('the work is done', allDone);
      expect(duplicate.mock.calls.length).toBeGreaterThan(1);
    } finally {
      await workers.close(5_000);
      await open.close();
      client.disconnect();
      lost.disconnect();
      silence.close();
    }
  });
});

async function leader(): Promise<string | undefined> {
  const [row] = await rows<{ holder: string }>(
    database.db,
    sql`select holder from leases where name = 'reconciler'`,
  );
  return row?.holder;
}
