import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { projectRoot } from '../src/kernel/paths.ts';
import { freePort } from '../test/support/ports.ts';
import { familyOf, usageOf } from './processes.ts';
import { asMebibytes, median, withSpread, type PartReport } from './report.ts';

const LATER_STARTS = 5;
const REST_MS = 10_000;
const LIMIT_MS = 120_000;

/** How long a start of the embedded mode takes until it is ready to serve, and its memory at rest. */
export async function measureStart(): Promise<PartReport> {
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-bench-start-'));
  try {
    const first = await startOnce(folder, 0);
    const later: number[] = [];
    const bare: number[] = [];
    let memory = { rest: 0, server: 0, peak: 0 };
    for (let round = 0; round < LATER_STARTS; round++) {
      const last = round === LATER_STARTS - 1;
      bare.push(bareStart());
      const started = await startOnce(folder, last ? REST_MS : 0);
      later.push(started.seconds);
      memory = started.memory;
    }
    return {
      title: 'from the command to ready, in the embedded mode',
      about:
        '`npm start` of the built program with its embedded database and private Redis in a folder of its own. Ready: ' +
        '`/health/ready` answers 200. The ratio is to `node -e 0`, just before each. Memory at rest is resident memory ten seconds ' +
        'after that, of all processes together; the peak is the sum of the most that each had until then.',
      columns: ['what', 'value'],
      rows: [
        ['first start, seconds', withSpread([first.seconds], 1)],
        [`later starts, seconds, median of ${LATER_STARTS} (lowest–highest)`, withSpread(later, 1)],
        ['ratio to a start of Node that does nothing', (median(later) / median(bare)).toFixed(0)],
        ['memory at rest', asMebibytes(memory.rest)],
        ['of which the server itself', asMebibytes(memory.server)],
        ['peak memory', asMebibytes(memory.peak)],
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
    const family = familyOf(child.pid!).map(usageOf);
    const memory = {
      rest: family.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
      server: Math.max(0, ...family.map(({ residentBytes }) => residentBytes)),
      peak: family.reduce((sum, { peakBytes }) => sum + peakBytes, 0),
    };
    return { seconds, memory };
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}

function bareStart(): number {
  const began = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return (performance.now() - began) / 1000;
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  } catch {
    return false;
  }
}
