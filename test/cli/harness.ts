import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { mailMaker } from '../../jobs/notice-mail.ts';
import type { CliHost, CliIo, Finding, OpenedApp, Question, Role } from '../../src/cli/host.ts';
import { runCli } from '../../src/cli/run.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { createLog } from '../../src/kernel/log.ts';
import { composeMessage } from '../../src/mail/compose.ts';
import type { Mailer } from '../../src/mail/types.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { lazyRenderer } from '../../src/process/lazy-renderer.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { createAddressHash } from '../../src/subscribers/address-hash.ts';
import { createLinks } from '../../src/subscribers/links.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON. */
  readonly json: <T = unknown>() => T;
}

export interface TestCli extends AsyncDisposable {
  readonly database: OpenDatabase;
  readonly clock: ManualClock;
  readonly folder: string;
  readonly host: CliHost;
  readonly nudges: () => number;
  run(...argv: string[]): Promise<Ran>;
  /** As somebody at a terminal of that width, who answers the questions in turn. */
  runAtTerminal(
    options: { columns?: number; answers?: readonly (string | undefined)[]; signal?: AbortSignal },
    ...argv: string[]
  ): Promise<Ran & { readonly asked: readonly Question[] }>;
  reset(now?: string): Promise<void>;
}

const BASE_URL = 'https://network.example.org';
const SECRET = 'a secret key for these tests alone';
const START = '2026-11-01T10:00:00Z';

interface Options extends Partial<CliHost> {
  readonly mailer?: Mailer;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The command line over a real database, with everything around it held by the test. */
export async function openTestCli(options: Options = {}): Promise<TestCli> {
  const database = await openTestDatabase();
  const clock = new ManualClock(START);
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-cli-'));
  let nudges = 0;
  const app: OpenedApp = {
    db: database.db,
    databaseKind: database.kind,
    clock,
    config: loadConfig({ DATA_DIR: folder, BASE_URL, ...options.environment }),
    log: createLog('silent'),
    settings: () => readSettings(database.db),
    mailer: options.mailer ?? forbiddenMailer,
    renderer: lazyRenderer(() => createRenderer({ templatesFolder })),
    links: createLinks({ secretKey: SECRET, baseUrl: BASE_URL, clock }),
    addressHash: createAddressHash(SECRET),
    listMail: (content, identity, recipient) => mailMaker(content, identity, app.links)(recipient),
    compose: composeMessage,
    keptSecretKey: () => SECRET,
    restoreSecretKey: (key) => writeFileSync(path.join(folder, 'secret-key'), key),
    nudge: () => {
      nudges += 1;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  const host: CliHost = {
    forward: () => Promise.resolve(undefined),
    open: () => Promise.resolve(app),
    start: (_role: Role) => Promise.resolve(0),
    inspect: async function* (): AsyncIterable<Finding> {},
    ...options,
  };

  async function run(io: Partial<CliIo>, argv: string[]): Promise<Ran> {
    const stdout = collector();
    const stderr = collector();
    const status = await runCli(
      argv,
      {
        stdout: stdout.stream,
        stderr: stderr.stream,
        cwd: folder,
        isTTY: false,
        columns: undefined,
        colour: false,
        signal: new AbortController().signal,
        ...io,
      },
      host,
    );
    return {
      status,
      stdout: stdout.text(),
      stderr: stderr.text(),
      json: <T>() => JSON.parse(stdout.text()) as T,
    };
  }

  return {
    database,
    clock,
    folder,
    host,
    nudges: () => nudges,
    run: (...argv) => run({}, argv),
    async runAtTerminal({ columns = 80, answers = [], signal = new AbortController().signal }, ...argv) {
      const asked: Question[] = [];
      const ask = (question: Question) => {
        asked.push(question);
        return Promise.resolve(answers[asked.length - 1]);
      };
      return { ...(await run({ isTTY: true, columns, signal, ask }, argv)), asked };
    },
    async reset(now = START) {
      clock.set(now);
      nudges = 0;
      await emptyDatabase(database);
    },
    async [Symbol.asyncDispose]() {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const forbiddenMailer: Mailer = {
  kind: 'smtp',
  send: () => Promise.reject(new Error('This command should not send anything.')),
  check: () => Promise.resolve({ ok: true, detail: 'not asked' }),
  close: () => Promise.resolve(),
};

function collector(): { stream: Writable; text: () => string } {
  const parts: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      parts.push(chunk.toString());
      done();
    },
  });
  return { stream, text: () => parts.join('') };
}
