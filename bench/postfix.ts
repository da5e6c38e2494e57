import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { projectRoot } from '../src/kernel/paths.ts';
import { freePort } from '../test/support/ports.ts';
import { startTied } from '../test/support/tied-process.ts';

const FOLDER = path.join(projectRoot, 'node_modules', '.cache', 'convenor', 'postfix');

const SESSIONS = 10;

/** Postfix's test programs, unpacked from Debian's package beside the npm packages; nothing is installed or started. */
function postfixTree(): string {
  const tree = path.join(FOLDER, 'tree');
  if (existsSync(tree)) return tree;
  mkdirSync(FOLDER, { recursive: true });
  const work = mkdtempSync(path.join(FOLDER, 'fetch-'));
  try {
    execFileSync('apt-get', ['download', 'postfix'], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get gave no package of postfix.');
    execFileSync('dpkg', ['-x', path.join(work, archive), path.join(work, 'tree')]);
    renameSync(path.join(work, 'tree'), tree);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return tree;
}

function program(name: 'smtp-sink' | 'smtp-source'): { file: string; env: NodeJS.ProcessEnv } {
  const tree = postfixTree();
  return {
    file: path.join(tree, 'usr/sbin', name),
    env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: path.join(tree, 'usr/lib/postfix') },
  };
}

/** A mail server that takes everything and keeps nothing. */
export async function startSink(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort();
  const { file, env } = program('smtp-sink');
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const sink = startTied([file, ...user, `127.0.0.1:${port}`, '256'], { env, signal: 'TERM' });
  await pause(300);
  return { port, stop: () => sink.stop() };
}

/** Messages a second that the reference hands to the sink: one fixed message of so many bytes, over connections that are kept. */
export function referenceRate(port: number, messages: number, bytes: number): number {
  const { file, env } = program('smtp-source');
  const began = performance.now();
  execFileSync(
    file,
    `-d -s ${SESSIONS} -m ${messages} -l ${bytes} -f network@example.org -t person@example.org 127.0.0.1:${port}`.split(
      ' ',
    ),
    { env },
  );
  return (messages / (performance.now() - began)) * 1000;
}
