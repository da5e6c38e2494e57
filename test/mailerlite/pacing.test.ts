import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createMemoryPaceStore,
  createPace,
  MAILERLITE_BUDGET,
  type Pace,
  type PaceKind,
  type PaceStore,
} from '../../src/mailerlite/pacing.ts';
import { createRedisPace, createRedisPaceStore } from '../../src/mailerlite/pacing-redis.ts';
import { ManualClock } from '../support/clock.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const MINUTE = 60_000;

/** The most times that lie within one minute. */
function busiestMinute(times: readonly number[]): number {
  const rising = times.toSorted((a, b) => a - b);
  return Math.max(
    ...rising.map((start) => rising.filter((time) => time >= start && time < start + MINUTE).length),
  );
}

describe.each(['memory', 'redis'])('the pace in %s', (kind) => {
  let redis: TestRedis | undefined;
  let clock: ManualClock;
  let store: PaceStore;

  beforeAll(async () => {
    if (kind === 'redis') redis = await startTestRedis();
  });

  afterAll(() => redis?.stop());

  beforeEach(async () => {
    clock = new ManualClock('2026-02-01T09:00:00Z');
    await redis?.client.flushall();
    store = redis === undefined ? createMemoryPaceStore(clock) : createRedisPaceStore(redis.client);
  });

  async function takeWhileFree(wanted: PaceKind): Promise<number> {
    for (let count = 0; ; count++) {
      if (!(await store.take(wanted, clock.now())).taken) return count;
    }
  }

  function pace(options: { patienceMs?: number } = {}): Pace {
    return createPace({
      store,
      clock,
      sleep: (milliseconds) => {
        clock.advance({ milliseconds: Math.ceil(milliseconds) });
        return Promise.resolve();
      },
      ...options,
    });
  }

  it('keeps twenty requests a minute for opt-outs', async () => {
    expect(await takeWhileFree('normal')).toBe(100);
    expect(await takeWhileFree('urgent')).toBe(20);
    clock.advance({ seconds: 59 });
    expect(await store.take('urgent', clock.now())).toEqual({ taken: false, waitMs: 2000 });
    clock.advance({ seconds: 2 });
    expect(await takeWhileFree('normal')).toBe(100);
  });

  it('lets five imports a minute go, which count as requests too', async () => {
    expect(await takeWhileFree('import')).toBe(5);
    expect(await takeWhileFree('normal')).toBe(95);
    clock.advance({ milliseconds: MAILERLITE_BUDGET.windowMs });
    expect(await takeWhileFree('normal')).toBe(100);
    expect(await takeWhileFree('import')).toBe(0);
  });

  it('is silent for everybody as long as MailerLite asks, and a shorter wish changes nothing', async () => {
    await store.block(30_000, clock.now());
    await store.block(10_000, clock.now());
    clock.advance({ seconds: 10 });
    expect(await store.take('urgent', clock.now())).toEqual({ taken: false, waitMs: 20_000 });
    clock.advance({ seconds: 20 });
    expect(await store.take('normal', clock.now())).toEqual({ taken: true });
  });

  it('never lets more than the budget go in any minute', async () => {
    const waiting = pace();
    const times: number[] = [];
    const imports: number[] = [];
    for (let count = 0; count < 500; count++) {
      const wanted = count % 7 === 0 ? 'urgent' : count % 50 === 1 ? 'import' : 'normal';
      await waiting.acquire(wanted);
      times.push(clock.now().epochMilliseconds);
      if (wanted === 'import') imports.push(clock.now().epochMilliseconds);
      clock.advance({ milliseconds: (count * 7919) % 400 });
    }
    expect(busiestMinute(times)).toBeLessThanOrEqual(MAILERLITE_BUDGET.requests);
    expect(busiestMinute(imports)).toBeLessThanOrEqual(MAILERLITE_BUDGET.imports);
    // 500 requests at a hundred a window: the waiting is not longer than it must be.
    expect(times.at(-1)! - times[0]!).toBeLessThan(5 * MAILERLITE_BUDGET.windowMs);
  });

  it('does not hold a job for longer than its patience, and says how long it would be', async () => {
    await pace().block(119);
    await expect(pace().acquire('urgent')).rejects.toMatchObject({
      kind: 'rate_limited',
      retryAfterSeconds: 119,
    });
    await pace({ patienceMs: 200_000 }).acquire('urgent');
    expect(clock.now().toString()).toBe('2026-02-01T09:01:59Z');
  });

  it('ends the wait when the caller stops', async () => {
    await takeWhileFree('urgent');
    const stop = new AbortController();
    const real = createPace({ store, clock });
    const wait = real.acquire('normal', stop.signal);
    setImmediate(() => stop.abort());
    await expect(wait).rejects.toMatchObject({ kind: 'timeout' });
    await expect(real.acquire('normal', stop.signal)).rejects.toMatchObject({ kind: 'timeout' });
  });
});

describe('the pace of several workers', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startTestRedis();
  });

  afterAll(() => redis.stop());

  it('is one: two workers at once get the budget together, by the clock of the server', async () => {
    const other = redis.client.duplicate();
    const stores = [createRedisPaceStore(redis.client), createRedisPaceStore(other)];
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, index) => stores[index % 2]!.take('urgent', undefined)),
    );
    expect(answers.filter(({ taken }) => taken)).toHaveLength(120);
    const [wait] = answers.flatMap((answer) => (answer.taken ? [] : [answer.waitMs]));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(MAILERLITE_BUDGET.windowMs);
    other.disconnect();
  });

  it('holds for all when one was told to wait', async () => {
    await redis.client.flushall();
    await createRedisPace(redis.client).block(90);
    const other = createRedisPace(redis.client);
    await expect(other.acquire('normal')).rejects.toMatchObject({ kind: 'rate_limited' });
  });

  it('leaves nothing behind in Redis but times', async () => {
    await redis.client.flushall();
    await createRedisPace(redis.client).acquire('import');
    for (const key of await redis.client.keys('*')) expect(await redis.client.pttl(key)).toBeGreaterThan(0);
  });
});
