import type { Role } from '../cli/host.ts';
import type { Config } from '../config/load.ts';
import { parseRedisUrl, type RedisLocation } from '../config/redis-url.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import type { App } from './app.ts';
import type { Closers } from './closers.ts';
import { openCore, type Core } from './core.ts';
import { watchRoom } from './disk-room.ts';
import { openEdges, startLinkOf } from './edges.ts';
import { lockFolder } from './folder-lock.ts';
import { holdAfterRollback } from './rollback.ts';
import { settleAll } from './settle-all.ts';
import { createWatch } from './watch.ts';
import { assertZoneData } from './zones.ts';

/**
 * How long jobs may go on after the signal to stop. The whole stop takes less than ten seconds, after which a
 * container is killed.
 */
const JOB_GRACE_MS = 5_000;

/** A Redis that is slow to answer must not hold up the start; what is wrong with it is logged when it comes. */
const REDIS_PATIENCE_MS = 2_000;

/** Whether this process alone uses what is in the data folder, so that it needs the lock. */
export function ownsDataFolder(config: Config): boolean {
  return config.DATABASE_URL === undefined || config.REDIS_URL === undefined;
}

/**
 * Starts the server. Order: lock, database and Redis, web, work, commands from other processes. Everything is handed
 * to `closers` as soon as it is open, so that a failed start leaves nothing behind.
 *
 * @throws ConvenorError with a message for the administrator.
 */
export async function startServer(
  config: Config,
  role: Role,
  options: { demo: boolean; clock: Clock; log: Log; closers: Closers },
): Promise<App & Core> {
  const { clock, log, closers, demo } = options;
  const startedAt = clock.now();
  if (ownsDataFolder(config)) {
    const lock = await lockFolder(config.DATA_DIR, { clock });
    closers.add('lock of the data folder', () => lock.release());
  }
  // Whichever of the two fails, the other must be open or closed before the first is reported.
  const [redis, core] = await settleAll(
    openRedis(config, log, closers),
    openCore(config, { clock, log, closers, templates: 'now' }),
  );
  if (config.DATABASE_URL === undefined) {
    // An error that nobody catches stops the process in good order, with exit status 1.
    const room = watchRoom(config.DATA_DIR, log, (shortage) =>
      setImmediate(() => {
        throw shortage;
      }),
    );
    closers.add('watch of the disk', () => room.stop());
  }
  await assertZoneData(core.db, startedAt);
  const edges = await openEdges(config, redis, { clock, log, closers });
  const [{ openQueue }, { jobs }] = await Promise.all([
    import('../queue/queue.ts'),
    import('../../jobs/index.ts'),
  ]);
  const queue = openQueue(
    redis,
    jobs.map(({ name }) => name),
    log,
  );
  closers.add('queue', async () => {
    if (!(await queue.stop(JOB_GRACE_MS)))
      throw new Error('A job did not end in time; the next worker repeats it.');
  });
  const app: App & Core = { ...core, ...edges, startedAt, queue, nudge: () => queue.nudge() };
  if (demo) await loadSample(app);
  await assertRedis(queue, log);
  await holdAfterRollback(app);
  const watch = createWatch(app, { startedAt });
  closers.add('watch', () => watch.stop());
  watch.start();
  if (role !== 'worker') await listen(app, closers);
  if (role !== 'web') queue.work(jobs, app, app.workerId);
  return app;
}

async function openRedis(config: Config, log: Log, closers: Closers): Promise<RedisLocation> {
  if (config.REDIS_URL !== undefined) {
    const location = parseRedisUrl(config.REDIS_URL);
    if (location) return location;
    throw new ConvenorError(
      'invalid_config',
      'REDIS_URL is no address of a Redis (example: redis://localhost:6379).',
    );
  }
  const [{ startPrivateRedis }, { redisProgram }] = await Promise.all([
    import('../queue/private-redis.ts'),
    import('../queue/redis-program.ts'),
  ]);
  const redis = await startPrivateRedis({
    dataFolder: config.DATA_DIR,
    log,
    program: () =>
      redisProgram({
        chosen: config.REDIS_SERVER_BIN,
        dataFolder: config.DATA_DIR,
        searchPath: process.env['PATH'],
        log,
      }),
  });
  closers.add('private Redis', () => redis.stop());
  return redis.location;
}

/** A Redis that would lose or garble work stops the start; one that is away does not. */
async function assertRedis(queue: App['queue'] & { connected(limitMs: number): Promise<boolean> }, log: Log) {
  if (!(await queue.connected(REDIS_PATIENCE_MS))) {
    log.warn('Redis does not answer yet; the web works, and work begins when it is there');
    return;
  }
  const findings = await queue.check();
  for (const { state, detail, advice } of findings) {
    if (state === 'problem') throw new ConvenorError('unavailable', `${detail} ${advice ?? ''}`.trim());
    if (state === 'warning') log.warn({ advice }, detail);
  }
}

async function listen(app: App, closers: Closers): Promise<void> {
  const [{ createWebServer }, mailerlite, { createWebhookReader }] = await Promise.all([
    import('../web/server.ts'),
    import('../mailerlite/webhook-events.ts'),
    import('../zoom/webhook.ts'),
  ]);
  const { PORT, HOST, ZOOM_WEBHOOK_SECRET: secret } = app.config;
  const { zoom } = app;
  const server = await createWebServer({
    ...app,
    webhooks: {
      mailerlite,
      ...(secret === undefined ? {} : { zoom: createWebhookReader({ secret, clock: app.clock }) }),
    },
    ...(zoom === undefined ? {} : { zoomStartLink: startLinkOf(zoom) }),
    loadSample: () => loadSample(app),
    checkConnection: async (connection) => {
      const { checkConnection } = await import('./doctor/connections.ts');
      return checkConnection(app, connection);
    },
  });
  closers.add('web server', () => server.close());
  try {
    await server.listen({ port: PORT, host: HOST });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ConvenorError(
        'unavailable',
        `Port ${PORT} on ${HOST} is taken by another program. Stop that one, or set PORT to another number (example: 3001).`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new ConvenorError(
        'unavailable',
        `This machine does not let Convenor listen on ${HOST}, port ${PORT} (${code}). Check HOST and PORT (example: HOST=127.0.0.1, PORT=3000).`,
      );
    }
    throw error;
  }
}

async function loadSample(app: App): Promise<void> {
  const { loadSampleGroup } = await import('./sample/load.ts');
  await loadSampleGroup(app);
  await app.nudge();
}
