import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runningPull } from '../../src/sync/pull-runs.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli({ environment: { MAILERLITE_API_KEY: 'a key' } });
});
beforeEach(() => cli.reset());
afterAll(() => cli[Symbol.asyncDispose]());

describe('sync', () => {
  it('begins one comparison at a time and says how far it is', async () => {
    const begun = await cli.run('sync', 'mailerlite', '--json');
    expect(begun.status).toBe(0);
    expect(begun.json()).toMatchObject({
      begun: true,
      state: 'running',
      trigger: 'demand',
      startedBy: 'cli',
    });
    expect(cli.nudges()).toBe(1);
    expect((await cli.run('sync', 'mailerlite')).stdout).toContain('under way already');
    expect((await cli.run('sync', 'status', '--json')).json()).toMatchObject({
      linked: 0,
      waitingSince: null,
      running: { state: 'running' },
      lastRun: null,
    });
    expect((await cli.run('sync', 'status')).stdout).toMatch(
      /Under way +since Sunday 1 November 2026, 10 am/,
    );
  });

  it('shows what MailerLite has still to be told', async () => {
    await cli.run('subscribers', 'add', 'ann@example.org');
    const { stdout } = await cli.run('sync', 'status');
    expect(stdout).toMatch(/Changes to tell +1, of which 0 opted out\n/);
    expect(stdout).toMatch(/Last comparison +none\n/);
  });

  it('takes it from a person that people were removed in MailerLite on purpose', async () => {
    expect((await cli.run('sync', 'mailerlite', '--removed-there', 'many')).stderr).toContain('whole number');
    expect((await cli.run('sync', 'mailerlite', '--removed-there', '40')).status).toBe(0);
    expect(await runningPull(cli.database.db)).toMatchObject({ missingExpected: 40 });
  });

  it('says that it is off without a key', async () => {
    await using without = await openTestCli();
    const { status, stderr } = await without.run('sync', 'mailerlite', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'wrong_state' } });
  });
});
