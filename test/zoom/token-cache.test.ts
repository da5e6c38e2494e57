import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisTokenCache } from '../../src/zoom/token-cache.ts';
import { ManualClock } from '../support/clock.ts';
import { aMeeting, connectToFake } from '../support/fake-zoom/connect.ts';
import { ERRORS } from '../support/fake-zoom/faults.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/wait.ts';

const clock = new ManualClock('2027-05-01T09:00:00Z');
const credentials = { accountId: 'fake-account', clientId: 'fake-client', clientSecret: 'fake-secret' };
let redis: TestRedis;
let zoom: FakeZoom;

beforeAll(async () => {
  redis = await startTestRedis();
  zoom = await startFakeZoom({ account: { clock } });
});
afterAll(async () => {
  await zoom.stop();
  await redis.stop();
});
beforeEach(async () => {
  await redis.client.flushall();
  zoom.faults.clear();
  zoom.account.tokenRequests = 0;
});

/** Another process, as far as the cache can tell. */
const client = () => connectToFake(zoom, clock, { tokens: createRedisTokenCache(redis.client, credentials) });

describe('the token in Redis', () => {
  it('is asked for once by many processes, and lives a minute less than Zoom says', async () => {
    await Promise.all(Array.from({ length: 6 }, () => client().checkHost('host@example.org')));
    expect(zoom.account.tokenRequests).toBe(1);
    const [key] = await redis.client.keys('*token*');
    const left = await redis.client.pttl(key!);
    expect(left).toBeGreaterThan(3_500_000);
    expect(left).toBeLessThanOrEqual(3_540_000);
    expect(await redis.client.keys('*lock*')).toEqual([]);
  });

  it('is renewed once when all processes are told that it has expired', async () => {
    await client().checkHost('host@example.org');
    zoom.faults.add({ fault: ERRORS.expiredToken, path: '/users/', times: 4 });
    await Promise.all(Array.from({ length: 4 }, () => client().checkHost('host@example.org')));
    expect(zoom.account.tokenRequests).toBe(2);
  });

  it('cannot be read there, nor taken for that of other credentials', async () => {
    await client().createMeeting('host@example.org', aMeeting());
    const [key] = await redis.client.keys('*token*');
    const stored = await redis.client.get(key!);
    expect(stored).not.toContain('fake-token');
    expect(key).not.toMatch(/fake-account|fake-client/);
    const other = createRedisTokenCache(redis.client, { ...credentials, clientSecret: 'another' });
    expect(await other.read()).toBeUndefined();
    await redis.client.set(key!, Buffer.from('altered').toString('base64'));
    expect(await createRedisTokenCache(redis.client, credentials).read()).toBeUndefined();
  });

  it('is asked for again when Redis has lost it, and a lock left behind lapses', async () => {
    await client().checkHost('host@example.org');
    await redis.client.flushall();
    const cache = createRedisTokenCache(redis.client, credentials);
    let release = (_: string): void => undefined;
    const first = cache.exclusively(() => new Promise<string>((resolve) => (release = resolve)));
    const lock = await until('the lock is taken', async () => (await redis.client.keys('*lock*'))[0]);
    expect(await redis.client.pttl(lock)).toBeLessThanOrEqual(15_000);
    await redis.client.del(lock);
    await client().checkHost('host@example.org');
    release('done');
    expect(await first).toBe('done');
    expect(zoom.account.tokenRequests).toBe(2);
  });
});
