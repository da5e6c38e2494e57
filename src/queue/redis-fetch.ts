import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../kernel/log.ts';

const run = promisify(execFile);

/** The lists of packages and the packages themselves come over the network. */
const LIMIT_MS = 300_000;

/**
 * Gets a Redis server: on Debian and its relatives the packages are downloaded and unpacked into `bin`, which needs
 * no root and changes nothing else; on macOS Homebrew installs it.
 *
 * @throws Error that says what failed.
 */
export async function fetchRedis(bin: string, log: Log): Promise<void> {
  if (process.platform === 'darwin') {
    await run('brew', ['install', 'redis'], { timeout: LIMIT_MS });
    return;
  }
  if (!(await works('apt-get', ['--version'])) || !(await works('dpkg', ['--version']))) {
    throw new Error('there is no apt-get to get it with');
  }
  await fetchDebianRedis(bin, log);
}

async function fetchDebianRedis(bin: string, log: Log): Promise<void> {
  mkdirSync(bin, { recursive: true });
  const work = mkdtempSync(path.join(bin, '.fetch-'));
  try {
    const apt = await packageLists(work, log);
    const tree = path.join(work, 'redis');
    const fetched = new Set<string>();
    await unpack(apt, ['redis-server', 'redis-tools'], work, tree, fetched);
    // Libraries that the machine lacks come from the packages that these packages depend on.
    let layer = [...fetched];
    for (let depth = 0; depth < 4 && (await missingLibraries(tree)); depth++) {
      layer = (await dependencies(apt, layer)).filter((name) => !fetched.has(name));
      await unpack(apt, layer, work, tree, fetched);
    }
    if (await missingLibraries(tree)) throw new Error('the packages of Redis lack a library');
    install(tree, bin);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * The options under which apt knows its packages. A machine without package lists (a container image) gets them in
 * a folder of ours, where they may be written without root.
 */
async function packageLists(work: string, log: Log): Promise<string[]> {
  const system = '/var/lib/apt/lists';
  if (existsSync(system) && readdirSync(system).some((file) => file.includes('Packages'))) {
    if (await works('apt-get', ['download', '--print-uris', 'redis-server'])) return [];
  }
  log.info('reading the package lists of this system');
  const lists = path.join(work, 'lists');
  const cache = path.join(work, 'cache');
  for (const folder of [lists, cache]) mkdirSync(path.join(folder, 'partial'), { recursive: true });
  const apt = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`, '-o', 'APT::Sandbox::User='];
  try {
    await run('apt-get', [...apt, 'update'], { timeout: LIMIT_MS });
  } catch (error) {
    // A source that is not ours to mend may fail while Debian's own was read.
    if (!(await works('apt-get', [...apt, 'download', '--print-uris', 'redis-server']))) throw error;
  }
  return apt;
}

async function unpack(
  apt: readonly string[],
  names: readonly string[],
  work: string,
  tree: string,
  fetched: Set<string>,
): Promise<void> {
  const folder = mkdtempSync(path.join(work, 'packages-'));
  await run('apt-get', [...apt, 'download', ...names], { cwd: folder, timeout: LIMIT_MS });
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', path.join(folder, file), tree]);
  }
  for (const name of names) fetched.add(name);
}

/** The library packages, other than the C library itself, that the given packages depend on. */
async function dependencies(apt: readonly string[], names: readonly string[]): Promise<string[]> {
  const { stdout } = await run('apt-cache', [
    ...apt,
    'depends',
    '--no-recommends',
    '--no-suggests',
    ...names,
  ]);
  const found = [...stdout.matchAll(/^ {2}Depends: (lib[\w.+-]+)$/gm)].map((match) => match[1] ?? '');
  return [...new Set(found)].filter((name) => name !== '' && name !== 'libc6');
}

async function missingLibraries(tree: string): Promise<boolean> {
  const { stdout } = await run('ldd', [path.join(tree, 'usr/bin/redis-server')], {
    env: { ...process.env, LD_LIBRARY_PATH: libraryFolders(tree).join(':') },
  });
  return stdout.includes('not found');
}

/** `usr/lib/<machine>` and its like, below `tree`. */
function libraryFolders(tree: string): string[] {
  return ['usr/lib', 'lib'].flatMap((base) => {
    const folder = path.join(tree, base);
    if (!existsSync(folder)) return [];
    const machines = readdirSync(folder, { withFileTypes: true }).filter((entry) =>
      entry.name.includes('-linux-gnu'),
    );
    return machines.map((entry) => path.join(folder, entry.name));
  });
}

/** Puts the unpacked tree beside a small program that starts the server with the tree's own libraries. */
function install(tree: string, bin: string): void {
  const target = path.join(bin, 'redis');
  const folders = libraryFolders(tree).map((folder) => `$here/redis/${path.relative(tree, folder)}`);
  // A whole tree that is there already came from another process, or from a start that was broken off just here.
  if (!existsSync(target)) renameSync(tree, target);
  const program = path.join(bin, 'redis-server');
  const draft = `${program}.${process.pid}`;
  writeFileSync(
    draft,
    [
      '#!/bin/sh',
      '# Starts the private Redis with the libraries that came with it.',
      'here=$(dirname "$0")',
      `LD_LIBRARY_PATH="${folders.join(':')}" exec "$here/redis/usr/bin/redis-server" "$@"`,
      '',
    ].join('\n'),
  );
  chmodSync(draft, 0o755);
  renameSync(draft, program);
}

async function works(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(program, [...args], { timeout: 60_000 });
    return true;
  } catch {
    return false;
  }
}
