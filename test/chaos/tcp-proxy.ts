import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A link between two parts, which a test can cut, hold up and slow down. */
export interface Link {
  readonly port: number;
  /** Ends every connection with a reset and takes no new one, until `mend`. */
  cut(): void;
  /** Lets nothing through and ends nothing: what a lost route looks like. */
  freeze(): void;
  /** Delays every piece by so many milliseconds. */
  slow(delay: number): void;
  mend(): void;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback address and passes everything on to `target`. */
export async function openLink(target: number): Promise<Link> {
  let state: 'open' | 'cut' | 'frozen' = 'open';
  let delay = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (state === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    join(near, far);
    join(far, near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      if (state === 'frozen') socket.pause();
    }
  });

  function join(from: Socket, to: Socket): void {
    from.on('data', (piece) => {
      if (delay === 0) {
        if (!to.write(piece)) from.pause();
        return;
      }
      setTimeout(() => to.write(piece), delay);
    });
    to.on('drain', () => {
      if (state !== 'frozen') from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut';
      for (const socket of sockets) socket.resetAndDestroy();
    },
    freeze() {
      state = 'frozen';
      for (const socket of sockets) socket.pause();
    },
    slow(milliseconds) {
      delay = milliseconds;
    },
    mend() {
      state = 'open';
      delay = 0;
      for (const socket of sockets) socket.resume();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
