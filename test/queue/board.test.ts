import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/kernel/log.ts';
import { openQueue, type RunningQueue } from '../../src/queue/queue.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { steadyTime } from '../support/steady-time.ts';
import { until } from '../support/wait.ts';

let redis: TestRedis;
let queue: RunningQueue;
let server: FastifyInstance;

beforeAll(async () => {
  redis = await startTestRedis();
  queue = openQueue(redis.location, ['deliver', 'freeze'], createLog('silent'));
  await queue.connected(5_000);
  server = fastify();
  await server.register(await queue.board('/admin/queues'), { prefix: '/admin/queues' });
});
afterAll(async () => {
  await server.close();
  await queue.stop(0);
  await redis.stop();
});

describe('the board of queues', () => {
  it('shows every queue', async () => {
    const page = await server.inject('/admin/queues/');
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('Convenor');
    const answer = await server.inject('/admin/queues/api/queues');
    const { queues } = answer.json<{ queues: { name: string; readOnlyMode: boolean }[] }>();
    expect(queues.map(({ name, readOnlyMode }) => [name, readOnlyMode])).toEqual([
      ['deliver', true],
      ['freeze', true],
    ]);
  });

  it.each(['pause', 'clean/failed', 'retry/failed', 'empty', 'add'])(
    'does not let anybody %s',
    async (action) => {
      await redis.client.del('{convenor}:deliver:meta');
      const url = `/admin/queues/api/queues/deliver/${action}`;
      const payload = { name: 'deliver', data: {}, options: {} };
      const statuses = [
        (await server.inject({ method: 'PUT', url, payload })).statusCode,
        (await server.inject({ method: 'POST', url, payload })).statusCode,
      ];
      expect(statuses.every((status) => status >= 400)).toBe(true);
      expect(await queue.counts()).toContainEqual({ job: 'deliver', waiting: 0, active: 0, failed: 0 });
      expect(await redis.client.hget('{convenor}:deliver:meta', 'paused')).toBeNull();
    },
  );

  it('answers at once while Redis is away', async () => {
    await redis.kill();
    await until('the outage is noticed', () => !queue.ready);
    const took = steadyTime();
    const answer = await server.inject('/admin/queues/api/queues');
    expect(answer.statusCode).toBe(503);
    expect(took()).toBeLessThan(5_000);
  });
});
