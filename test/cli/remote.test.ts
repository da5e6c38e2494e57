import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CliHost } from '../../src/cli/host.ts';
import { forwardCommand, serveCommand } from '../../src/cli/remote.ts';
import { anyAdmin } from '../../src/organisation/admins.ts';
import { openTestCli, type TestCli } from './harness.ts';

let server: TestCli;
let client: TestCli;
let listener: Server;
let socketPath: string;
let hostOfServer: CliHost;
const sockets = new Set<Socket>();
const served: Promise<void>[] = [];

beforeAll(async () => {
  server = await openTestCli();
  hostOfServer = server.host;
  socketPath = path.join(server.folder, 'control.sock');
  listener = createServer((socket) => {
    sockets.add(socket);
    served.push(serveCommand(socket, hostOfServer));
  });
  await new Promise<void>((resolve) => listener.listen(socketPath, resolve));
  client = await openTestCli({
    forward: (argv, io) => forwardCommand(socketPath, argv, io),
    open: () => Promise.reject(new Error('The database is held by the server.')),
  });
});
beforeEach(async () => {
  hostOfServer = server.host;
  await server.reset();
});
afterAll(async () => {
  listener.close();
  await Promise.all(served);
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe('a command carried out by a running server', () => {
  it('gives the same output and exit status', async () => {
    expect(await client.run('settings', 'set', 'quietHours', 'off')).toMatchObject({
      status: 0,
      stdout: 'quietHours is now off.\n',
      stderr: '',
    });
    expect((await server.run('settings', 'get', 'quietHours')).stdout).toBe('off\n');
    const refused = await client.run('settings', 'set', 'quietHours', 'never', '--json');
    expect(refused.status).toBe(2);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { problems: [{ field: 'quietHours' }] } });
  });

  it('uses the width of the terminal where it was typed', async () => {
    const { stdout } = await client.runAtTerminal({ columns: 72 }, 'settings', 'list');
    expect(stdout).toBe((await server.runAtTerminal({ columns: 72 }, 'settings', 'list')).stdout);
    expect(stdout).not.toBe((await server.run('settings', 'list')).stdout);
  });

  it('asks its questions at the terminal where it was typed', async () => {
    const answers = ['ann@example.org', 'Ann', 'a long enough one', 'a long enough one'];
    const { status, stdout, asked } = await client.runAtTerminal({ answers }, 'create-admin');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'Ann can sign in now (administrator).\n' });
    expect(asked.map(({ kind }) => kind)).toEqual(['text', 'text', 'password', 'password']);
    expect(await anyAdmin(server.database.db)).toBe(true);
    const broken = await client.runAtTerminal({ answers: [undefined] }, 'create-admin');
    expect(broken.status).toBe(1);
  });

  it('says so when the server goes away in the middle', async () => {
    hostOfServer = {
      ...server.host,
      open: () => {
        for (const socket of sockets) socket.destroy();
        return server.host.open();
      },
    };
    const { status, stderr } = await client.run('settings', 'list', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'unavailable' } });
  });

  it('learns that the person broke it off', async () => {
    const controller = new AbortController();
    let aborted: Promise<void> | undefined;
    hostOfServer = {
      ...server.host,
      open: () => {
        controller.abort();
        return server.host.open();
      },
      forward: (_argv, { signal }) => {
        aborted = new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve());
        });
        return Promise.resolve(undefined);
      },
    };
    const { status } = await client.runAtTerminal({ signal: controller.signal }, 'settings', 'list');
    expect(status).toBe(1);
    await aborted;
  });

  it('is carried out here when no server listens', async () => {
    await using alone = await openTestCli({
      forward: (argv, io) => forwardCommand(path.join(server.folder, 'nobody.sock'), argv, io),
    });
    expect((await alone.run('settings', 'get', 'quietHours')).stdout).toBe('22:00-08:00\n');
  });
});
