import { desc, eq } from 'drizzle-orm';
import type { Db, Tx } from '../db/open.ts';
import { importRuns, type Topic } from '../db/schema.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { withoutAddresses, type Log } from '../kernel/log.ts';
import { importSubscribers, type ImportResult } from '../subscribers/import.ts';
import type { ColumnNames } from '../subscribers/import-columns.ts';
import type { SubscriberContext } from '../subscribers/subscribers.ts';

export type ImportRun = typeof importRuns.$inferSelect;

/** An import whose progress is older than this has died with its process. */
const INTERRUPTED_AFTER = Temporal.Duration.from({ minutes: 2 });

/**
 * Starts an import and returns at once. How far it is stands in its row, so that the page may be left and any
 * web process can show it. `finished` settles when the import has ended, well or not; it never rejects.
 */
export async function startImport(
  db: Db,
  {
    file,
    fileName,
    topics,
    columns,
    checkOnly,
  }: {
    file: Buffer;
    fileName: string;
    topics: readonly Topic[];
    columns: ColumnNames;
    /** Only to say what it would do. */
    checkOnly: boolean;
  },
  { log, ...context }: SubscriberContext & { log: Log },
): Promise<{ id: string; finished: Promise<void> }> {
  const now = context.clock.now();
  const id = newId(now);
  await db
    .insert(importRuns)
    .values({ id, fileName, checkOnly, startedBy: context.actor, startedAt: now, progressAt: now });
  return { id, finished: run() };

  async function run(): Promise<void> {
    let writing = Promise.resolve();
    const source = {
      name: fileName,
      async *open() {
        yield new Uint8Array(file);
      },
    };
    const ended: Partial<ImportRun> = await importSubscribers(
      db,
      source,
      {
        topics,
        columns,
        checkOnly,
        onProgress: ({ lines, of }) => {
          writing = writing.then(() => note({ lines, linesInAll: of ?? null }));
        },
      },
      context,
    ).then(
      (result) => ({ result, lines: result.read, linesInAll: result.read }),
      (error: unknown) => ({ problem: inWords(error, log) }),
    );
    await writing;
    await note({ ...ended, finishedAt: context.clock.now() });
  }

  async function note(values: Partial<ImportRun>): Promise<void> {
    try {
      await db
        .update(importRuns)
        .set({ ...values, progressAt: context.clock.now() })
        .where(eq(importRuns.id, id));
    } catch (error) {
      log.error({ err: error }, 'The progress of an import could not be written');
    }
  }
}

/** @throws ConvenorError `not_found`. */
export async function findImportRun(tx: Tx, id: string): Promise<ImportRun> {
  const [found] = await tx.select().from(importRuns).where(eq(importRuns.id, id));
  if (found === undefined) throw notFound('import', id);
  return found;
}

export async function recentImportRuns(tx: Tx): Promise<ImportRun[]> {
  return tx.select().from(importRuns).orderBy(desc(importRuns.startedAt)).limit(5);
}

/** Whether an import will not end any more, because its process has. */
export function isInterrupted(importRun: ImportRun, now: Temporal.Instant): boolean {
  return (
    importRun.finishedAt === null &&
    Temporal.Instant.compare(importRun.progressAt.add(INTERRUPTED_AFTER), now) < 0
  );
}

export function importResult(importRun: ImportRun): ImportResult | undefined {
  return (importRun.result as ImportResult | null) ?? undefined;
}

function inWords(error: unknown, log: Log): string {
  if (error instanceof ConvenorError && error.code === 'invalid_input') {
    return error.problems.map(({ message }) => `The file ${message}.`).join(' ');
  }
  log.error({ err: error }, 'An import failed');
  return `Something went wrong on our side: ${withoutAddresses((error as Error).message)}. The same file can be imported again; nobody is added twice.`;
}
