import { Agent, request } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { runChaos } from '../chaos/run.ts';
import type { Actor } from '../chaos/stage.ts';
import { until } from '../support/wait.ts';

/** On a machine that has much else to do. */
const PATIENCE = { within: 120_000 };

/** What a second of the pace allows, and what was saved up in the second before it. */
const MOST_A_SECOND = 30;

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

  it('every process is replaced, one after the other: no page is missing, each gets it once, and all keep one pace', async () => {
    let times: number[] = [];
    const standstills = monitorEventLoopDelay({ resolution: 20 });
    standstills.enable();
    const refused: string[] = [];
    let served = 0;
    const report = await runChaos({
      seed: 1,
      seconds: 0,
      workers: 2,
      webs: 2,
      subscribers: 300,
      meetings: 1,
      env: { SMTP_RATE: String(MOST_A_SECOND) },
      openings: [
        {
          kind: 'rolling deploy',
          weight: 1,
          part: () => 'deploy',
          inflict: async ({ actors, mail }) => {
            const webs = actors.filter(({ role }) => role === 'web');
            await until(
              'both serve',
              async () => (await Promise.all(webs.map(serves))).every(Boolean),
              PATIENCE,
            );
            await until('a part has arrived', () => mail.arrivals.length >= 50, PATIENCE);
            const visitor = visit(webs);
            for (const actor of actors) {
              await actor.signal('SIGTERM');
              await until('it is started again', () => actor.running());
              await until(
                'it is at work',
                () => (actor.role === 'web' ? serves(actor) : actor.output().includes('Convenor is ready')),
                PATIENCE,
              );
            }
            ({ served } = await visitor.stop(refused));
            await until('all have arrived', () => mail.arrivals.length >= 300, PATIENCE);
            times = mail.arrivals.map(({ at }) => at).sort((a, b) => a - b);
          },
        },
      ],
    });
    expect(refused).toEqual([]);
    expect(served).toBeGreaterThan(50);
    expect(report.wrong).toEqual([]);
    expect(report).toMatchObject({ deliveries: 300, sent: 300 });
    const busiest = Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
    );
    // What is sent while the mail server of the test stands still arrives at once.
    expect(busiest).toBeLessThanOrEqual((2 + standstills.max / 1e9) * MOST_A_SECOND);
  });
});

async function serves({ url }: Actor): Promise<boolean> {
  const response = await fetch(`${url}/health/live`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200;
}

/**
 * Asks for a page all the time, as a proxy before both processes does: over connections that it keeps, and from the
 * other process where one takes none or ends one that was kept without an answer (RFC 9112, 9.3.1).
 */
function visit(webs: readonly Actor[]): { stop(refused: string[]): Promise<{ served: number }> } {
  const agent = new Agent({ keepAlive: true });
  const bad: string[] = [];
  let served = 0;
  let over = false;
  const ended = (async () => {
    for (let turn = 0; !over; turn++) {
      const order = [webs[turn % webs.length]!, webs[(turn + 1) % webs.length]!];
      let answer = 'nothing';
      for (const { url } of order) {
        answer = await get(`${url}/health/live`, agent).catch(
          (error: NodeJS.ErrnoException) => error.code ?? error.message,
        );
        if (answer !== 'ECONNREFUSED' && answer !== 'ECONNRESET') break;
      }
      if (answer === '200') served += 1;
      else bad.push(answer);
    }
  })();
  return {
    async stop(refused) {
      over = true;
      await ended;
      agent.destroy();
      refused.push(...bad);
      return { served };
    },
  };
}

function get(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)));
    })
      .once('error', reject)
      .end();
  });
}
