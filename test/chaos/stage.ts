import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { projectRoot } from '../../src/kernel/paths.ts';
import { freePort } from '../support/ports.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';
import { testRedisProgram } from '../support/redis.ts';
import { startTied, type TiedProcess } from '../support/tied-process.ts';
import { until } from '../support/wait.ts';
import type { Random } from './random.ts';
import { startUnrulyMailServer, type UnrulyMailServer } from './smtp.ts';
import { openLink, type Link } from './tcp-proxy.ts';

export const SECRET_KEY = 'a secret key for the chaos suite, 32 letters';
export const LINKS = ['postgres', 'redis', 'smtp'] as const;

/** One process of the program, with its own links to everything else. */
export interface Actor {
  readonly name: string;
  readonly role: 'web' | 'worker';
  readonly links: Readonly<Record<(typeof LINKS)[number], Link>>;
  /** Every process id that it has had: claims carry them. */
  readonly pids: number[];
  /** Where it serves its pages, if it does. */
  readonly url: string;
  output(): string;
  running(): boolean;
  start(): void;
  /** Resolves with the exit status or the signal's name. */
  signal(name: NodeJS.Signals): Promise<number | string>;
  pause(): void;
  unpause(): void;
  /** Sets this process's wall clock apart from the others'. */
  shiftClock(milliseconds: number): void;
  /** Moves the time that this process shares with the others. */
  advance(milliseconds: number): void;
}

