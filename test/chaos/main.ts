/**
 * `npm run chaos -- --minutes 10 --seed 1`: runs the program under fire and prints what was injected and what was lost
 * or doubled. `--kill-each-second` kills one worker every second and does nothing else.
 */
import 'temporal-polyfill/global';
import { parseArgs } from 'node:util';
import { KILL_WORKER } from './faults.ts';
import { runChaos } from './run.ts';
import { tableOf } from './table.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    workers: { type: 'string', default: '3' },
    subscribers: { type: 'string', default: '1000' },
    meetings: { type: 'string', default: '4' },
    streams: { type: 'string', default: '2' },
    older: { type: 'string' },
    'kill-each-second': { type: 'boolean', default: false },
  },
});
const say = (line: string) => void process.stderr.write(`${line}\n`);
const number = (name: 'minutes' | 'seed' | 'workers' | 'subscribers' | 'meetings' | 'streams'): number => {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) {
    say(`--${name} takes a number (example: --${name} 5).`);
    process.exit(2);
  }
  return value;
};
const seed = number('seed');
say(`seed ${seed}`);
const report = await runChaos({
  seed,
  seconds: number('minutes') * 60,
  workers: number('workers'),
  subscribers: number('subscribers'),
  meetings: number('meetings'),
  settleSeconds: 600,
  say,
  ...(values.older === undefined ? {} : { older: values.older }),
  ...(values['kill-each-second']
    ? { faults: [KILL_WORKER], streams: 1, rest: 1_000, life: false }
    : { life: true, streams: number('streams') }),
});
process.stdout.write(`\nSeed ${seed}\n\n${tableOf(report)}\n`);
for (const line of report.wrong.slice(0, 50)) say(line);
process.exit(report.wrong.length === 0 ? 0 : 1);
