import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { projectRoot } from '../src/kernel/paths.ts';
import { usageOf, type Usage } from './processes.ts';

/** Worker processes of the built program. */
export interface BenchWorkers {
  usage(): Usage[];
  stop(): Promise<void>;
}

/** Those of `npm run convenor`. */
const NODE_FLAGS = [
  '--v8-pool-size=1',
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--heap-growing-percent=60',
];

/** Starts so many `convenor worker` with their data in `folder`, and waits until each is ready. */
export async function startWorkers(
  count: number,
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<BenchWorkers> {
  const children: ChildProcess[] = [];
  for (let number = 0; number < count; number++) {
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, path.join(projectRoot, 'scripts/convenor.mjs'), 'worker'],
      {
        cwd: projectRoot,
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          DATA_DIR: folder,
          MAIL_FROM: 'Bench <network@example.org>',
          BASE_URL: 'https://network.example.org',
          SECRET_KEY: 'the key of a bench, which nothing depends on',
          LOG_LEVEL: 'info',
          ...environment,
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    children.push(child);
    await ready(child);
  }
  return {
    usage: () => children.map((child) => usageOf(child.pid!)),
    stop: async () => {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null) return;
          child.kill('SIGTERM');
          await once(child, 'exit');
        }),
      );
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      if (log.length > 100_000) return;
      log += chunk.toString('utf8');
      if (log.includes('Convenor is ready')) resolve();
    });
    child.once('exit', () => reject(new Error(`A worker ended at its start:\n${log}`)));
  });
}
