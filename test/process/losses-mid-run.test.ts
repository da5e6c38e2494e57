import { describe, expect, it } from 'vitest';
import { runChaos } from '../chaos/run.ts';
import { until } from '../support/wait.ts';

/** On a machine that has much else to do. */
const PATIENCE = { within: 120_000 };

describe('in the middle of a reminder', { timeout: 300_000 }, () => {
  it('to exactly 1,000 people Postgres crashes and comes back: each gets it once', async () => {
    const report = await runChaos({
      seed: 1,
      seconds: 0,
      workers: 2,
      subscribers: 1_000,
      meetings: 1,
      answerMs: [10, 30],
      openings: [
        {
          kind: 'Postgres: crashed and restarted',
          weight: 1,
          part: () => 'postgres',
          inflict: async ({ mail, postgres }) => {
            await until('a part has arrived', () => mail.arrivals.length >= 400, PATIENCE);
            await postgres.crash();
            await postgres.start();
          },
        },
      ],
    });
    expect(report.wrong).toEqual([]);
    expect(report).toMatchObject({ deliveries: 1_000, sent: 1_000, unknown: 0, lost: 0, doubled: 0 });
  });
});
