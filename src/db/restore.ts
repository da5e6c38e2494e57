import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { applyMigrations, knownMigrations } from './migrate.ts';
import { rows, type Db, type Tx } from './open.ts';

const BATCH = 500;

const header = z.object({
  format: z.literal('convenor-backup-1'),
  migration: z.string(),
  madeAt: z.string(),
  secretKey: z.string().nullable().default(null),
});

/** What a backup says of itself. */
export type BackupHeader = z.output<typeof header>;

const tableHead = z.union([
  z.object({ table: z.string(), columns: z.array(z.string()), rows: z.number().int().nonnegative() }),
  z.object({ end: z.literal(true), rows: z.record(z.string(), z.number()) }),
]);

/**
 * Reads the first line of a backup.
 *
 * @throws ConvenorError `invalid_input` when it is none; `database_too_new` when a newer Convenor made it.
 */
export function readBackupHeader(text: string): BackupHeader {
  const result = header.safeParse(parse(text));
  if (!result.success) throw invalidInput({ field: 'file', message: 'must be a backup that Convenor made' });
  if (!knownMigrations().some(({ name }) => name === result.data.migration)) {
    throw new ConvenorError(
      'database_too_new',
      `A newer Convenor made this backup (${result.data.migration}). Restore it with that version or a newer one.`,
    );
  }
  return result.data;
}

/**
 * Replaces everything in the database by a backup, in one transaction: afterwards all of it is there, or nothing has
 * changed. The tables are made as they were when the backup was, filled, and then brought up to date.
 *
 * @param lines of the backup as `backUp` wrote them, without the last line with its hash.
 * @param andThen what else belongs into the transaction.
 * @returns the number of rows by table.
 * @throws ConvenorError `invalid_input` when a line is not as it should be.
 */
export async function restoreBackup(
  db: Db,
  lines: AsyncIterable<string>,
  {
    onProgress,
    andThen,
  }: { onProgress?: (rows: number) => void; andThen: (tx: Tx, header: BackupHeader) => Promise<void> },
): Promise<Record<string, number>> {
  return db.transaction(async (tx) => {
    const reader = lines[Symbol.asyncIterator]();
    const next = async () => {
      const { done, value } = await reader.next();
      if (done === true) throw invalidInput({ field: 'file', message: 'ends before it is complete' });
      return value;
    };
    const about = readBackupHeader(await next());
    await dropEverything(tx);
    await applyMigrations(tx, about.migration);
    const selfReferences = await takeSelfReferences(tx);
    const counts: Record<string, number> = {};
    let done = 0;
    for (;;) {
      const head = tableHead.parse(parse(await next()));
      if ('end' in head) break;
      const { table, columns } = head;
      for (let left = head.rows; left > 0;) {
        const batch: string[] = [];
        while (batch.length < Math.min(BATCH, left)) batch.push(await next());
        await insert(tx, table, columns, batch);
        left -= batch.length;
        done += batch.length;
        onProgress?.(done);
      }
      counts[table] = head.rows;
    }
    for (const statement of selfReferences) await tx.execute(sql.raw(statement));
    await applyMigrations(tx);
    await andThen(tx, about);
    return counts;
  });
}

async function insert(tx: Tx, table: string, columns: readonly string[], batch: readonly string[]) {
  const name = sql.identifier(table);
  const list = sql.join(
    columns.map((column) => sql.identifier(column)),
    sql`, `,
  );
  await tx.execute(
    sql`insert into ${name} (${list})
      select ${list} from jsonb_populate_recordset(null::${name}, ${`[${batch.join(',')}]`}::text::jsonb)`,
  );
}

async function dropEverything(tx: Tx): Promise<void> {
  await tx.execute(sql`
    do $$
    declare each record;
    begin
      for each in select tablename as name from pg_tables where schemaname = 'public' loop
        execute format('drop table if exists public.%I cascade', each.name);
      end loop;
      for each in
        select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace
          and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
      loop
        execute format('drop function %s cascade', each.name);
      end loop;
    end $$`);
}

/** A row may refer to a later one of its own table, so these constraints are checked when all rows are there. */
async function takeSelfReferences(tx: Tx): Promise<string[]> {
  const found = await rows<{ owner: string; name: string; definition: string }>(
    tx,
    sql`select k.conrelid::regclass::text as owner, quote_ident(k.conname) as name, pg_get_constraintdef(k.oid) as definition
      from pg_constraint k
      where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.conrelid = k.confrelid`,
  );
  for (const { owner, name } of found) {
    await tx.execute(sql.raw(`alter table ${owner} drop constraint ${name}`));
  }
  return found.map(
    ({ owner, name, definition }) => `alter table ${owner} add constraint ${name} ${definition}`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidInput({ field: 'file', message: 'must be a backup that Convenor made' });
  }
}
