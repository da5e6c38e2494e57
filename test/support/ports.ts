import { createServer } from 'node:net';

/** Below what Linux gives to outgoing connections, which could otherwise take a port before its server does. */
const FIRST = 12_000;
const COUNT = 20_000;
/** Processes that run at the same time begin far from each other: a golden section apart, whatever their ids. */
let next = (process.pid * 12_361) % COUNT;

/** A TCP port of the loopback address that nobody listens on, another one each time. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await isFree(port)) return port;
  }
  throw new Error('Every port is taken.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
