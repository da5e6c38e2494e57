import { sql } from 'drizzle-orm';
import { asMebibytes, median, withSpread, type PartReport } from './report.ts';
import { planRun, startWorld } from './world.ts';
import { usageOf } from './processes.ts';

const SIZES = [10_000, 100_000, 1_000_000];
const ROUNDS = 3;

/** Freezing an announcement and writing a delivery for every recipient: `plan [sizes]`, such as 10000,100000. */
export async function measurePlan(args: readonly string[]): Promise<PartReport> {
  const sizes = args[0]?.split(',').map(Number) ?? SIZES;
  const lines: string[][] = [];
  let smallest: number | undefined;
  for (const size of sizes) {
    const world = await startWorld(size);
    try {
      const seconds: number[] = [];
      for (let round = 0; round < (size > 500_000 ? 1 : ROUNDS); round++) {
        await world.db.execute(sql`truncate deliveries`);
        await world.db.execute(sql`delete from announcements`);
        const run = await planRun(world.db);
        if (run.audience !== size) throw new Error(`${run.audience} of ${size} people were planned for.`);
        seconds.push(run.seconds);
      }
      const each = (median(seconds) / size) * 1e6;
      smallest ??= each;
      lines.push([
        size.toLocaleString('en-GB'),
        withSpread(seconds, 2),
        each.toFixed(1),
        (each / smallest).toFixed(2),
        asMebibytes(usageOf(process.pid).peakBytes),
      ]);
    } finally {
      await world.close();
    }
  }
  return {
    title: 'from an approved announcement to one row per recipient',
    about:
      `Freezing in one statement on Postgres (fsync off); median of ${ROUNDS} rounds (lowest–highest), of the ` +
      'largest size one round. Peak memory is that of the measuring process, which plans as a worker does.',
    columns: ['recipients', 'seconds', 'µs/recipient', 'cost to the smallest', 'peak memory'],
    rows: lines,
  };
}
