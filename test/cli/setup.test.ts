import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { anyAdmin, listAdmins, verifyCredentials } from '../../src/organisation/admins.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { openTestCli, type TestCli } from './harness.ts';

const PASSWORD = 'a long enough one';

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli();
  writeFileSync(path.join(cli.folder, 'password.txt'), `${PASSWORD}\n`);
});
beforeEach(() => cli.reset());
afterAll(() => cli[Symbol.asyncDispose]());

describe('setup', () => {
  const options = [
    '--organisation',
    'Northfield',
    '--group',
    'Northfield OTs',
    '--contact-email',
    'hello@example.org',
  ];
  const admin = [
    '--admin-email',
    'ann@example.org',
    '--admin-name',
    'Ann',
    '--password-file',
    'password.txt',
  ];

  it('sets the group up from options alone', async () => {
    const { status, json } = await cli.run('setup', ...options, ...admin, '--json');
    expect(status).toBe(0);
    expect(json()).toMatchObject({ settings: { groupName: 'Northfield OTs' } });
    const settings = await readSettings(cli.database.db);
    expect(settings).toMatchObject({ organisationName: 'Northfield', setupCompletedAt: cli.clock.now() });
    expect(await verifyCredentials(cli.database.db, 'ann@example.org', PASSWORD)).toMatchObject({
      name: 'Ann',
    });
  });

  it('asks at a terminal for what was not given, and again after a wrong answer', async () => {
    const { status, stdout, asked } = await cli.runAtTerminal(
      {
        answers: [
          'Northfield',
          'Northfield OTs',
          'not an address',
          'hello@example.org',
          '',
          'Europe/London',
          'ann@example.org',
          'Ann',
          'too short',
          PASSWORD,
          'something else',
          PASSWORD,
          PASSWORD,
        ],
      },
      'setup',
    );
    expect(status).toBe(0);
    expect(stdout).toBe('Convenor is set up. Ann can sign in at https://network.example.org/admin\n');
    expect(asked[3]).toMatchObject({ initial: 'not an address', problem: expect.any(String) as string });
    expect(asked.filter((question) => question.kind === 'password')).toHaveLength(5);
    expect(asked[9]).not.toHaveProperty('initial');
  });

  it('changes nothing when it is broken off or an answer is wrong', async () => {
    expect((await cli.runAtTerminal({ answers: ['Northfield'] }, 'setup')).status).toBe(1);
    const wrong = await cli.run('setup', ...options, ...admin, '--time-zone', 'Mars/Olympus', '--json');
    expect(wrong.status).toBe(2);
    expect(JSON.parse(wrong.stderr)).toMatchObject({ error: { problems: [{ field: 'timeZone' }] } });
    const alone = await cli.run('setup', ...options);
    expect(alone.status).toBe(2);
    expect(alone.stderr).toContain('adminEmail: must be given when nobody can be asked');
    expect(await anyAdmin(cli.database.db)).toBe(false);
    expect((await readSettings(cli.database.db)).organisationName).toBe('Our organisation');
  });

  it('refuses a second time', async () => {
    await cli.run('setup', ...options, ...admin);
    const { status, stderr } = await cli.run('setup', ...options, ...admin);
    expect(status).toBe(1);
    expect(stderr).toContain('set up already');
  });
});

describe('create-admin', () => {
  it('makes an editor with a password from a file', async () => {
    const argv = [
      'create-admin',
      '--email',
      'bo@example.org',
      '--name',
      'Bo',
      '--password-file',
      'password.txt',
    ];
    const { status, json } = await cli.run(...argv, '--role', 'editor', '--json');
    expect(status).toBe(0);
    expect(json()).toMatchObject({ email: 'bo@example.org', name: 'Bo', role: 'editor' });
    expect(await verifyCredentials(cli.database.db, 'bo@example.org', PASSWORD)).toBeDefined();
  });

  it.each([
    [['--role', 'owner'], 'role'],
    [['--email', 'bo example.org'], 'email'],
    [['--password-file', 'missing.txt'], 'passwordFile'],
  ])('refuses %j', async (more, field) => {
    const argv = [
      'create-admin',
      '--email',
      'bo@example.org',
      '--name',
      'Bo',
      '--password-file',
      'password.txt',
    ];
    const { status, stderr } = await cli.run(...argv, ...more, '--json');
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { problems: [{ field }] } });
    expect(await listAdmins(cli.database.db)).toEqual([]);
  });
});
