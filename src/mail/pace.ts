/**
 * How fast mail to a list may go out, over all workers together. It begins slowly and grows while the server takes
 * everything; when the server asks for patience (421, 4.7.x) nothing goes for a while and then at half the speed.
 */
import type { Redis } from 'ioredis';
import { asksForPatience } from './outcome.ts';
import type { Outcome } from './types.ts';

export interface SendingPace {
  /** Up to `wanted` messages may go now; 0: ask again after `waitMs` milliseconds. */
  take(wanted: number): Promise<{ readonly granted: number; readonly waitMs: number }>;
  /** Learns from what the server said. */
  report(outcomes: readonly Outcome[]): Promise<void>;
}

/** Messages a second to begin with, and never fewer. */
const SLOWEST = 1;

/** The first silence after the server asked for patience; doubled each time in a row, up to the longest. */
const FIRST_SILENCE_MS = 10_000;
const LONGEST_SILENCE_MS = 300_000;

/** After so long without mail the beginning is slow again. */
const FORGET_MS = 600_000;

/** What may go while Redis, which holds the count, is away. */
const BLIND = { granted: 1, waitMs: 0 } as const;
const BLIND_DELAY_MS = 1_000;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function field(name, fallback)
  return tonumber(redis.call('HGET', KEYS[1], name) or fallback)
end
`;

/** KEYS: state. ARGV: wanted, most messages a second, slowest, milliseconds until it is forgotten. */
const TAKE = `${NOW}
local silent = field('silent', 0)
if silent > now then return {0, silent - now} end
local rate = math.min(field('rate', ARGV[3]), tonumber(ARGV[2]))
local room = math.min(math.max(rate, 1), field('room', 1) + (now - field('at', now)) * rate / 1000)
local granted = math.min(math.floor(room), tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'rate', tostring(rate), 'room', tostring(room - granted), 'at', now)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if granted > 0 then return {granted, 0} end
return {0, math.ceil((1 - room) * 1000 / rate)}
`;

/** KEYS: state. ARGV: accepted, 1 if asked for patience, most a second, slowest, first and longest silence. */
const REPORT = `${NOW}
local most = tonumber(ARGV[3])
local rate = field('rate', ARGV[4])
if ARGV[2] == '1' then
  if field('silent', 0) > now then return 0 end
  local times = field('times', 0)
  rate = math.max(tonumber(ARGV[4]), rate / 2)
  local silence = math.min(tonumber(ARGV[5]) * 2 ^ times, tonumber(ARGV[6]))
  redis.call('HSET', KEYS[1], 'rate', tostring(rate), 'known', tostring(rate), 'times', times + 1, 'room', 0,
    'silent', math.ceil(now + silence), 'at', math.ceil(now + silence))
  redis.call('PEXPIRE', KEYS[1], math.ceil(silence * 2) + 600000)
  return 0
end
local accepted = tonumber(ARGV[1])
-- Doubles every second up to the speed that is known to be too much, then adds one message a second each second.
if rate < field('known', most) then rate = rate + accepted else rate = rate + accepted / rate end
redis.call('HSET', KEYS[1], 'rate', tostring(math.min(rate, most)))
if accepted > 0 then redis.call('HSET', KEYS[1], 'times', 0) end
return 0
`;

const KEY = '{convenor:smtp}:pace';

/**
 * A pace that all processes with the same Redis share.
 *
 * @param messagesPerSecond the most that ever goes.
 */
export function createSendingPace(redis: Redis, messagesPerSecond: number): SendingPace {
  let blindUntil = 0;
  return {
    async take(wanted) {
      try {
        const answer = await redis.eval(TAKE, 1, KEY, wanted, messagesPerSecond, SLOWEST, FORGET_MS);
        const [granted = 0, waitMs = 0] = (answer as unknown[]).map(Number);
        return { granted, waitMs };
      } catch {
        const wait = blindUntil - performance.now();
        if (wait > 0) return { granted: 0, waitMs: Math.ceil(wait) };
        blindUntil = performance.now() + BLIND_DELAY_MS;
        return BLIND;
      }
    },
    async report(outcomes) {
      const accepted = outcomes.filter(({ result }) => result === 'accepted').length;
      const patience = outcomes.some(asksForPatience) ? 1 : 0;
      if (accepted === 0 && patience === 0) return;
      try {
        await redis.eval(
          REPORT,
          1,
          KEY,
          accepted,
          patience,
          messagesPerSecond,
          SLOWEST,
          FIRST_SILENCE_MS,
          LONGEST_SILENCE_MS,
        );
      } catch {
        // Without Redis the pace is the slowest anyway.
      }
    },
  };
}
