import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { OpenDatabase } from '../../src/db/open.ts';
import { heartbeats } from '../../src/db/schema.ts';
import { createLog } from '../../src/kernel/log.ts';
import { recordFailure } from '../../src/queue/failures.ts';
import { jobDefiner, type AnyJob, type JobServices } from '../../src/queue/job.ts';
import type { Entry } from '../../src/queue/queues.ts';
import { createReconciler, RECONCILER_HEARTBEAT, type Reconciler } from '../../src/queue/reconciler.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { until } from '../support/wait.ts';

const START = '2026-12-01T10:00:00Z';
let database: OpenDatabase;
let clock: ManualClock;
let reconcilers: Reconciler[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  await emptyDatabase(database);
  clock = new ManualClock(START);
});
afterEach(async () => {
  await Promise.all(reconcilers.splice(0).map((reconciler) => reconciler.stop()));
});
afterAll(() => database.close());

function job(
  name: string,
  due: () => Promise<{ key: string; payload: { id: string } }[]>,
): AnyJob<JobServices> {
  return jobDefiner<JobServices>()({
    name,
    schema: z.object({ id: z.string() }),
    concurrency: 1,
    due,
    run: () => Promise.resolve(),
  });
}

function dueOnce(name: string): AnyJob<JobServices> {
  return job(name, () => Promise.resolve([{ key: 'a', payload: { id: 'a' } }]));
}

function create(
  jobs: readonly AnyJob<JobServices>[],
  {
    holder = 'one',
    redisReady = true,
    add,
  }: { holder?: string; redisReady?: boolean; add?: () => Promise<number> } = {},
) {
  const added: string[] = [];
  const reconciler = createReconciler({
    jobs,
    services: { db: database.db, clock, log: createLog('silent') },
    queues: {
      add: (_name: string, entries: readonly Entry[]) => {
        added.push(...entries.map(({ id }) => id));
        return add ? add() : Promise.resolve(entries.length);
      },
    },
    holder,
    redisReady: () => redisReady,
  });
  reconcilers.push(reconciler);
  return { reconciler, added };
}

async function heartbeat(name: string): Promise<{ at: string; detail: unknown } | undefined> {
  const [row] = await database.db.select().from(heartbeats).where(eq(heartbeats.name, name));
  return row && { at: row.at.toString(), detail: row.detail };
}

describe('the reconciler', () => {
  it('queues what is due under the number of the attempt, and shows that it is at work', async () => {
    const { reconciler, added } = create([dueOnce('deliver'), dueOnce('freeze')]);
    await reconciler.tick();
    expect(added).toEqual(['deliver.a.1', 'freeze.a.1']);
    expect(await heartbeat(RECONCILER_HEARTBEAT)).toEqual({
      at: START,
      detail: { holder: 'one', redis: 'ready', added: 2 },
    });
    expect(await heartbeat('worker:one')).toMatchObject({ at: START, detail: { leads: true } });
  });

  it('holds failed work back until its time, then queues the next attempt', async () => {
    await recordFailure(database.db, 'deliver.a', 3, 'no', clock.now());
    const { reconciler, added } = create([dueOnce('deliver')]);
    clock.advance({ seconds: 7 });
    await reconciler.tick();
    expect(added).toEqual([]);
    clock.advance({ seconds: 1 });
    await reconciler.tick();
    expect(added).toEqual(['deliver.a.4']);
  });

  it('queues nothing in a process that does not lead', async () => {
    await create([dueOnce('deliver')]).reconciler.tick();
    const { reconciler, added } = create([dueOnce('deliver')], { holder: 'two' });
    await reconciler.tick();
    expect(added).toEqual([]);
    expect(await heartbeat('worker:two')).toMatchObject({ detail: { leads: false } });
  });

  it('goes on with the other jobs when one cannot say what is due', async () => {
    const broken = job('broken', () => Promise.reject(new Error('no such table')));
    const { reconciler, added } = create([broken, dueOnce('deliver')]);
    await reconciler.tick();
    expect(added).toEqual(['deliver.a.1']);
  });

  it('asks for nothing while Redis is away, and keeps the lead', async () => {
    const { reconciler, added } = create([dueOnce('deliver')], { redisReady: false });
    await reconciler.tick();
    expect(added).toEqual([]);
    expect(await heartbeat(RECONCILER_HEARTBEAT)).toMatchObject({ detail: { redis: 'away' } });
  });

  it('keeps the lead and its sign of life while Redis hangs', async () => {
    const { reconciler } = create([dueOnce('deliver')], { add: () => new Promise(() => undefined) });
    void reconciler.tick();
    await until('it shows signs of life', () => heartbeat('worker:one'));
    clock.advance({ seconds: 2 });
    void reconciler.tick();
    await until(
      'it shows the next one',
      async () => (await heartbeat('worker:one'))?.at === '2026-12-01T10:00:02Z',
    );
    expect((await heartbeat('worker:one'))?.detail).toMatchObject({ leads: true });
  });

  it('forgets workers that have been silent for a day', async () => {
    const { reconciler } = create([]);
    for (const [name, at] of [
      ['worker:gone', '2026-11-30T09:59:59Z'],
      ['worker:there', '2026-12-01T09:00:00Z'],
    ] as const) {
      await database.db.insert(heartbeats).values({ name, at: Temporal.Instant.from(at), detail: {} });
    }
    await reconciler.tick();
    expect(await heartbeat('worker:gone')).toBeUndefined();
    expect(await heartbeat('worker:there')).toBeDefined();
  });
});
