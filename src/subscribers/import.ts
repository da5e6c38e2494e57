import { createReadStream } from 'node:fs';
import path from 'node:path';
import { rolledBack, type Db, type Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { recordAudit } from '../organisation/audit.ts';
import { enrol, refreshStatistics, type Enrolment } from './enrol.ts';
import { addressOf, readPerson, type ColumnNames } from './import-columns.ts';
import { readImportFile } from './import-file.ts';
import type { SubscriberContext } from './subscribers.ts';

export interface ImportResult {
  /** Lines below the heading that hold anything. The other numbers and the rejected lines add up to it. */
  read: number;
  added: number;
  updated: number;
  unchanged: number;
  rejected: { line: number; email: string; reason: string }[];
}

export interface ImportSource {
  /** Name of the file, for the ledger. */
  readonly name: string;
  /** Opens the file from its start. It is read twice: once to see that all of it can be read, once to apply it. */
  open(): AsyncIterable<Uint8Array>;
}

export interface ImportProgress {
  readonly step: 'checking' | 'importing';
  readonly lines: number;
  /** Lines in all: known once the file has been checked. */
  readonly of?: number;
}

const BATCH = 1_000;

/** The file at a path. @throws on reading: ConvenorError `invalid_input` when it cannot be opened. */
export function fileSource(file: string): ImportSource {
  return {
    name: path.basename(file),
    async *open() {
      try {
        for await (const bytes of createReadStream(file)) yield bytes as Uint8Array;
      } catch (error) {
        throw invalidInput({
          field: 'file',
          message: `cannot be opened (${(error as { code?: string }).code})`,
        });
      }
    },
  };
}

/**
 * Imports people from a CSV file. A file with a fault that makes it unreadable changes nothing. Otherwise each
 * line is applied or rejected with its reason, in batches of a thousand, so that memory stays flat and other work
 * goes on meanwhile; after an interruption the same file can be imported again. Nobody who has left, was removed
 * or is on the do-not-mail list comes back by an import.
 *
 * @param options `topics` for lines that name none, default meetings; `columns` with unusual headings; `checkOnly` takes
 *   every change back and gives what would have come of it; `onProgress` is called per batch.
 * @throws ConvenorError `invalid_input` for `file` that says what is wrong with it.
 */
export async function importSubscribers(
  db: Db,
  source: ImportSource,
  {
    topics = ['meetings'],
    columns: names,
    checkOnly = false,
    onProgress,
  }: {
    topics?: readonly Topic[];
    columns?: ColumnNames;
    checkOnly?: boolean;
    onProgress?: (progress: ImportProgress) => void;
  },
  context: SubscriberContext,
): Promise<ImportResult> {
  const total = await checkFile(source, names, onProgress);
  const result: ImportResult = { read: 0, added: 0, updated: 0, unchanged: 0, rejected: [] };
  const defaults = { topics, note: `imported from ${source.name}` };
  let batch = new Map<string, { line: number; person: Enrolment }>();

  async function apply(): Promise<void> {
    const people = [...batch.values()];
    if (checkOnly) await rolledBack(db, (tx) => applyBatch(tx, people, result, context));
    else await applyBatch(db, people, result, context);
    batch = new Map();
    onProgress?.({ step: 'importing', lines: result.read, of: total });
  }

  for await (const { line, fields, columns } of readImportFile(source.open(), names)) {
    result.read += 1;
    try {
      const person = readPerson(columns, fields, defaults);
      // A second line for one address is applied after the first, like a second import.
      if (batch.has(person.address.normalised)) await apply();
      batch.set(person.address.normalised, { line, person });
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      result.rejected.push({ line, email: addressOf(columns, fields), reason: error.message });
    }
    if (batch.size >= BATCH) await apply();
  }
  await apply();
  result.rejected.sort((a, b) => a.line - b.line);
  if (checkOnly) return result;
  if (result.added >= BATCH) await refreshStatistics(db);
  await recordAudit(
    db,
    {
      actor: context.actor,
      action: 'subscribers.imported',
      subject: source.name,
      after: { ...result, rejected: result.rejected.length },
    },
    context,
  );
  return result;
}

/** Reads the whole file without a write. Gives its number of lines. */
async function checkFile(
  source: ImportSource,
  names?: ColumnNames,
  onProgress?: (progress: ImportProgress) => void,
): Promise<number> {
  let lines = 0;
  for await (const _ of readImportFile(source.open(), names)) {
    lines += 1;
    if (lines % BATCH === 0) onProgress?.({ step: 'checking', lines });
  }
  return lines;
}

async function applyBatch(
  tx: Tx,
  batch: readonly { line: number; person: Enrolment }[],
  result: ImportResult,
  { clock, addressHash }: SubscriberContext,
): Promise<void> {
  const outcomes = await enrol(
    tx,
    batch.map(({ person }) => person),
    { source: 'import', clock, addressHash },
  );
  outcomes.forEach((outcome, index) => {
    const { line, person } = batch[index]!;
    if (outcome.result !== 'rejected') result[outcome.result] += 1;
    else result.rejected.push({ line, email: person.address.email, reason: outcome.reason });
  });
}
