import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisLocation } from '../config/redis-url.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { socketPath } from '../kernel/socket-path.ts';

export interface PrivateRedis {
  readonly location: RedisLocation;
  /** True when a server that an earlier process left behind was taken on. */
  readonly adopted: boolean;
  /** Ends the server, after it has written what it holds. Call it when nobody uses it any more. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 3_000;
const PID_FILE = 'redis.pid';
const LONGEST_PAUSE_MS = 10_000;
/** A server that ran for this long did start well; the pause before the next start is short again. */
const STEADY_MS = 30_000;

/**
 * Runs a Redis for this data folder alone: on a unix socket that only this account can reach, with its data in
 * `<dataFolder>/redis`. One that still answers there is taken on. When the server ends by itself it is started
 * again, after a growing pause; when it cannot read its own files they are set aside, since the database holds
 * everything that counts.
 *
 * The caller holds the lock of the data folder.
 *
 * @param program gives the server program; it is asked only when a server must be started.
 * @throws ConvenorError `unavailable` when no server comes up.
 */
export async function startPrivateRedis(options: {
  dataFolder: string;
  program: () => Promise<string>;
  log: Log;
}): Promise<PrivateRedis> {
  const { dataFolder, log } = options;
  const folder = path.join(dataFolder, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const socket = socketPath(dataFolder, 'redis');
  const earlier = await serverAt(socket, folder);
  const adopted = earlier !== undefined;
  let stopping = false;
  let pid = earlier ?? (await launch(await options.program(), folder, socket));
  if (adopted) log.info({ pid }, 'the private Redis of an earlier process is still there and is used');
  const supervision = supervise();

  async function supervise(): Promise<void> {
    for (let failures = 0; ;) {
      const since = performance.now();
      await ended(pid, () => stopping);
      if (stopping) return;
      log.warn({ pid }, 'the private Redis ended; it is started again');
      if (performance.now() - since > STEADY_MS) failures = 0;
      for (;;) {
        if (failures > 0) await pause(Math.min(LONGEST_PAUSE_MS, 125 * 2 ** failures));
        if (stopping) return;
        failures++;
        try {
          pid = await launch(await options.program(), folder, socket);
          if (stopping) await terminate(pid);
          break;
        } catch (error) {
          log.error({ err: error }, 'the private Redis does not start');
        }
      }
    }
  }

  return {
    location: { kind: 'socket', path: socket, tls: false },
    adopted,
    stop: async () => {
      stopping = true;
      await terminate(pid);
      await supervision;
      rmSync(socket, { force: true });
    },
  };
}

/** Starts a server; with files that it cannot read, once more without them. */
async function launch(program: string, folder: string, socket: string): Promise<number> {
  try {
    return await launchOnce(program, folder, socket);
  } catch (error) {
    if (!/Bad file format|Unexpected end of file|corrupt|aof format|rdb/i.test((error as Error).message))
      throw error;
    rmSync(`${folder}.unreadable`, { recursive: true, force: true });
    renameSync(folder, `${folder}.unreadable`);
    mkdirSync(folder, { mode: 0o700 });
    return launchOnce(program, folder, socket);
  }
}

async function launchOnce(program: string, folder: string, socket: string): Promise<number> {
  endSilentServer(folder, socket);
  rmSync(socket, { force: true });
  const logFile = path.join(folder, 'redis.log');
  rmSync(logFile, { force: true });
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: folder,
    pidfile: path.join(folder, PID_FILE),
    logfile: logFile,
    loglevel: 'notice',
    daemonize: 'no',
    appendonly: 'yes',
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  const child = spawn(
    program,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    // A process group of its own: a Ctrl-C at the terminal is for us, and this server is stopped last.
    { cwd: folder, detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const failure = new Promise<never>((_, reject) => {
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(startFailure(code ?? signal, output, logFile))));
  });
  try {
    return await Promise.race([failure, answering(socket, folder)]);
  } catch (error) {
    child.kill('SIGKILL');
    throw new ConvenorError('unavailable', (error as Error).message, { cause: error });
  } finally {
    failure.catch(() => undefined);
    letGo(child);
  }
}

/** A server of ours that no longer answers must be gone before another one writes to its files. */
function endSilentServer(folder: string, socket: string): void {
  try {
    const pid = Number(readFileSync(path.join(folder, PID_FILE), 'utf8'));
    // Redis names its socket in its title, so that another program that got the number is left alone.
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(socket)) signal(pid, 'SIGKILL');
  } catch {
    // There is none.
  }
}

/** The child alone must not keep our process alive. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.stderr?.destroy();
}

function startFailure(status: number | string | null, output: string, logFile: string): string {
  let lines = output;
  try {
    lines += readFileSync(logFile, 'utf8');
  } catch {
    // It ended before it could write there.
  }
  return `The private Redis ended at its start (${String(status)}): ${lines.trim().split('\n').slice(-6).join(' / ')}`;
}

async function answering(socket: string, folder: string): Promise<number> {
  const end = performance.now() + START_LIMIT_MS;
  while (performance.now() < end) {
    const pid = await serverAt(socket, folder);
    if (pid !== undefined) return pid;
    await pause(10);
  }
  throw new Error(`The private Redis did not answer within ${START_LIMIT_MS / 1_000} seconds.`);
}

/** The process id of the server that answers on the socket and keeps its data in our folder. */
async function serverAt(socket: string, folder: string): Promise<number | undefined> {
  const client = new Redis({
    path: socket,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1_000,
    commandTimeout: 1_000,
    enableReadyCheck: false,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    const [, dir] = (await client.config('GET', 'dir')) as [string, string];
    const pid = /^process_id:(\d+)/m.exec(await client.info('server'))?.[1];
    return path.resolve(dir) === path.resolve(folder) && pid !== undefined ? Number(pid) : undefined;
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}

/** Resolves when the process is gone, or when `given up` says so. */
async function ended(pid: number, givenUp: () => boolean): Promise<void> {
  while (isRunning(pid) && !givenUp()) await pause(100, undefined, { ref: false });
}

async function terminate(pid: number): Promise<void> {
  if (!signal(pid, 'SIGTERM')) return;
  const end = performance.now() + STOP_LIMIT_MS;
  while (isRunning(pid)) {
    if (performance.now() > end) signal(pid, 'SIGKILL');
    await pause(10);
  }
}

function isRunning(pid: number): boolean {
  if (!signal(pid, 0)) return false;
  try {
    // A child that ended and was not waited for still has a process id.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
