import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/kernel/log.ts';
import { checkRedis } from '../../src/queue/checks.ts';
import { connectRedis } from '../../src/queue/connection.ts';
import { startPrivateRedis, type PrivateRedis } from '../../src/queue/private-redis.ts';
import { startScript } from '../support/program.ts';
import { testRedisProgram } from '../support/redis.ts';
import { isRunning } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const log = createLog('silent');
let dataFolder: string;
let running: PrivateRedis[] = [];
let clients: Redis[] = [];

beforeEach(() => {
  dataFolder = mkdtempSync(path.join(tmpdir(), 'convenor-data-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const server of running.splice(0)) await server.stop();
  rmSync(dataFolder, { recursive: true, force: true });
});

async function start(folder = dataFolder): Promise<PrivateRedis> {
  const server = await startPrivateRedis({ dataFolder: folder, program: testRedisProgram, log });
  running.push(server);
  return server;
}

function connect(server: PrivateRedis): Redis {
  const client = connectRedis(server.location, 'test') as Redis;
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

async function processId(client: Redis): Promise<number> {
  return Number(/^process_id:(\d+)/m.exec(await client.info('server'))?.[1]);
}

/** Has a process start the server and kills that process; gives the server's process id. */
async function leaveBehind(): Promise<number> {
  const owner = startScript('test/support/redis-owner.ts', [dataFolder, await testRedisProgram()]);
  await until('it runs', () => owner.output().includes('running'));
  owner.kill('SIGKILL');
  await owner.exited;
  return Number(readFileSync(path.join(dataFolder, 'redis', 'redis.pid'), 'utf8'));
}

describe('the private Redis', () => {
  it('fulfils what Convenor asks of a Redis', async () => {
    const findings = await checkRedis(connect(await start()));
    expect(findings.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  it('is taken on by the next process when the first one was killed', async () => {
    await leaveBehind();
    const server = await start();
    expect(server.adopted).toBe(true);
    expect(await connect(server).ping()).toBe('PONG');
  });

  it('is started again with its data when it ends by itself', async () => {
    const client = connect(await start());
    await client.set('kept', 'yes');
    const pid = await processId(client);
    // The append-only file is written within a second; this asks for it now.
    await client.config('SET', 'appendfsync', 'always');
    process.kill(pid, 'SIGKILL');
    await until('another server answers', async () => (await processId(client)) !== pid);
    expect(await client.get('kept')).toBe('yes');
  });

  it('ends when it is told to, and leaves no socket', async () => {
    const server = await start();
    const pid = await processId(connect(server));
    await server.stop();
    await until('its process is gone', () => !isRunning(pid));
    expect((await start()).adopted).toBe(false);
  });

  it('replaces a server that no longer answers', async () => {
    const pid = await leaveBehind();
    process.kill(pid, 'SIGSTOP');
    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await processId(connect(server))).not.toBe(pid);
  });

  it('starts empty when its files cannot be read', async () => {
    const first = await start();
    await first.stop();
    const files = path.join(dataFolder, 'redis', 'appendonlydir');
    writeFileSync(path.join(files, 'appendonly.aof.1.base.rdb'), 'not a database');
    await start();
    expect(
      readFileSync(path.join(dataFolder, 'redis.unreadable/appendonlydir/appendonly.aof.1.base.rdb'), 'utf8'),
    ).toBe('not a database');
  });

  it('works in a data folder whose path is longer than a socket may have', async () => {
    const long = path.join(dataFolder, 'a'.repeat(60), 'b'.repeat(60));
    mkdirSync(long, { recursive: true });
    const client = connect(await start(long));
    expect(await client.ping()).toBe('PONG');
  });

  it('says what is wrong when the program is not a Redis', async () => {
    await expect(
      startPrivateRedis({ dataFolder, program: () => Promise.resolve('/bin/false'), log }),
    ).rejects.toThrow('The private Redis ended at its start');
  });
});
