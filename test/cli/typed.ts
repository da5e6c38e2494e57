import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, inject } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { projectRoot } from '../../src/kernel/paths.ts';

/** The command line as it is typed: a process of its own for each command, on a database of the test file's own. */
export function useCommandLine() {
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
  return { folder: () => folder, convenor, run };
}
