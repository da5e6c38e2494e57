import { freePort } from './ports.ts';
import { startProgram, type Program } from './program.ts';
import { testRedisProgram } from './redis.ts';
import { until } from './wait.ts';

export interface Convenor extends Program {
  readonly url: string;
  /** Waits until the server says that it is ready. */
  ready(): Promise<void>;
}

/** Runs the whole program in a process of its own, on a data folder of the test's and a port that is free. */
export async function startConvenor(options: {
  dataFolder: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
}): Promise<Convenor> {
  const port = options.env?.['PORT'] ?? String(await freePort());
  const program = startProgram(options.args ?? ['serve'], {
    cwd: options.dataFolder,
    env: {
      DATA_DIR: options.dataFolder,
      PORT: port,
      REDIS_SERVER_BIN: await testRedisProgram(),
      ...options.env,
    },
  });
  let ended = false;
  void program.exited.then(() => (ended = true));
  return {
    ...program,
    url: `http://127.0.0.1:${port}`,
    ready: async () => {
      await until(
        'the server is ready',
        () => {
          if (ended) throw new Error(`It ended: ${program.output()}`);
          return program.output().includes('Convenor is ready');
        },
        { within: 120_000 },
      );
    },
  };
}

/** Runs one command of the command line and gives what it wrote. */
export async function runConvenor(
  dataFolder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ status: number | NodeJS.Signals; output: string; stdout: string }> {
  const program = startProgram(args, {
    cwd: dataFolder,
    env: { DATA_DIR: dataFolder, ...env },
  });
  const status = await program.exited;
  return { status, output: program.output(), stdout: program.stdout() };
}