export interface RedisServer {
  readonly port: number;
  readonly client: Redis;
  kill(): Promise<void>;
  start(keepData: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** All parts of a run: real servers, real processes, and links that can be cut between any two. */
export interface Stage {
  readonly postgres: PostgresServer;
  readonly databaseUrl: string;
  readonly redis: RedisServer;
  readonly mail: UnrulyMailServer;
  readonly actors: readonly Actor[];
  /** How far the simulated time is from this machine's. */
  readonly shift: number;
  close(): Promise<void>;
}

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export interface StageOptions {
  readonly workers: number;
  /** The wall clock of every process when the run begins. */
  readonly startAt: Temporal.Instant;
  /** The program that all processes run; the build of the project when left out. */
  readonly program?: string | undefined;
  /** An older program, which the last worker runs until it ends for the first time. */
  readonly older?: string | undefined;
  /** How long the mail server takes to answer a message. */
  readonly answerMs?: readonly [number, number];
  /** How many processes serve pages; one when left out. */
  readonly webs?: number | undefined;
  /** Further settings of every process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A Redis that the caller runs, instead of the stage's own. */
  readonly redis?: { readonly url: string; readonly env: Readonly<Record<string, string>> } | undefined;
}

export async function setStage(
  random: Random,
  {
    workers,
    startAt,
    program = path.join(projectRoot, 'dist/main.js'),
    older,
    answerMs = [0, 0],
    webs = 1,
    env = {},
    redis: elsewhere,
  }: StageOptions,
): Promise<Stage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-chaos-'));
  const shift = startAt.epochMilliseconds - Date.now();
  // A crash must not take back what was answered for.
  const postgres = await startPostgres({
    more: ['synchronous_commit=on', 'full_page_writes=on', 'max_wal_size=256MB'],
  });
  const databaseUrl = await newDatabase(postgres.url);
  const redis = await startRedis(folder);
  const mail = await startUnrulyMailServer(random, {
    answerMs,
    pipelining: env['SMTP_PIPELINING'] === 'yes',
  });
  const postgresPort = Number(new URL(postgres.url).port);
  const names = [
    ...Array.from({ length: webs }, (_, n) => (n === 0 ? 'web' : `web ${n + 1}`)),
    ...Array.from({ length: workers }, (_, n) => `worker ${n + 1}`),
  ];
  const actors: Actor[] = [];
  const baseUrl = `http://127.0.0.1:${await freePort()}`;
  for (const name of names) {
    const first = older !== undefined && name === names.at(-1) ? older : program;
    const links = {
      postgres: await openLink(postgresPort),
      redis: await openLink(redis.port),
      smtp: await openLink(mail.port),
    };
    const url = name === 'web' ? baseUrl : `http://127.0.0.1:${await freePort()}`;
    actors.push(
      makeActor(name, {
        folder,
        links,
        databaseUrl,
        shift,
        url,
        baseUrl,
        program,
        first,
        redis: elsewhere,
        env,
      }),
    );
  }
  return {
    postgres,
    databaseUrl,
    redis,
    mail,
    actors,
    shift,
    async close() {
      for (const actor of actors) {
        if (!actor.running()) continue;
        actor.unpause();
        await actor.signal('SIGKILL');
      }
      for (const actor of actors) for (const link of Object.values(actor.links)) await link.close();
      await mail.close();
      await redis.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function newDatabase(server: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query('create database chaos');
  await client.end();
  const url = new URL(server);
  url.pathname = '/chaos';
  return url.href;
}

function makeActor(
  name: string,
  options: {
    folder: string;
    links: Actor['links'];
    databaseUrl: string;
    shift: number;
    /** Where it serves its pages, if it does; and the address that links in mails carry. */
    url: string;
    baseUrl: string;
    program: string;
    /** The build that it runs until it ends for the first time. */
    first: string;
    redis: StageOptions['redis'];
    env: Readonly<Record<string, string>>;
  },
): Actor {
  const { links, shift } = options;
  const role = name.startsWith('web') ? 'web' : 'worker';
  const home = path.join(options.folder, name.replace(' ', '-'));
  mkdirSync(home);
  const shiftFile = path.join(home, 'clock-shift');
  const shiftTo = (milliseconds: number) => {
    writeFileSync(`${shiftFile}.new`, String(milliseconds));
    renameSync(`${shiftFile}.new`, shiftFile);
  };
  shiftTo(shift);
  const databaseUrl = new URL(options.databaseUrl);
  databaseUrl.port = String(links.postgres.port);
  const pids: number[] = [];
  let child: ChildProcess | undefined;
  let exited: Promise<number | string> = Promise.resolve(0);
  let output = '';
  let advanced = 0;
  let apart = 0;
  let build = options.first;

  function start(): void {
    const started = spawn(
      process.execPath,
      ['--import', path.join(import.meta.dirname, 'shifted-clock.mjs'), build, role],
      {
        cwd: home,
        env: {
          PATH: process.env['PATH'],
          SHIFT_FILE: shiftFile,
          SECRET_KEY,
          DATA_DIR: home,
          PORT: new URL(options.url).port,
          BASE_URL: options.baseUrl,
          DATABASE_URL: databaseUrl.href,
          REDIS_URL: options.redis?.url ?? `redis://127.0.0.1:${links.redis.port}`,
          ...options.redis?.env,
          ...options.env,
          SMTP_URL: `smtp://127.0.0.1:${links.smtp.port}`,
          MAIL_FROM: 'OT network <network@example.org>',
          LOG_LEVEL: 'info',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    child = started;
    children.add(started);
    if (started.pid !== undefined) pids.push(started.pid);
    const keep = (piece: Buffer) => (output = (output + piece.toString('utf8')).slice(-20_000));
    started.stdout.on('data', keep);
    started.stderr.on('data', keep);
    exited = new Promise((resolve) => {
      started.once('exit', (code, signal) => {
        children.delete(started);
        // It is not the older version that comes back.
        build = options.program;
        if (child === started) child = undefined;
        resolve(code ?? signal ?? -1);
      });
    });
  }

  return {
    name,
    role,
    links,
    pids,
    url: options.url,
    output: () => output,
    running: () => child !== undefined,
    start,
    signal: (signal) => {
      child?.kill(signal);
      return exited;
    },
    pause: () => void child?.kill('SIGSTOP'),
    unpause: () => void child?.kill('SIGCONT'),
    shiftClock: (milliseconds) => {
      apart = milliseconds;
      shiftTo(shift + advanced + apart);
    },
    advance: (milliseconds) => {
      advanced = milliseconds;
      shiftTo(shift + advanced + apart);
    },
  };
}

async function startRedis(parent: string): Promise<RedisServer> {
  const program = await testRedisProgram();
  const folder = path.join(parent, 'redis');
  const port = await freePort();
  const client = new Redis({
    port,
    host: '127.0.0.1',
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => undefined);
  const pidFile = path.join(parent, 'redis.pid');
  let server: TiedProcess | undefined;

  async function start(keepData: boolean): Promise<void> {
    if (!keepData) rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files = ['--dir', folder, '--pidfile', pidFile, '--appendonly', 'yes', '--save', ''];
    server = startTied([program, '--port', String(port), '--bind', '127.0.0.1', ...files]);
    await until('Redis answers', async () => (await client.ping()) === 'PONG');
  }

  async function kill(): Promise<void> {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    await server?.stop();
  }

  await start(false);
  return {
    port,
    client,
    kill,
    start,
    stop: async () => {
      client.disconnect();
      await server?.stop();
    },
  };
}
