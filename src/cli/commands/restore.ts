import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import {
  compareWithLedger,
  holdSending,
  rememberDeliveries,
  type Comparison,
} from '../../announcements/sending-hold.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { readBackupHeader, restoreBackup, type BackupHeader } from '../../db/restore.ts';
import { rows } from '../../db/open.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { journalFolder, readJournal } from '../../outbox/journal.ts';
import { verifyLedger } from '../../subscribers/ledger-verify.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, type AppContext, type Session } from '../command.ts';
import type { CliDependencies } from '../host.ts';
import { createProgress } from '../output/progress.ts';
import { count, printable } from '../output/text.ts';
import { writeBackup } from './backup.ts';

/** Workers that gave a sign of life within this time are taken to be running. */
const ALIVE_SECONDS = 30;

export function addRestoreCommand(program: Command, session: Session): void {
  addCommand(program, session, {
    usage: 'restore <file>',
    summary: 'put a backup in place of everything that is there; sending is held afterwards',
    options: [
      { flags: '--replace', help: 'also when the database holds something; that is backed up first' },
    ],
    examples: ['restore data/backups/convenor-20261101T100000Z.jsonl.gz'],
    schema: z.object({ file: z.string().min(1), replace: z.boolean().default(false) }),
    run: async (input, { io, host, json }) => {
      // Never inside a running server: it would go on with what it knows of the old rows.
      const app = await host.open();
      try {
        return await restore(input, { app, io, json });
      } finally {
        await app.close();
      }
    },
  });
}

async function restore(input: { readonly file: string; readonly replace: boolean }, context: AppContext) {
  const { app, io } = context;
  const file = path.resolve(io.cwd, input.file);
  const { header, lines } = await checkWhole(file, io.signal);
  await refuseWhileRunning(app);
  const before = await replaceable(input.replace, context);
  const rowsByTable = await fill(file, lines, header, context);
  if (header.secretKey !== null) app.restoreSecretKey(header.secretKey);
  const consent = await verifyLedger(app.db);
  const comparison = await compareWithLedger(app.db);
  const total = Object.values(rowsByTable).reduce((sum, n) => sum + n, 0);
  const { timeZone } = await app.settings();
  return {
    data: { file, madeAt: header.madeAt, rows: rowsByTable, before, consent, comparison },
    status: consent.ok ? (0 as const) : (1 as const),
    text: [
      `${count(total, 'row', 'rows')} of ${formatDateTime(Temporal.Instant.from(header.madeAt), timeZone)} restored.\n`,
      before === null ? '' : `What was there before is in ${printable(before)}.\n`,
      consent.ok
        ? `The consent ledger is whole: ${count(consent.events, 'event', 'events')}.\n`
        : 'The consent ledger of this backup does NOT agree with itself; see "consent verify".\n',
      comparisonText(comparison),
      'Sending is held. Start Convenor, compare under /admin/sending or with "sending compare", then release it.\n',
    ].join(''),
  };
}

/** What a comparison found, in words. */
export function comparisonText({ announcements, known, foreign }: Comparison): string {
  const forgotten = announcements.map(
    ({ title, forgotten: n }) =>
      `  “${printable(title)}”: ${count(n, 'person has', 'people have')} got it and will not get it again\n`,
  );
  return [
    forgotten.length === 0
      ? 'Nothing that is known from outside would go out twice.\n'
      : `Forgotten by the ledger:\n${forgotten.join('')}`,
    `${count(known, 'message is', 'messages are')} known to the ledger.`,
    foreign === 0
      ? ''
      : ` ${count(foreign, 'belongs', 'belong')} to announcements that are not in this database.`,
    '\n',
  ].join('');
}

async function fill(
  file: string,
  lines: number,
  header: BackupHeader,
  { app, io, json }: AppContext,
): Promise<Record<string, number>> {
  const { clock, config } = app;
  const madeAt = Temporal.Instant.from(header.madeAt);
  const entries = await readJournal(journalFolder(config), madeAt.subtract({ hours: 1 }));
  const progress = createProgress(io, 'Restoring', json);
  try {
    return await restoreBackup(app.db, linesOf(file, io.signal), {
      onProgress: (done) => progress.update(done, lines),
      andThen: async (tx) => {
        await rememberDeliveries(tx, entries, 'journal');
        const moment = formatDateTime(madeAt, 'Europe/London');
        await holdSending(
          tx,
          { reason: `The database was restored to ${moment}.`, restoredTo: madeAt },
          { clock, actor: CLI_ACTOR },
        );
      },
    });
  } finally {
    progress.end();
  }
}

/** Reads all of the file once before anything is changed: its last line holds the hash of all others. */
async function checkWhole(
  file: string,
  signal: AbortSignal,
): Promise<{ header: BackupHeader; lines: number }> {
  const hash = createHash('sha256');
  let header: BackupHeader | undefined;
  let lines = 0;
  let last: string | undefined;
  for await (const line of linesOf(file, signal)) {
    header ??= readBackupHeader(line);
    if (last !== undefined) hash.update(`${last}\n`);
    last = line;
    lines += 1;
  }
  if (header === undefined || last !== JSON.stringify({ sha256: hash.digest('hex') })) {
    throw invalidInput({
      field: 'file',
      message: 'is damaged or incomplete, so nothing was changed; take another backup',
    });
  }
  return { header, lines };
}

async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  const source = createReadStream(file);
  const text = source.pipe(createGunzip());
  source.on('error', (error) => text.destroy(error));
  try {
    for await (const line of createInterface({ input: text, crlfDelay: Infinity })) {
      if (signal.aborted) throw new ConvenorError('unavailable', 'Broken off: nothing was changed.');
      yield line;
    }
    // The reader of lines passes over an error of its source.
    if (text.errored) throw text.errored;
  } catch (error) {
    if (error instanceof ConvenorError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^(?:E[A-Z]+|Z_)/.test(code)) throw error;
    throw invalidInput({
      field: 'file',
      message: code === 'ENOENT' ? 'is not there' : `cannot be read as a backup (${code})`,
    });
  } finally {
    source.destroy();
  }
}

async function refuseWhileRunning({ db, clock }: CliDependencies): Promise<void> {
  const since = clock.now().subtract({ seconds: ALIVE_SECONDS }).toString();
  const alive = await rows(
    db,
    sql`select name from heartbeats where name like 'worker:%' and at > ${since}::timestamptz`,
  );
  if (alive.length > 0) {
    throw new ConvenorError(
      'wrong_state',
      'Convenor is running on this database. Stop all its processes, wait half a minute, and restore then.',
    );
  }
}

/** @returns the file in which what was there is kept; null when there was nothing. */
async function replaceable(replace: boolean, context: AppContext): Promise<string | null> {
  const { app } = context;
  const [held] = await rows<{ n: number }>(
    app.db,
    sql`select ((select count(*) from subscribers) + (select count(*) from meetings) + (select count(*) from admins))::int as n`,
  );
  if (held!.n === 0) return null;
  if (!replace) {
    throw new ConvenorError(
      'wrong_state',
      'This database holds people or meetings. Give --replace to put the backup in their place; what is there is backed up first.',
    );
  }
  const at = app.clock.now().round('second').toString().replace(/[-:]/g, '');
  const file = path.join(app.config.DATA_DIR, 'backups', `before-restore-${at}.jsonl.gz`);
  await writeBackup(file, context);
  return file;
}
