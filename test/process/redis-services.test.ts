import { describe, expect, it } from 'vitest';
import { KEY_PREFIX } from '../../src/queue/connection.ts';
import { runChaos } from '../chaos/run.ts';
import {
  canUseTls,
  startClusterService,
  startSentinelService,
  startTlsService,
  type RedisService,
} from '../support/redis-services.ts';
import { until } from '../support/wait.ts';

const PEOPLE = 200;
const tls = await canUseTls();

/** A reminder by separate web and worker processes, in the middle of which the Redis that they share is another. */
async function sendThrough(service: RedisService): Promise<void> {
  let keys: string[] = [];
  try {
    const report = await runChaos({
      seed: 1,
      seconds: 0,
      workers: 2,
      subscribers: PEOPLE,
      meetings: 1,
      answerMs: [100, 200],
      redis: service,
      openings: [
        {
          kind: 'Redis: another server takes over',
          weight: 1,
          part: () => 'redis',
          inflict: async ({ mail }) => {
            await until('a part has arrived', () => mail.arrivals.length >= PEOPLE / 4, { within: 120_000 });
            keys = await service.keys();
            await service.failOver();
          },
        },
      ],
    });
    expect(report.wrong).toEqual([]);
    expect(report.sent).toBe(PEOPLE);
  } finally {
    await service.stop();
  }
  // A script of the queue touches several keys, which a cluster allows within one slot only.
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((key) => !key.startsWith(KEY_PREFIX))).toEqual([]);
}

// Each waits for others most of the time.
describe.concurrent('a reminder goes out once to everybody', { timeout: 300_000 }, () => {
  it('when the primary that a sentinel watches dies and the replica takes its place', async () => {
    await sendThrough(await startSentinelService());
  });

  it('when the master of a cluster that holds the queue dies and its replica takes its place', async () => {
    await sendThrough(await startClusterService(KEY_PREFIX));
  });

  it.runIf(tls)('over TLS, when a managed Redis ends all connections', async () => {
    await sendThrough(await startTlsService());
  });
});
