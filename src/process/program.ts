import { askAtTerminal } from '../cli/prompts.ts';
import { runCli } from '../cli/run.ts';
import type { CliIo } from '../cli/host.ts';
import { createHost } from './host.ts';

/** The program: reads `.env` where it is started, runs the command that was typed and ends with its exit status. */
async function main(): Promise<void> {
  try {
    // What is set in the environment wins over the file.
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const interrupted = new AbortController();
  const { stdin, stdout, stderr } = process;
  // A reader who has seen enough (`| head`) is no failure; what is left is not written.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const io: CliIo = {
    stdout,
    stderr,
    cwd: process.cwd(),
    isTTY: stderr.isTTY === true,
    columns: stdout.isTTY ? stdout.columns : undefined,
    colour: stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
    signal: interrupted.signal,
    ...(stdin.isTTY && stderr.isTTY ? { ask: askAtTerminal } : {}),
  };
  const argv = process.argv.slice(2);
  const longRunning = ['serve', 'web', 'worker'].includes(argv[0] ?? '');
  if (!longRunning) process.once('SIGINT', () => interrupted.abort());
  process.exitCode = await runCli(argv, io, createHost(process.env));
}

await main();
