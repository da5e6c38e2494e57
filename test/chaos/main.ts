/**
 * `npm run chaos -- --minutes 10 --seed 1`: runs the program under fire and prints what was injected and what was lost
 * or doubled. The other ways to run it are described in `docs/chaos.md`.
 */
import 'temporal-polyfill/global';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { table } from '../../bench/report.ts';
import { BREAKAGES, breakBuild } from './breakages.ts';
import { FAULTS, KILL_WORKER, OPENINGS } from './faults.ts';
import { measureRecovery } from './recovery.ts';
import { runChaos, SHORT, sumOf, type Report, type RunOptions } from './run.ts';
import { record, tableOf } from './table.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    workers: { type: 'string', default: '3' },
    subscribers: { type: 'string', default: '1000' },
    meetings: { type: 'string', default: '4' },
    streams: { type: 'string', default: '2' },
    rest: { type: 'string', default: '400' },
    runs: { type: 'string', default: '1' },
    'answer-ms': { type: 'string', default: '0' },
    faults: { type: 'string' },
    deliveries: { type: 'string' },
    older: { type: 'string' },
    'kill-each-second': { type: 'boolean', default: false },
    pipelining: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
    recovery: { type: 'boolean', default: false },
    record: { type: 'string' },
    tally: { type: 'string' },
  },
});
/** Runs that may pass before the model objects to something broken. */
const ATTEMPTS = 3;

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** The option as a number, or undefined when it is not given. */
function number(name: keyof typeof values): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  say(`--${name} takes a number (example: --${name} 5).`);
  process.exit(2);
}

// By leaving in this way everything that was started ends too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const seed = number('seed')!;
say(`seed ${seed}`);
const { result, good } = await (values.prove ? prove() : values.recovery ? recovery() : underFire());
process.stdout.write(`\n${result}\n`);
keep(result);
process.exit(good ? 0 : 1);

/** Puts a result into the documents where that was asked for. */
function keep(text: string): void {
  if (values.record === undefined) return;
  const args = process.argv.slice(2);
  const at = args.indexOf('--record');
  record(values.record, args.toSpliced(at, 2), text);
}

interface Outcome {
  readonly result: string;
  readonly good: boolean;
}

async function underFire(): Promise<Outcome> {
  const answer = number('answer-ms')!;
  const faults = number('faults');
  const deliveries = number('deliveries');
  const manner: Partial<RunOptions> = values['kill-each-second']
    ? { faults: [KILL_WORKER], streams: 1, every: 1_000, life: false }
    : { life: true, openings: OPENINGS, streams: number('streams')!, rest: number('rest')! };
  const tally = readTally();
  let sum = tally?.sum;
  const seeds = tally?.seeds ?? [];
  for (let run = 0; run < number('runs')!; run++) {
    seeds.push(seed + run);
    const report = await runChaos({
      seed: seed + run,
      seconds: number('minutes')! * 60,
      workers: number('workers')!,
      subscribers: number('subscribers')!,
      meetings: number('meetings')!,
      answerMs: [answer / 2, (answer * 3) / 2],
      ...(faults === undefined && deliveries === undefined
        ? {}
        : { enough: { faults: faults ?? 0, deliveries: deliveries ?? 0 } }),
      settleSeconds: 600,
      say,
      older: values.older,
      env: values.pipelining ? { SMTP_PIPELINING: 'yes' } : {},
      ...manner,
    });
    for (const line of report.wrong.slice(0, 50)) say(line);
    sum = sum === undefined ? report : sumOf(sum, report);
    say(tableOf(sum));
    // What has been done is kept, also when a later run is interrupted.
    if (values.tally !== undefined) writeFileSync(values.tally, JSON.stringify({ seeds, sum }));
    keep(resultOf(seeds, sum));
  }
  return { result: resultOf(seeds, sum!), good: sum!.wrong.length === 0 };
}

/** The sum of earlier runs that this one is added to. */
function readTally(): { seeds: number[]; sum: Report } | undefined {
  if (values.tally === undefined || !existsSync(values.tally)) return undefined;
  return JSON.parse(readFileSync(values.tally, 'utf8')) as { seeds: number[]; sum: Report };
}

function resultOf(seeds: readonly number[], report: Report): string {
  const which =
    seeds.length === 1 ? `Seed ${seeds[0]}` : `Seeds ${seeds[0]} to ${seeds.at(-1)}, one run each`;
  return `${which}.\n\n${tableOf(report)}`;
}

/** Breaks one promise after the other, and asks whether the model objects. */
async function prove(): Promise<Outcome> {
  const rows: string[][] = [];
  let good = true;
  for (const breakage of BREAKAGES) {
    const build = breakBuild(breakage);
    const kinds = breakage.faults;
    const faults = kinds && FAULTS.filter(({ kind }) => kinds.includes(kind));
    let objections: string[] = [];
    let attempts = 0;
    try {
      // What is broken shows only when something happens to it.
      for (; attempts < ATTEMPTS && objections.length === 0; attempts++) {
        const { wrong } = await runChaos({
          ...SHORT,
          seed: seed + attempts,
          program: build.program,
          settleSeconds: 60,
          ...(faults && { faults }),
        });
        objections = wrong.filter((line) => breakage.objection.test(line));
        say(`${breakage.name}: ${objections.length} objections of ${wrong.length}; ${wrong[0] ?? ''}`);
      }
    } finally {
      build.remove();
    }
    good &&= objections.length > 0;
    const said = objections[0]?.replace(/:.*$|^\S+@\S+ /g, '') ?? '**nothing of it**';
    rows.push([breakage.name, said, String(objections.length), String(attempts)]);
  }
  return {
    result: `Seed ${seed}.\n\n${table({ columns: ['broken', 'the model says', 'times', 'runs'], rows })}`,
    good,
  };
}

async function recovery(): Promise<Outcome> {
  const { rows, good } = await measureRecovery(seed, say);
  return { result: table({ columns: ['what', 'limit', 'seconds'], rows }), good };
}
