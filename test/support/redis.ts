import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { parseRedisUrl, type RedisLocation } from '../../src/config/redis-url.ts';
import { createLog } from '../../src/kernel/log.ts';
import { projectRoot } from '../../src/kernel/paths.ts';
import { redisProgram } from '../../src/queue/redis-program.ts';
import { startTied, type TiedProcess } from './tied-process.ts';
import { until } from './wait.ts';

export interface TestRedis {
  readonly url: string;
  readonly location: RedisLocation;
  /** A connection for the test's own questions. */
  readonly client: Redis;
  /** Ends the server at once, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same socket; without its data unless told otherwise. */
  start(options?: { keepData?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** The Redis program of the machine, or the private copy beside the packages, fetched when first needed. */
export function testRedisProgram(): Promise<string> {
  return redisProgram({
    chosen: undefined,
    dataFolder: path.join(projectRoot, 'node_modules', '.cache', 'convenor'),
    searchPath: process.env['PATH'],
    log: createLog('silent'),
  });
}

/** A Redis for one test file, on a unix socket of its own. Stop it in `afterAll`. */
export async function startTestRedis(): Promise<TestRedis> {
  const program = await testRedisProgram();
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-redis-'));
  const socket = path.join(folder, 'redis.sock');
  const url = `unix://${socket}`;
  const client = new Redis({
    path: socket,
    lazyConnect: true,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => undefined);
  let server: TiedProcess | undefined;

  async function start({ keepData = false } = {}): Promise<void> {
    if (!keepData) rmSync(path.join(folder, 'appendonlydir'), { recursive: true, force: true });
    server = startTied(
      [
        program,
        // Its data outlives the program, as a test asks, and a busy disk does not hold it up for longer than a lock lives.
        `--port 0 --unixsocket ${socket} --dir ${folder} --appendonly yes --appendfsync no`.split(' '),
        ['--save', ''],
      ].flat(),
      { cwd: folder },
    );
    await until('the Redis of the test answers', () => client.ping());
  }

  async function kill(): Promise<void> {
    const pid = /^process_id:(\d+)/m.exec(await client.info('server'))?.[1];
    process.kill(Number(pid), 'SIGKILL');
    await server?.stop();
  }

  await start();
  const location = parseRedisUrl(url);
  if (!location) throw new Error(`Not an address of a Redis: ${url}`);
  return {
    url,
    location,
    client,
    kill,
    start,
    stop: async () => {
      client.disconnect();
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
