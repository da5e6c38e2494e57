import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { createGzip } from 'node:zlib';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { backUp } from '../../db/backup.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { addCommand, withApp, type AppContext, type Session } from '../command.ts';
import { createProgress } from '../output/progress.ts';
import { write } from '../output/write.ts';
import { count, formatNumber, printable } from '../output/text.ts';

const NAME = /^convenor-\d{8}T\d{6}Z\.jsonl\.gz$/;

export function addBackupCommand(program: Command, session: Session): void {
  program.commandsGroup('Data:');
  addCommand(program, session, {
    usage: 'backup',
    summary: 'write everything into one file, also while Convenor runs',
    options: [
      {
        flags: '--out <file>',
        help: 'file to write (default: a new one in the folder "backups" of the data folder)',
      },
      { flags: '--keep <number>', help: 'then remove all but so many of the newest in that folder' },
    ],
    schema: z.object({
      out: z.string().min(1).optional(),
      keep: z.coerce
        .number()
        .int({ error: 'must be a whole number' })
        .min(1, { error: 'must be at least 1' })
        .optional(),
    }),
    run: withApp(async (input, context) => {
      if (input.out !== undefined && input.keep !== undefined) {
        throw invalidInput({ field: 'keep', message: 'cannot be given together with --out' });
      }
      const { app, io } = context;
      const folder = path.join(app.config.DATA_DIR, 'backups');
      const name = `convenor-${app.clock.now().round('second').toString().replace(/[-:]/g, '')}.jsonl.gz`;
      const file = input.out === undefined ? path.join(folder, name) : path.resolve(io.cwd, input.out);
      const { rows, bytes } = await writeBackup(file, context);
      const removed = input.keep === undefined ? [] : await removeOld(folder, input.keep);
      const total = Object.values(rows).reduce((sum, n) => sum + n, 0);
      return {
        data: { file, bytes, rows, removed },
        text: [
          `${count(total, 'row', 'rows')}, ${formatNumber(Math.ceil(bytes / 1024))} KiB: ${printable(file)}\n`,
          'It holds addresses and keys: keep it as safe as the database, on another machine.\n',
          ...(removed.length > 0
            ? [`${count(removed.length, 'older backup', 'older backups')} removed.\n`]
            : []),
        ].join(''),
      };
    }),
  });
}

/** Writes beside the final name and renames when all is on the disk: a file with that name is complete. */
export async function writeBackup(
  file: string,
  context: AppContext,
): Promise<{ rows: Record<string, number>; bytes: number }> {
  const draft = `${file}.part`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const rows = await writeDraft(draft, context);
    await rename(draft, file);
    return { rows, bytes: (await stat(file)).size };
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof ConvenorError || !/^E[A-Z]+$/.test(code ?? '')) throw error;
    throw new ConvenorError('unavailable', `The backup could not be written: ${message}.`, { cause: error });
  }
}

async function writeDraft(draft: string, { app, io, json }: AppContext): Promise<Record<string, number>> {
  const gzip = createGzip();
  const written = pipeline(gzip, createWriteStream(draft, { mode: 0o600, flush: true }));
  // A full disk is reported by the line that waits below; until then nobody listens.
  written.catch(() => undefined);
  const progress = createProgress(io, 'Backing up', json);
  const hash = createHash('sha256');
  try {
    const rows = await backUp(
      app.db,
      async (line) => {
        if (io.signal.aborted) throw new ConvenorError('unavailable', 'Broken off: there is no backup.');
        if (gzip.destroyed) await written;
        hash.update(`${line}\n`);
        await write(gzip, `${line}\n`);
      },
      {
        about: { madeAt: app.clock.now(), secretKey: app.keptSecretKey() ?? null },
        onProgress: ({ done, total }) => progress.update(done, total),
      },
    );
    gzip.end(`${JSON.stringify({ sha256: hash.digest('hex') })}\n`);
    await written;
    return rows;
  } finally {
    progress.end();
    gzip.destroy();
    await written.catch(() => undefined);
  }
}

async function removeOld(folder: string, keep: number): Promise<string[]> {
  const old = (await readdir(folder))
    .filter((name) => NAME.test(name))
    .toSorted()
    .slice(0, -keep);
  for (const name of old) await rm(path.join(folder, name));
  return old;
}
