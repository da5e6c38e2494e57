import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { CliHost } from '../cli/host.ts';
import { serveCommand } from '../cli/remote.ts';
import type { Log } from '../kernel/log.ts';
import { socketPath } from '../kernel/socket-path.ts';

/** Where a running server takes commands: a socket that only this account can open. */
export function controlSocket(dataFolder: string): string {
  return socketPath(dataFolder, 'control');
}

/**
 * Lets other processes have commands carried out here. The caller holds the lock of the data folder.
 *
 * @returns ends the service; commands under way lose their connection.
 */
export async function openControl(dataFolder: string, host: CliHost, log: Log): Promise<() => Promise<void>> {
  const file = controlSocket(dataFolder);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    serveCommand(socket, host).catch((error: unknown) => {
      log.warn({ err: error }, 'a command from another process could not be carried out');
      socket.destroy();
    });
  });
  // We hold the lock, so what is there was left by a process that is gone.
  rmSync(file, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(file, resolve);
  });
  chmodSync(file, 0o600);
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of connections) socket.destroy();
    await closed;
  };
}
