import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell that ends its child when its own standard input closes. The input is a pipe from us, so the child goes
 * even when the test process is killed.
 */
const tied = (signal: string) =>
  `"$@" <&- & child=$!; read -r _; kill -${signal} "$child" 2>/dev/null; wait "$child"`;

export interface TiedProcess {
  /** What the child wrote so far, for the message of a failed start. */
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  /** Sends the signal to the child and waits until it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a server of the test suite that cannot outlive it.
 *
 * @param options.signal ends it; SIGINT. A shell's child ignores that unless it asks for it.
 */
export function startTied(
  command: readonly string[],
  {
    signal = 'INT',
    ...options
  }: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number; gid?: number; signal?: 'INT' | 'TERM' } = {},
): TiedProcess {
  const shell: ChildProcess = spawn('/bin/sh', ['-c', tied(signal), 'sh', ...command], {
    ...options,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-20_000);
  };
  shell.stdout?.on('data', keep);
  shell.stderr?.on('data', keep);
  const exited = new Promise<number | null>((resolve, reject) => {
    shell.once('error', reject);
    shell.once('exit', resolve);
  });
  return {
    output: () => output,
    exited,
    stop: async () => {
      shell.stdin?.end();
      await exited;
    },
  };
}
