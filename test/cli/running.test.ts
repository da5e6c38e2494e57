import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding, Role } from '../../src/cli/host.ts';
import { knownMigrations } from '../../src/db/migrate.ts';
import { ConvenorError } from '../../src/kernel/errors.ts';
import { openTestCli, type TestCli } from './harness.ts';

describe('serve, web and worker', () => {
  it('start the process in the role that was asked for and give its exit status', async () => {
    const started: unknown[] = [];
    const start = (role: Role, options: { demo: boolean }) => {
      started.push([role, options.demo]);
      return Promise.resolve(role === 'worker' ? 1 : 0);
    };
    await using cli = await openTestCli({ start });
    expect((await cli.run('serve', '--demo')).status).toBe(0);
    expect((await cli.run('web')).status).toBe(0);
    expect((await cli.run('worker')).status).toBe(1);
    expect((await cli.run('worker', '--demo')).status).toBe(2);
    expect(started).toEqual([
      ['serve', true],
      ['web', false],
      ['worker', false],
    ]);
  });
});

describe('migrate', () => {
  it('says how far the tables are', async () => {
    await using cli = await openTestCli();
    const known = knownMigrations();
    const { json } = await cli.run('migrate', '--json');
    expect(json<{ name: string }[]>().map(({ name }) => name)).toEqual(known.map(({ name }) => name));
    expect((await cli.run('migrate')).stdout).toBe(`The database is up to date: ${known.at(-1)!.name}.\n`);
  });
});

describe('doctor', () => {
  const findings: Finding[] = [
    { check: 'Configuration', state: 'ok', detail: 'every setting is understood' },
    {
      check: 'Database',
      state: 'warning',
      detail: 'embedded',
      advice: 'Use Postgres for unattended running.',
    },
  ];
  const problem: Finding = {
    check: 'Redis',
    state: 'problem',
    detail: 'does not answer',
    advice: 'Start it.',
  };
  let found: Finding[];
  let cli: TestCli;
  beforeAll(async () => {
    cli = await openTestCli({
      inspect: async function* () {
        yield* await Promise.resolve(found);
      },
    });
  });
  afterAll(() => cli[Symbol.asyncDispose]());

  it('says what is well and what to look at, with status 0 while there is no problem', async () => {
    found = findings;
    const { status, stdout } = await cli.run('doctor');
    expect(status).toBe(0);
    expect(stdout).toBe(
      [
        '✓ ok      Configuration: every setting is understood',
        '! warning Database: embedded',
        '          → Use Postgres for unattended running.',
        '',
        'No problem found.',
        '',
      ].join('\n'),
    );
  });

  it('ends with status 1 when there is a problem', async () => {
    found = [...findings, problem];
    const { status, json } = await cli.run('doctor', '--json');
    expect(status).toBe(1);
    expect(json()).toEqual({ healthy: false, findings: found });
  });
});

describe('doctor without a readable configuration', () => {
  it('explains it instead of failing', async () => {
    await using cli = await openTestCli({
      forward: () => Promise.reject(new ConvenorError('invalid_config', 'PORT must be a number')),
      inspect: async function* () {
        yield await Promise.resolve<Finding>({
          check: 'Configuration',
          state: 'problem',
          detail: 'PORT must be a number',
          advice: 'Correct PORT.',
        });
      },
    });
    const { status, stdout } = await cli.run('doctor');
    expect(status).toBe(1);
    expect(stdout).toContain('✗ problem Configuration: PORT must be a number');
    expect((await cli.run('settings', 'list')).status).toBe(2);
  });
});

describe('a running server', () => {
  it('is waited for while it starts, as is another command at the data folder', async () => {
    let looked = 0;
    await using cli = await openTestCli({
      forward: () => Promise.resolve(looked < 2 ? undefined : 0),
      open: () => {
        looked += 1;
        return Promise.reject(new ConvenorError('data_folder_locked', 'In use.'));
      },
    });
    expect((await cli.run('settings', 'list')).status).toBe(0);
    expect(looked).toBe(2);
  });

  it('carries out a command that was typed correctly', async () => {
    const forwarded: unknown[] = [];
    await using cli = await openTestCli({
      forward: (argv) => {
        forwarded.push(argv);
        return Promise.resolve(1);
      },
      open: () => Promise.reject(new Error('not here')),
    });
    expect((await cli.run('settings', 'get', 'timeZone')).status).toBe(1);
    expect((await cli.run('settings', 'gt')).status).toBe(2);
    expect((await cli.run('doctor', '--json')).status).toBe(1);
    expect(forwarded).toEqual([
      ['settings', 'get', 'timeZone'],
      ['doctor', '--json'],
    ]);
  });
});
