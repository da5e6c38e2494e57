import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { settlementOf } from '../../jobs/outcome.ts';
import { outcomeOfReply } from '../../src/mail/outcome.ts';
import { createSendingPace } from '../../src/mail/pace.ts';
import type { Outcome } from '../../src/mail/types.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const accepted: Outcome = { result: 'accepted', response: '250 ok' };
const slowDown = outcomeOfReply('421 4.7.0 too many messages', 'sender');
const KEY = '{convenor:smtp}:pace';
let redis: TestRedis;

beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  now = 1_800_000_000_000;
  await redis.client.flushall();
});

let now: number;

/** The Redis of the test, in which time stands still until it is let pass. */
function stillRedis(): TestRedis['client'] {
  const evaluate = (script: string, ...rest: [number, ...(string | number)[]]) => {
    const time = `{${Math.floor(now / 1000)}, ${(now % 1000) * 1000}}`;
    const still = script.replace("redis.call('TIME')", time);
    if (still === script) throw new Error('The script does not ask for the time as this test expects.');
    return redis.client.eval(still, ...rest);
  };
  return { eval: evaluate } as unknown as TestRedis['client'];
}

function passes(milliseconds: number): void {
  now += milliseconds;
}

/** Sends for a second, everything being taken; how many went. */
async function secondOf(pace: ReturnType<typeof createSendingPace>): Promise<number> {
  passes(1000);
  let went = 0;
  for (;;) {
    const { granted } = await pace.take(5);
    if (granted === 0) break;
    went += granted;
  }
  await pace.report(Array.from({ length: went }, () => accepted));
  return went;
}

describe('the pace of sending', () => {
  it('begins slowly, grows while everything is taken, and keeps to the limit over all workers', async () => {
    const one = createSendingPace(stillRedis(), 20);
    const other = createSendingPace(stillRedis(), 20);
    expect(await one.take(5)).toMatchObject({ granted: 1 });
    const { granted, waitMs } = await other.take(5);
    expect(granted).toBe(0);
    expect(waitMs).toBe(1000);
    const seconds: number[] = [];
    for (let n = 0; n < 10; n++) seconds.push(await secondOf(n % 2 ? one : other));
    expect(seconds[0]).toBeLessThanOrEqual(2);
    expect(seconds.at(-1)).toBe(20);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(20);
  });

  it('is silent for a while when the server asks for patience, longer each time, and then goes at half the speed', async () => {
    const pace = createSendingPace(stillRedis(), 16);
    for (let n = 0; n < 8; n++) await secondOf(pace);
    await pace.report([accepted, slowDown, slowDown]);
    const first = await pace.take(5);
    expect(first.granted).toBe(0);
    expect(first.waitMs).toBe(10_000);
    passes(10_000);
    expect(await secondOf(pace)).toBeLessThanOrEqual(9);
    await redis.client.hset(KEY, 'times', 1);
    await pace.report([slowDown]);
    expect((await pace.take(5)).waitMs).toBe(20_000);
  });

  it('does not pause a run that it slows down, unless the server goes on and on', () => {
    const context = { now: Temporal.Instant.from('2027-06-01T12:00:00Z'), paced: true };
    expect(settlementOf('1', slowDown, { ...context, attempts: 0 })).toMatchObject({ senderFault: false });
    expect(settlementOf('1', slowDown, { ...context, attempts: 3 })).toMatchObject({ senderFault: true });
  });

  it('lets one message a second go while Redis is away', async () => {
    const away = { eval: () => Promise.reject(new Error('away')) } as unknown as TestRedis['client'];
    const pace = createSendingPace(away, 20);
    expect((await pace.take(5)).granted).toBe(1);
    expect((await pace.take(5)).granted).toBe(0);
    await pace.report([accepted]);
  });
});
