import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../../src/kernel/paths.ts';

export interface Program {
  readonly pid: number;
  /** What it wrote to both of its outputs, in the order in which it came. */
  readonly output: () => string;
  /** What it wrote to standard output alone. */
  readonly stdout: () => string;
  /** Exit status, or the name of the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): void;
}

const running = new Set<ChildProcess>();
// A test that fails must not leave its processes behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

interface ProgramOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
}

/** Runs a TypeScript file of the project in a process of its own. */
export function startScript(file: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const loader = path.join(projectRoot, 'node_modules/tsx/dist/loader.mjs');
  return startNode(['--import', loader, path.join(projectRoot, file), ...args], options);
}

/** Runs the program itself, as it was built for this run of the tests. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  return startNode([path.join(projectRoot, 'dist', 'main.js'), ...args], options);
}

function startNode(args: readonly string[], options: ProgramOptions): Program {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd ?? projectRoot,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  let stdout = '';
  const keep = (text: string) => (output += text);
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stdout.on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', keep);
  const exited = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    // All that was written has been read by then.
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal ?? -1);
    });
  });
  return {
    pid: child.pid ?? -1,
    output: () => output,
    stdout: () => stdout,
    exited,
    kill: (signal) => void child.kill(signal),
  };
}
