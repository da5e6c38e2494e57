import type { Redis } from 'ioredis';
import {
  createPace,
  MAILERLITE_BUDGET,
  type Budget,
  type Pace,
  type PaceKind,
  type PaceOptions,
  type PaceStore,
} from './pacing.ts';

/**
 * Takes a place, or says how long to wait. One script, so that two workers never take the same place.
 *
 * KEYS: requests, imports, block. ARGV: kind, now in milliseconds or '' for the server's own clock, length of
 * the window, requests allowed for this kind, imports allowed. Answers 0 or the milliseconds to wait.
 */
const TAKE = `
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local blocked = tonumber(redis.call('GET', KEYS[3]) or '0')
if blocked > now then return blocked - now end
local window = tonumber(ARGV[3])
local function until_free(key, allowed)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local count = redis.call('ZCARD', key)
  if count < allowed then return 0 end
  local oldest = redis.call('ZRANGE', key, count - allowed, count - allowed, 'WITHSCORES')
  return tonumber(oldest[2]) + window - now
end
local wait = until_free(KEYS[1], tonumber(ARGV[4]))
if ARGV[1] == 'import' then wait = math.max(wait, until_free(KEYS[2], tonumber(ARGV[5]))) end
if wait > 0 then return wait end
local member = now .. '-' .. redis.call('INCR', KEYS[4])
redis.call('ZADD', KEYS[1], now, member)
redis.call('PEXPIRE', KEYS[1], window * 2)
if ARGV[1] == 'import' then
  redis.call('ZADD', KEYS[2], now, member)
  redis.call('PEXPIRE', KEYS[2], window * 2)
end
redis.call('PEXPIRE', KEYS[4], window * 2)
return 0
`;

/** KEYS: block. ARGV: now or '', length of the block in milliseconds. */
const BLOCK = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local until_then = now + tonumber(ARGV[2])
if until_then > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], until_then, 'PX', tonumber(ARGV[2]) + 60000)
end
return 0
`;

/** The one place in Redis that all workers of an installation count in. */
const PREFIX = '{convenor:mailerlite}';

/** A store that all processes with the same Redis share. It holds times only. */
export function createRedisPaceStore(redis: Redis, budget: Budget = MAILERLITE_BUDGET): PaceStore {
  const key = (name: string) => `${PREFIX}:${name}`;
  const milliseconds = (now: Temporal.Instant | undefined) =>
    now === undefined ? '' : now.epochMilliseconds;
  return {
    async take(kind: PaceKind, now) {
      const allowed = kind === 'urgent' ? budget.requests : budget.requests - budget.reserve;
      const answer = await redis.eval(
        TAKE,
        4,
        key('requests'),
        key('imports'),
        key('block'),
        key('counter'),
        kind,
        milliseconds(now),
        budget.windowMs,
        allowed,
        budget.imports,
      );
      const waitMs = Number(answer);
      return waitMs > 0 ? { taken: false, waitMs } : { taken: true };
    },
    async block(duration, now) {
      await redis.eval(BLOCK, 1, key('block'), milliseconds(now), Math.ceil(duration));
    },
  };
}

/** The pace of an account, shared through Redis by all workers. */
export function createRedisPace(redis: Redis, options: Omit<PaceOptions, 'store'> = {}): Pace {
  return createPace({ ...options, store: createRedisPaceStore(redis) });
}
