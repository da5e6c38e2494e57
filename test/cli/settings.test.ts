import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/organisation/audit.ts';
import { openTestCli, type TestCli } from './harness.ts';

describe('settings', () => {
  let cli: TestCli;
  beforeAll(async () => {
    cli = await openTestCli();
  });
  beforeEach(() => cli.reset());
  afterAll(() => cli[Symbol.asyncDispose]());

  it('lists every setting with its value, default and help', async () => {
    const { status, json } = await cli.run('settings', 'list', '--json');
    expect(status).toBe(0);
    expect(json()).toContainEqual({
      key: 'quietHours',
      value: '22:00-08:00',
      isDefault: true,
      fallback: '22:00-08:00',
      help: expect.stringContaining('no mail') as string,
      example: '22:00-08:00',
    });
  });

  it('changes a setting, notes it in the audit log, and tells the reconciler', async () => {
    expect((await cli.run('settings', 'set', 'quietHours', 'off')).stdout).toBe('quietHours is now off.\n');
    expect((await cli.run('settings', 'get', 'quietHours')).stdout).toBe('off\n');
    const [entry] = await listAudit(cli.database.db);
    expect(entry).toMatchObject({ actor: 'cli', subject: 'quietHours', before: '22:00-08:00', after: 'off' });
    expect(cli.nudges()).toBe(1);
  });

  it('refuses a value that the setting does not accept, and changes nothing', async () => {
    const { status, stdout, stderr } = await cli.run('settings', 'set', 'timeZone', 'Europe/Londn', '--json');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'invalid_input', problems: [{ field: 'timeZone' }] },
    });
    expect((await cli.run('settings', 'get', 'timeZone')).stdout).toBe('Europe/London\n');
    expect(cli.nudges()).toBe(0);
  });

  it('suggests the key that was meant', async () => {
    const { status, stderr } = await cli.run('settings', 'get', 'quiethour');
    expect(status).toBe(2);
    expect(stderr).toContain('did you mean quietHours?');
  });

  it('fits its table into the terminal', async () => {
    const { stdout } = await cli.runAtTerminal({ columns: 72 }, 'settings', 'list');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(72);
    expect(stdout).toContain('quietHours');
  });
});
