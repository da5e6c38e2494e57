import { sql } from 'drizzle-orm';
import { knownMigrations } from './migrate.ts';
import { rows, type Db, type Tx } from './open.ts';

/** Tables whose rows mean nothing in another process or later, or are written again by the rows of another table. */
const LEFT_OUT = new Set([
  'schema_migrations',
  'sessions',
  'heartbeats',
  'leases',
  'job_failures',
  'list_size_changes',
]);

const BATCH = 500;

export interface BackupProgress {
  readonly done: number;
  readonly total: number;
}

/**
 * Writes all tables as they are at one moment, as lines of JSON that either kind of database can be filled from:
 * a header, per table a line with its name and columns and then one line per row, and at the end the number of rows of
 * each table. Tables come after those that they refer to. Other connections work on meanwhile; the embedded
 * database has one connection, so there everything else waits.
 *
 * @param write takes one line, without its line break, and may make us wait.
 * @param about goes into the header.
 * @returns the number of rows by table.
 */
export async function backUp(
  db: Db,
  write: (line: string) => Promise<void>,
  {
    about,
    onProgress,
  }: { about: Readonly<Record<string, unknown>>; onProgress?: (progress: BackupProgress) => void },
): Promise<Record<string, number>> {
  return db.transaction(
    async (tx) => {
      const tables = await tablesInOrder(tx);
      const { total, counts: expected } = await countRows(tx, tables);
      await write(
        JSON.stringify({ format: 'convenor-backup-1', migration: knownMigrations().at(-1)!.name, ...about }),
      );
      const counts: Record<string, number> = {};
      let done = 0;
      for (const table of tables) {
        const columns = await columnsOf(tx, table);
        await write(JSON.stringify({ table, columns, rows: expected[table] }));
        counts[table] = 0;
        for await (const batch of readRows(tx, table, columns)) {
          for (const row of batch) await write(row);
          counts[table] += batch.length;
          done += batch.length;
          onProgress?.({ done, total });
        }
      }
      await write(JSON.stringify({ end: true, rows: counts }));
      return counts;
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

async function tablesInOrder(tx: Tx): Promise<string[]> {
  const names = await rows<{ name: string }>(
    tx,
    sql`select tablename as name from pg_tables where schemaname = 'public' order by tablename`,
  );
  const references = await rows<{ child: string; parent: string }>(
    tx,
    sql`select c.relname as child, p.relname as parent
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class p on p.oid = k.confrelid
      where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.conrelid <> k.confrelid`,
  );
  const ordered: string[] = [];
  const place = (table: string) => {
    if (ordered.includes(table)) return;
    for (const { child, parent } of references) if (child === table) place(parent);
    ordered.push(table);
  };
  for (const { name } of names) if (!LEFT_OUT.has(name)) place(name);
  return ordered;
}

async function countRows(tx: Tx, tables: readonly string[]) {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const [row] = await rows<{ n: number }>(tx, sql`select count(*)::int as n from ${sql.identifier(table)}`);
    counts[table] = row!.n;
  }
  return { counts, total: Object.values(counts).reduce((sum, n) => sum + n, 0) };
}

/** Generated columns are left out: they follow from the others. */
async function columnsOf(tx: Tx, table: string): Promise<string[]> {
  const found = await rows<{ name: string }>(
    tx,
    sql`select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name = ${table} and is_generated = 'NEVER'
      order by ordinal_position`,
  );
  return found.map(({ name }) => name);
}

/** Rows as JSON text made by the database, so that no value passes through a JavaScript number or date. */
async function* readRows(tx: Tx, table: string, columns: readonly string[]): AsyncGenerator<string[]> {
  const list = sql.join(
    columns.map((column) => sql.identifier(column)),
    sql`, `,
  );
  await tx.execute(
    sql`declare backup_rows no scroll cursor for
      select row_to_json(r)::text as row from (select ${list} from ${sql.identifier(table)}) r`,
  );
  for (;;) {
    const batch = await rows<{ row: string }>(tx, sql`fetch ${sql.raw(String(BATCH))} from backup_rows`);
    if (batch.length > 0) yield batch.map(({ row }) => row);
    if (batch.length < BATCH) break;
  }
  await tx.execute(sql`close backup_rows`);
}
