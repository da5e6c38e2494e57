import { expect, it } from 'vitest';
import { runChaos, SHORT } from './run.ts';
import { tableOf } from './table.ts';

const SEED = Number(process.env['CHAOS_SEED'] ?? 20_270_327);

it('doubles nothing and loses nothing while everything breaks', async () => {
  process.stdout.write(`chaos with seed ${SEED} (CHAOS_SEED=${SEED} repeats it)\n`);
  const report = await runChaos({ ...SHORT, seed: SEED });
  process.stdout.write(`${tableOf(report)}\n`);
  expect(report.wrong).toEqual([]);
  expect(Object.keys(report.faults).length).toBeGreaterThan(10);
  expect(report.deliveries).toBeGreaterThanOrEqual(700);
  for (const state of ['sent', 'excluded', 'failed', 'unknown', 'cancelled'] as const)
    expect(report[state], state).toBeGreaterThan(0);
  for (const [event, times] of Object.entries(report.life)) expect(times, event).toBeGreaterThan(0);
});
