/**
 * Loaded before the program (`node --import`): moves its wall clock by the milliseconds that stand in the file
 * SHIFT_FILE, which may change at any moment. Timers go on as they are. The program ends when whoever started it is gone.
 */
import { readFileSync } from 'node:fs';

const file = process.env.SHIFT_FILE ?? '';
const realNow = Date.now.bind(Date);
const parent = process.ppid;
let shift = 0;

function read() {
  const value = Number(readFileSync(file, 'utf8'));
  if (Number.isFinite(value)) shift = value;
}

read();
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  try {
    read();
  } catch {
    // It is being written at this moment.
  }
}, 100).unref();

const now = () => realNow() + shift;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
