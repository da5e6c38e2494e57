import { sql } from 'drizzle-orm';
import { openDatabase, rows } from '../src/db/open.ts';
import { unsubscribe } from '../src/subscribers/opt-out.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { createWorld, pull, settle, type World } from '../test/sync/world.ts';
import { usageOf } from './processes.ts';
import { asMebibytes, say, type PartReport } from './report.ts';

const SIZES = [10_000, 100_000];
/** One in so many people leaves by our link. */
const LEAVERS = 100;

/** Keeping both lists in step with a MailerLite account, played by the fake of the test suite: `sync [sizes]`. */
export async function measureSync(args: readonly string[]): Promise<PartReport> {
  const sizes = args[0]?.split(',').map(Number) ?? SIZES;
  const lines: string[][] = [];
  for (const size of sizes) lines.push(...(await measureSize(size)));
  return {
    title: 'in step with an account at MailerLite',
    about:
      'Against the fake MailerLite of the test suite, which counts requests as MailerLite does: 120 a minute for everything, ' +
      'of which 20 are kept for opt-outs. Minutes are those of a clock that only this budget moves: how long it takes in an ' +
      'account of that size. Processor time and memory are of one process that holds the fake account as well; ' +
      'the memory is what is added to it.',
    columns: ['people', 'step', 'requests', 'minutes by the budget', 'CPU seconds', 'memory added'],
    rows: lines,
  };
}

async function measureSize(size: number): Promise<string[][]> {
  const postgres = await startPostgres();
  const database = await openDatabase({ url: postgres.url });
  const world = await createWorld(database);
  try {
    world.fake.createSubscribers({ count: size, groups: [world.groups.meetings] });
    const steps: [string, () => Promise<void>][] = [
      ['first comparison, everybody is taken over', () => pull(world)],
      ['nightly comparison, nothing has changed', () => pull(world)],
      [`1 in ${LEAVERS} leaves here, MailerLite is told`, () => leave(world)],
    ];
    const lines: string[][] = [];
    for (const [name, step] of steps) {
      say(`${size} people: ${name} …`);
      lines.push([size.toLocaleString('en-GB'), name, ...(await measureStep(world, step))]);
    }
    const [here] = await rows<{ n: number }>(database.db, sql`select count(*)::int as n from subscribers`);
    if (here?.n !== size) throw new Error(`${here?.n} of ${size} people were taken over.`);
    return lines;
  } finally {
    await world.close();
    await database.close();
    await postgres.stop();
  }
}

async function measureStep({ fake, clock }: World, step: () => Promise<void>): Promise<string[]> {
  const before = { requests: fake.requests().length, at: clock.now(), ...usageOf(process.pid) };
  await step();
  const after = { requests: fake.requests().length, at: clock.now(), ...usageOf(process.pid) };
  return [
    (after.requests - before.requests).toLocaleString('en-GB'),
    before.at.until(after.at).total('minutes').toFixed(1),
    (after.cpuSeconds - before.cpuSeconds).toFixed(1),
    asMebibytes(Math.max(0, after.peakBytes - before.residentBytes)),
  ];
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
