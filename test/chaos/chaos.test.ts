import { expect, it } from 'vitest';
import { FAULTS } from './faults.ts';
import { runChaos } from './run.ts';
import { tableOf } from './table.ts';

const SEED = Number(process.env['CHAOS_SEED'] ?? 20_270_327);

it('doubles nothing and loses nothing while everything breaks', async () => {
  process.stdout.write(`chaos with seed ${SEED} (CHAOS_SEED=${SEED} repeats it)\n`);
  const report = await runChaos({
    seed: SEED,
    seconds: 15,
    workers: 2,
    subscribers: 150,
    meetings: 3,
    life: true,
    faults: FAULTS.filter(({ long }) => !long),
    streams: 3,
    settleSeconds: 100,
  });
  process.stdout.write(`${tableOf(report)}\n`);
  expect(report.wrong).toEqual([]);
  expect(report.faults.length).toBeGreaterThan(10);
  expect(report.deliveries).toBeGreaterThanOrEqual(450);
});
