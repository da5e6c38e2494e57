/** The command line as it is typed: a process of its own, on a database of its own. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { projectRoot } from '../../src/kernel/paths.ts';

let folder: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'convenor-command-'));
  environment = {
    PATH: process.env['PATH'],
    DATA_DIR: path.join(folder, 'data'),
    ...(process.env['TEST_DATABASE'] === 'postgres' ? { DATABASE_URL: await newPostgresDatabase() } : {}),
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function newPostgresDatabase(): Promise<string> {
  const url = new URL(inject('postgresUrl'));
  const name = `command_${randomUUID().replaceAll('-', '')}`;
  const main = await openDatabase({ url: url.href, connections: 1 });
  await main.db.execute(sql.raw(`create database ${name}`));
  await main.close();
  url.pathname = `/${name}`;
  return url.href;
}

function convenor(argv: readonly string[], extra: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [path.join(projectRoot, 'dist', 'main.js'), ...argv], {
    cwd: folder,
    env: { ...environment, ...extra },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(argv: readonly string[], extra: NodeJS.ProcessEnv = {}) {
  const child = convenor(argv, extra);
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { stdout, stderr, status };
}

describe('convenor', { timeout: 180_000 }, () => {
  it('keeps what one command changed for the next, and prints nothing but the answer', async () => {
    expect(await run(['settings', 'set', 'quietHours', 'off'])).toEqual({
      stdout: 'quietHours is now off.\n',
      stderr: '',
      status: 0,
    });
    const { stdout, stderr } = await run(['settings', 'get', 'quietHours', '--json']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ key: 'quietHours', value: 'off' });
  });

  it('ends with 2 for wrong usage and a wrong configuration, and with 1 for what is refused', async () => {
    const unknown = '00000000-0000-7000-8000-000000000000';
    const [usage, configuration, refused] = await Promise.all([
      run(['setings', '--json']),
      run(['settings', 'list', '--json'], { PORT: 'many' }),
      run(['deliveries', unknown, '--json']),
    ]);
    expect([usage.status, configuration.status, refused.status]).toEqual([2, 2, 1]);
    expect(JSON.parse(usage.stderr)).toMatchObject({ error: { code: 'invalid_input' } });
    expect(JSON.parse(configuration.stderr)).toMatchObject({
      error: { code: 'invalid_config', problems: [{ field: 'PORT' }] },
    });
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'not_found' } });
  });

  it('lets several commands take their turns at one data folder', async () => {
    const names = ['ann', 'bo'];
    const added = await Promise.all(names.map((name) => run(['subscribers', 'add', `${name}@example.org`])));
    expect(added.map(({ status }) => status)).toEqual([0, 0]);
    const { stdout } = await run(['subscribers', 'list', '--json']);
    expect((JSON.parse(stdout) as { email: string }[]).map(({ email }) => email)).toEqual(
      names.map((name) => `${name}@example.org`),
    );
  });

  it('plans the same under every process time zone', async () => {
    const series = ['meetings', 'series', 'add', '--title', 'Monthly', '--rule', 'FREQ=MONTHLY;BYDAY=-1SU'];
    const details = [
      '--time',
      '01:30',
      '--duration',
      '60',
      '--link',
      'https://zoom.us/j/1',
      '--remind',
      '1d@02:30',
    ];
    expect((await run([...series, ...details, '--remind', '1h'])).status).toBe(0);
    const plans = [];
    for (const TZ of ['UTC', 'Europe/London', 'America/New_York']) {
      plans.push(await run(['plan', '--from', '2027-01-01', '--to', '2030-12-31', '--json'], { TZ }));
    }
    expect(JSON.parse(plans[0]!.stdout)).toHaveLength(96);
    expect(plans[1]).toEqual(plans[0]);
    expect(plans[2]).toEqual(plans[0]);
  });

  it('does not mind a reader who has seen enough', async () => {
    const lines = Array.from({ length: 3_000 }, (_, n) => `person${n}@example.org\n`);
    writeFileSync(path.join(folder, 'people.csv'), `email\n${lines.join('')}`);
    expect((await run(['subscribers', 'import', 'people.csv'])).status).toBe(0);
    const child = convenor(['subscribers', 'list', '--json']);
    child.stdout.once('data', () => child.stdout.destroy());
    const status = new Promise((resolve) => child.once('close', resolve));
    expect(await text(child.stderr)).toBe('');
    expect(await status).toBe(0);
  });
});
