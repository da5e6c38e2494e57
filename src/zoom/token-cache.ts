import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Clock } from '../kernel/clock.ts';

/** Where the access token is kept between calls. A lost token costs one more request, nothing else. */
export interface TokenCache {
  read(): Promise<string | undefined>;
  /** Keeps the token for so many milliseconds. */
  write(token: string, lifetimeMs: number): Promise<void>;
  /** Runs `work` while nobody else who shares the cache does. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** A cache for one process. */
export function createMemoryTokenCache(clock: Clock): TokenCache {
  let kept: { token: string; until: Temporal.Instant } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    read: async () =>
      kept && Temporal.Instant.compare(clock.now(), kept.until) < 0 ? kept.token : undefined,
    write: async (token, milliseconds) => {
      kept = { token, until: clock.now().add({ milliseconds }) };
    },
    exclusively: (work) => {
      const next = last.then(work, work);
      last = next.catch(() => undefined);
      return next;
    },
  };
}

/** One refresh takes at most a request's time-out; a lock of a process that died lapses after this. */
const LOCK_MS = 15_000;
const LOCK_POLL_MS = 50;
const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

/**
 * A cache shared by all processes. The token is sealed with a key made from the client secret, so that a copy
 * of Redis does not open the Zoom account, and another secret never meets an old token.
 *
 * @param redis a connection that fails within a few seconds (`commandTimeout`) instead of waiting for Redis to return.
 */
export function createRedisTokenCache(
  redis: Pick<Redis, 'get' | 'set' | 'eval'>,
  credentials: { accountId: string; clientId: string; clientSecret: string },
): TokenCache {
  const identity = [credentials.accountId, credentials.clientId, credentials.clientSecret].join('\n');
  const sealKey = createHash('sha256').update(`token seal\n${identity}`).digest();
  const name = createHash('sha256').update(`token name\n${identity}`).digest('hex').slice(0, 16);
  const key = `convenor:{zoom-${name}}:token`;
  const lockKey = `convenor:{zoom-${name}}:lock`;
  return {
    read: async () => {
      const sealed = await redis.get(key);
      return sealed === null ? undefined : open(sealed, sealKey);
    },
    write: async (token, milliseconds) => {
      await redis.set(key, seal(token, sealKey), 'PX', Math.max(1, Math.round(milliseconds)));
    },
    exclusively: async (work) => {
      const mark = randomBytes(12).toString('hex');
      while ((await redis.set(lockKey, mark, 'PX', LOCK_MS, 'NX')) === null) await wait(LOCK_POLL_MS);
      try {
        return await work();
      } finally {
        await redis.eval(RELEASE, 1, lockKey, mark);
      }
    },
  };
}

function seal(text: string, key: Buffer): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
}

/** The sealed text, or `undefined` when it was not made with this key. */
function open(sealed: string, key: Buffer): string | undefined {
  try {
    const raw = Buffer.from(sealed, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, raw.subarray(0, 12)).setAuthTag(
      raw.subarray(12, 28),
    );
    return Buffer.concat([decipher.update(raw.subarray(28)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
