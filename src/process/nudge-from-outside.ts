import { existsSync } from 'node:fs';
import { parseRedisUrl, type RedisLocation } from '../config/redis-url.ts';
import type { Config } from '../config/load.ts';
import { socketPath } from '../kernel/socket-path.ts';

/** Nudges the worker from a process that runs one command. Does not wait for a Redis that is away. */
export async function nudgeFromOutside(config: Config): Promise<void> {
  const location =
    config.REDIS_URL === undefined ? privateRedis(config.DATA_DIR) : parseRedisUrl(config.REDIS_URL);
  if (!location) return;
  const [{ connectRedis, whenReady }, { publishNudge }] = await Promise.all([
    import('../queue/connection.ts'),
    import('../queue/nudges.ts'),
  ]);
  const client = connectRedis(location, 'command');
  client.on('error', () => undefined);
  try {
    if (await whenReady(client, 1_000)) await publishNudge(client);
  } finally {
    client.disconnect();
  }
}

/** The socket of the private Redis that a server on this data folder runs, if one does. */
function privateRedis(dataFolder: string): RedisLocation | undefined {
  const path = socketPath(dataFolder, 'redis');
  return existsSync(path) ? { kind: 'socket', path, tls: false } : undefined;
}
