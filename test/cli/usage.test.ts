import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestCli, type TestCli } from './harness.ts';

describe('usage', () => {
  let cli: TestCli;
  beforeAll(async () => {
    cli = await openTestCli();
  });
  afterAll(() => cli[Symbol.asyncDispose]());

  it.each([
    [['setings'], 'did you mean settings?'],
    [['settings', 'lst'], 'did you mean list?'],
    [['settings', 'list', '--jsn'], 'did you mean --json?'],
    [['settings', 'get'], "missing required argument 'key'"],
    [['settings', 'get', 'a', 'b'], 'too many arguments'],
    [['settings'], 'command is missing'],
  ])('answers %j with status 2 and what was meant', async (argv, words) => {
    const { status, stdout, stderr } = await cli.run(...argv);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(words);
  });

  it('gives wrong usage as JSON when JSON was asked for', async () => {
    const { status, stdout, stderr } = await cli.run('setings', 'list', '--json');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'invalid_input',
        message: "unknown command 'setings'; did you mean settings?",
        problems: [{ field: 'setings', message: "unknown command 'setings'; did you mean settings?" }],
      },
    });
  });

  it('shows its version', async () => {
    const { status, stdout } = await cli.run('--version');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });

  it('shows help with status 0', async () => {
    const { status, stdout } = await cli.run('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('settings');
    expect((await cli.run('settings', 'set', '--help')).stdout).toContain('settings set quietHours off');
    expect((await cli.run('help', 'settings')).status).toBe(0);
  });
});
