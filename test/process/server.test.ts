import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { projectRoot } from '../../src/kernel/paths.ts';
import { runConvenor, startConvenor, type Convenor } from '../support/convenor.ts';
import { freePort } from '../support/ports.ts';
import { isRunning } from '../support/processes.ts';
import { startTestRedis } from '../support/redis.ts';
import { steadyTime } from '../support/steady-time.ts';
import { until } from '../support/wait.ts';

let dataFolder: string;
let servers: Convenor[] = [];

beforeAll(() => {
  dataFolder = mkdtempSync(path.join(tmpdir(), 'convenor-server-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.kill('SIGTERM');
    await server.exited;
  }
});
afterAll(() => rmSync(dataFolder, { recursive: true, force: true }));

async function start(env: Record<string, string> = {}): Promise<Convenor> {
  const server = await startConvenor({ dataFolder, env });
  servers.push(server);
  return server;
}

function redisPid(): number {
  return Number(readFileSync(path.join(dataFolder, 'redis', 'redis.pid'), 'utf8'));
}

async function health(server: Convenor): Promise<number> {
  return (await fetch(`${server.url}/health/ready`)).status;
}

describe('the server', () => {
  it('comes up on an empty folder, is at work, and stops with everything that it started', async () => {
    const server = await start();
    await server.ready();
    await until('it is at work', async () => (await health(server)) === 200);
    expect(statSync(path.join(dataFolder, 'secret-key')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(dataFolder, 'control.sock')).mode & 0o777).toBe(0o600);
    const redis = redisPid();
    expect(isRunning(redis)).toBe(true);

    const took = steadyTime();
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(took()).toBeLessThan(20_000);
    expect(isRunning(redis)).toBe(false);
    expect(readdirSync(path.join(dataFolder, 'lock'))).toEqual([]);
  });

  it('refuses a second one on the same folder, and carries commands out itself', async () => {
    const server = await start();
    await server.ready();
    const second = await startConvenor({ dataFolder });
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(
      new RegExp(`in use by process ${server.pid}, started \\d{4}-\\d\\d-\\d\\dT`),
    );

    expect(
      await runConvenor(dataFolder, ['settings', 'set', 'groupName', 'Hand Therapy Network']),
    ).toMatchObject({
      status: 0,
    });
    const { output, status } = await runConvenor(dataFolder, ['settings', 'get', 'groupName', '--json']);
    expect(status).toBe(0);
    expect(output).toContain('Hand Therapy Network');
    expect((await runConvenor(dataFolder, ['serve'])).status).toBe(1);
  });

  it('goes on after it was killed: lock and Redis of the dead process are taken on', async () => {
    const first = await start();
    await first.ready();
    const redis = redisPid();
    servers = [];
    first.kill('SIGKILL');
    await first.exited;
    expect(isRunning(redis)).toBe(true);

    const second = await start();
    await second.ready();
    expect(redisPid()).toBe(redis);
    await until('it is at work', async () => (await health(second)) === 200);
  });

  it('stops in time while Redis does not answer', async () => {
    const server = await start();
    await server.ready();
    const redis = redisPid();
    process.kill(redis, 'SIGSTOP');
    const took = steadyTime();
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(took()).toBeLessThan(20_000);
    expect(isRunning(redis)).toBe(false);
  });

  it('says that its port is taken, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await until('the other program listens', () => other.listening);
    const { port } = other.address() as AddressInfo;
    const server = await startConvenor({ dataFolder, env: { PORT: String(port) } });
    expect(await server.exited).toBe(1);
    expect(server.output()).toContain(`Port ${port} on 127.0.0.1 is taken`);
    // A Redis that ends properly removes the file with its process id.
    expect(readdirSync(path.join(dataFolder, 'redis'))).not.toContain('redis.pid');
    expect(readdirSync(path.join(dataFolder, 'lock'))).toEqual([]);
    other.close();
  });

  it('names the setting when it cannot start', async () => {
    const env = { PORT: '70000', SMTP_URI: 'smtp://localhost' };
    const server = await startConvenor({ dataFolder, env });
    expect(await server.exited).toBe(2);
    expect(server.output()).toContain('PORT: must be a port number');
    expect(server.output()).toContain('did you mean SMTP_URL?');
  });

  it('closes what it had opened when a later part cannot start', async () => {
    const server = await startConvenor({ dataFolder, env: { REDIS_SERVER_BIN: '/nowhere/redis-server' } });
    expect(await server.exited).toBe(2);
    expect(server.output()).toContain('REDIS_SERVER_BIN names no program');
    expect(readdirSync(path.join(dataFolder, 'lock'))).toEqual([]);
  });

  it('serves its pages while Redis is away, and says that it is not at work', async () => {
    const server = await start({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
    await server.ready();
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect(await health(server)).toBe(503);
  });

  it('does not start with a Redis that throws work away', async () => {
    const redis = await startTestRedis();
    await redis.client.config('SET', 'maxmemory', '50mb');
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const server = await startConvenor({ dataFolder, env: { REDIS_URL: redis.url } });
    expect(await server.exited).toBe(1);
    expect(server.output()).toContain('Set maxmemory-policy to noeviction');
    await redis.stop();
  });

  it('stops in good order before its disk is full, does not start on a full one, and loses nothing', async () => {
    const room = path.join(dataFolder, 'room');
    const preload = pathToFileURL(path.join(projectRoot, 'test/support/disk-room.mjs')).href;
    const env = { NODE_OPTIONS: `--import ${preload}`, DISK_ROOM_FILE: room };
    const leave = (mebibytes: number) => writeFileSync(room, String(mebibytes));
    leave(1_000);
    const server = await start(env);
    await server.ready();
    expect(
      (await runConvenor(dataFolder, ['settings', 'set', 'organisationName', 'Nearly full'])).status,
    ).toBe(0);
    leave(100);
    expect(await server.exited).toBe(1);
    expect(server.output()).toContain(
      'is nearly full: 100 MiB are left, and the embedded database needs 128.',
    );
    expect(server.output()).toContain('"msg":"stopped"');

    const refused = await start(env);
    expect(await refused.exited).toBe(1);
    expect(refused.output()).toContain('Make room there, or set DATA_DIR to a folder on another disk');

    leave(1_000);
    const { status, stdout } = await runConvenor(dataFolder, ['settings', 'list', '--json'], env);
    expect(status).toBe(0);
    expect(stdout).toContain('Nearly full');
  });

  it('does not touch a database that a newer program has changed', async () => {
    const database = await openDatabase({ dataFolder });
    await database.db.execute(sql`insert into schema_migrations (number, name) values (9999, '9999_future')`);
    await database.close();
    const server = await startConvenor({ dataFolder });
    expect(await server.exited).toBe(1);
    expect(server.output()).toContain('9999_future');
  });
});
