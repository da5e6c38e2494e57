import { sql } from 'drizzle-orm';
import { openDatabase, rows } from '../src/db/open.ts';
import { unsubscribe } from '../src/subscribers/opt-out.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { createWorld, pull, settle, type World } from '../test/sync/world.ts';
import { usageOf } from './processes.ts';
import { asMebibytes, median, say, withSpread, type PartReport } from './report.ts';

const SIZES = [10_000, 100_000];
const ROUNDS = 3;
/** One in so many people leaves by our link. */
const LEAVERS = 100;

/**
 * Keeping both lists in step with a MailerLite account, played by the fake of the test suite: `sync [sizes]`. The first size
 * is done in several rounds, larger ones once.
 */
export async function measureSync(args: readonly string[]): Promise<PartReport> {
  const [smallest = 10_000, ...larger] = args[0]?.split(',').map(Number) ?? SIZES;
  const small: Measured[][] = [];
  for (let round = 0; round < ROUNDS; round++) small.push(await measureSize(smallest));
  const each = STEPS.map((_, step) => median(small.map((steps) => steps[step]!.cpuSeconds)) / smallest);
  const lines = linesOf(smallest, small, each);
  for (const size of larger) lines.push(...linesOf(size, [await measureSize(size)], each));
  return {
    title: 'in step with an account at MailerLite',
    about:
      'Against the fake MailerLite of the test suite, which counts requests as MailerLite does: 120 a minute for everything, ' +
      'of which 20 are kept for opt-outs. Minutes are those of a clock that only this budget moves: how long it takes in an ' +
      'account of that size. Processor time and memory are of one process that holds the fake account as well; ' +
      `the memory is what is added to it at most. Of ${smallest.toLocaleString('en-GB')} people ${ROUNDS} rounds, median (lowest–highest); ` +
      'the ratio is of the processor time for each person.',
    columns: [
      'people',
      'step',
      'requests',
      'minutes by the budget',
      'CPU seconds',
      'cost to the smallest',
      'memory added',
    ],
    rows: lines,
  };
}

const STEPS: readonly (readonly [name: string, act: (world: World) => Promise<void>])[] = [
  ['first comparison, everybody is taken over', (world) => pull(world)],
  ['nightly comparison, nothing has changed', (world) => pull(world)],
  [`1 in ${LEAVERS} leaves here, MailerLite is told`, (world) => leave(world)],
];

interface Measured {
  readonly requests: number;
  readonly minutes: number;
  readonly cpuSeconds: number;
  readonly addedBytes: number;
}

/** A line of the table for each step. */
function linesOf(size: number, rounds: readonly Measured[][], each: readonly number[]): string[][] {
  return STEPS.map(([name], step) => {
    const found = rounds.map((steps) => steps[step]!);
    const cpuSeconds = found.map((one) => one.cpuSeconds);
    return [
      size.toLocaleString('en-GB'),
      name,
      withSpread(found.map(({ requests }) => requests)),
      withSpread(
        found.map(({ minutes }) => minutes),
        1,
      ),
      withSpread(cpuSeconds, 1),
      (median(cpuSeconds) / size / each[step]!).toFixed(2),
      asMebibytes(Math.max(...found.map(({ addedBytes }) => addedBytes))),
    ];
  });
}

async function measureSize(size: number): Promise<Measured[]> {
  const postgres = await startPostgres();
  const database = await openDatabase({ url: postgres.url });
  const world = await createWorld(database);
  try {
    world.fake.createSubscribers({ count: size, groups: [world.groups.meetings] });
    const measured: Measured[] = [];
    for (const [name, act] of STEPS) {
      say(`${size} people: ${name} …`);
      measured.push(await measureStep(world, act));
    }
    const [here] = await rows<{ n: number }>(database.db, sql`select count(*)::int as n from subscribers`);
    if (here?.n !== size) throw new Error(`${here?.n} of ${size} people were taken over.`);
    return measured;
  } finally {
    await world.close();
    await database.close();
    await postgres.stop();
  }
}

async function measureStep(world: World, act: (world: World) => Promise<void>): Promise<Measured> {
  const { fake, clock } = world;
  const before = { requests: fake.requests().length, at: clock.now(), ...usageOf(process.pid) };
  await act(world);
  const after = { requests: fake.requests().length, at: clock.now(), ...usageOf(process.pid) };
  return {
    requests: after.requests - before.requests,
    minutes: before.at.until(after.at).total('minutes'),
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    addedBytes: Math.max(0, after.peakBytes - before.residentBytes),
  };
}

async function leave(world: World): Promise<void> {
  const leavers = await rows<{ id: string }>(
    world.db,
    sql`select id from (select id, row_number() over (order by id) as n from subscribers) s where n % ${LEAVERS}::int = 0`,
  );
  for (const { id } of leavers) {
    await unsubscribe(world.db, { subscriberId: id, topic: 'all', source: 'one_click' }, world);
  }
  await settle(world);
}
