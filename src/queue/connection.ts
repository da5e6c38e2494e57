import { Cluster, Redis } from 'ioredis';
import type { RedisLocation } from '../config/redis-url.ts';

export type RedisClient = Redis | Cluster;

/** All keys begin with this. The braces put them into one slot of a cluster, which the scripts of the queue need. */
export const KEY_PREFIX = '{convenor}';

/** Nothing that we ask takes this long; a connection that is silent for longer is dead and made anew. */
const SILENCE_MS = 10_000;

/** At most a second between attempts, so that work goes on soon after Redis is back. */
const retryDelay = (attempt: number): number => Math.min(1_000, 25 * 2 ** Math.min(attempt, 6));

/**
 * Opens a connection that never gives up: while Redis is away, commands wait. Whoever must not wait looks at
 * `isReady` first and sets a limit of its own, or asks for an `impatient` connection, whose commands fail when they
 * are not answered within three seconds. The caller listens to `error`.
 */
export function connectRedis(
  location: RedisLocation,
  name: string,
  { impatient = false }: { impatient?: boolean } = {},
): RedisClient {
  const { username, password, database, tls } = location;
  const options = {
    connectionName: `convenor-${name}`,
    retryStrategy: retryDelay,
    connectTimeout: 5_000,
    socketTimeout: SILENCE_MS,
    maxRetriesPerRequest: null,
    ...(impatient ? { commandTimeout: 3_000 } : {}),
    // A former primary that now only reads: the next connection finds the new one.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (1 as const) : false),
  };
  const account = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { db: database }),
  };
  switch (location.kind) {
    case 'single':
      return new Redis(location.url, options);
    case 'socket':
      return new Redis({ ...options, ...account, path: location.path });
    case 'sentinel':
      return new Redis({
        ...options,
        ...account,
        sentinels: [...location.hosts],
        name: location.name,
        sentinelRetryStrategy: retryDelay,
        ...(tls ? { tls: {}, enableTLSForSentinelMode: true } : {}),
      });
    case 'cluster': {
      const { retryStrategy: _, ...perNode } = options;
      return new Cluster([...location.hosts], {
        clusterRetryStrategy: retryDelay,
        redisOptions: { ...perNode, ...account, ...(tls ? { tls: {} } : {}) },
      });
    }
  }
}

/** Whether commands are answered at this moment. */
export function isReady(client: RedisClient): boolean {
  return client.status === 'ready' || (client.status === 'connect' && client instanceof Cluster);
}

/** Waits until commands are answered, `limitMs` at most. */
export async function whenReady(client: RedisClient, limitMs: number): Promise<boolean> {
  if (isReady(client)) return true;
  const connected = new Promise<void>((resolve) => client.once('ready', resolve));
  return within(limitMs, connected).then(
    () => true,
    () => false,
  );
}

/**
 * The result of `work`, or an error after `limit` milliseconds. What was begun may still take effect later, so
 * it must be harmless then.
 */
export async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${limit} ms`)), limit);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
    // The loser of the race may fail later; nobody waits for it any more.
    work.catch(() => undefined);
  }
}
