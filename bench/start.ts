import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { projectRoot } from '../src/kernel/paths.ts';
import { freePort } from '../test/support/ports.ts';
import { familyOf, usageOf } from './processes.ts';
import { asMebibytes, withSpread, type PartReport } from './report.ts';

const LATER_STARTS = 5;
const REST_MS = 10_000;
const LIMIT_MS = 120_000;

/** How long a start of the embedded mode takes until it is ready to serve, and its memory at rest. */
export async function measureStart(): Promise<PartReport> {
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-bench-start-'));
  try {
    const first = await startOnce(folder, 0);
    const later: number[] = [];
    let rest = { total: 0, node: 0 };
    for (let round = 0; round < LATER_STARTS; round++) {
      const last = round === LATER_STARTS - 1;
      const { seconds, memory } = await startOnce(folder, last ? REST_MS : 0);
      later.push(seconds);
      rest = memory;
    }
    return {
      title: 'from the command to ready, in the embedded mode',
      about:
        '`npm start` of the built program with its embedded database and private Redis in a folder of its own. Ready: ' +
        '`/health/ready` answers 200. Memory is resident memory ten seconds after that.',
      columns: ['what', 'value'],
      rows: [
        ['first start, seconds', withSpread([first.seconds], 1)],
        [`later starts, seconds, median of ${LATER_STARTS} (lowest–highest)`, withSpread(later, 1)],
        ['memory at rest, all processes', asMebibytes(rest.total)],
        ['of which the server itself', asMebibytes(rest.node)],
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startOnce(folder: string, restMs: number) {
  const port = await freePort();
  const began = performance.now();
  const child = spawn('npm', ['start', '--silent'], {
    cwd: projectRoot,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATA_DIR: folder,
      PORT: String(port),
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error('The server ended before it was ready.');
      if (performance.now() - began > LIMIT_MS) throw new Error('The server was not ready in two minutes.');
      await pause(10);
    }
    const seconds = (performance.now() - began) / 1000;
    await pause(restMs);
    const family = familyOf(child.pid!).map((pid) => usageOf(pid).residentBytes);
    const memory = { total: family.reduce((sum, bytes) => sum + bytes, 0), node: Math.max(0, ...family) };
    return { seconds, memory };
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  } catch {
    return false;
  }
}
