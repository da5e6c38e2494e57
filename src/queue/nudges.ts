import type { Log } from '../kernel/log.ts';
import { connectRedis, isReady, within, type RedisClient } from './connection.ts';
import type { RedisLocation } from '../config/redis-url.ts';

const CHANNEL = '{convenor}:nudge';

/** Tells the leading worker, wherever it runs, that rows have changed. Lost when Redis is away: its tick finds them. */
export async function publishNudge(client: RedisClient): Promise<void> {
  if (!isReady(client)) return;
  await within(1_000, client.publish(CHANNEL, '')).catch(() => undefined);
}

/** Calls `onNudge` for every nudge of any process, on a connection of its own. */
export function listenForNudges(
  location: RedisLocation,
  log: Log,
  onNudge: () => void,
): { close: () => void } {
  const client = connectRedis(location, 'nudges');
  client.on('error', (error) => log.debug({ err: error }, 'redis error'));
  client.on('message', onNudge);
  client.subscribe(CHANNEL).catch((error: unknown) => log.debug({ err: error }, 'redis error'));
  return { close: () => client.disconnect() };
}
