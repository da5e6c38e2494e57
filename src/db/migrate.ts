import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import { ConvenorError } from '../kernel/errors.ts';
import { migrationsFolder } from '../kernel/paths.ts';
import { rows, type Db, type Tx } from './tx.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: string;
}

/** The migrations that this program knows, in order. Files are named `0001_what_it_does.sql`. */
export function knownMigrations(): Migration[] {
  return readdirSync(migrationsFolder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({
      number: Number.parseInt(file, 10),
      name: file.replace(/\.sql$/, ''),
      statements: readFileSync(path.join(migrationsFolder, file), 'utf8'),
    }));
}

/** The usual case, answered without locks: every migration that we know is there, and no other. */
async function isUpToDate(db: Db, known: readonly Migration[]): Promise<boolean> {
  const [table] = await rows<{ there: boolean }>(
    db,
    sql`select to_regclass('schema_migrations') is not null as there`,
  );
  if (!table?.there) return false;
  const present = await rows<{ number: number }>(
    db,
    sql`select number from schema_migrations order by number`,
  );
  return (
    present.length === known.length && present.every(({ number }, index) => number === known[index]?.number)
  );
}

/**
 * Brings the tables up to date: each missing migration in its own transaction. Several processes may call
 * this at once; an advisory lock lets one work and the others wait.
 *
 * @returns the names of the migrations that were applied.
 * @throws ConvenorError `database_too_new` when the database has a migration that this program does not know.
 */
export async function migrate(db: Db): Promise<string[]> {
  const known = knownMigrations();
  const newest = known.at(-1)?.number ?? 0;
  const applied: string[] = [];
  if (await isUpToDate(db, known)) return applied;
  for (const migration of known) {
    const done = await db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(726011001)`);
      await createList(tx);
      const present = await rows<{ number: number; name: string }>(
        tx,
        sql`select number, name from schema_migrations order by number`,
      );
      const foreign = present.find((row) => row.number > newest);
      if (foreign) {
        throw new ConvenorError(
          'database_too_new',
          `This database was changed by a newer Convenor (migration ${foreign.name}; this program knows ${known.at(-1)?.name}). Start the newer program, or restore a backup made before the upgrade.`,
        );
      }
      if (present.some((row) => row.number === migration.number)) return false;
      await apply(tx, migration);
      return true;
    });
    if (done) applied.push(migration.name);
  }
  return applied;
}

/**
 * Applies what is missing within a transaction of the caller's, for tables that it has just made.
 *
 * @param last name of the last migration to apply; all when left out.
 */
export async function applyMigrations(tx: Tx, last?: string): Promise<void> {
  await createList(tx);
  const present = await rows<{ number: number }>(tx, sql`select number from schema_migrations`);
  const done = new Set(present.map(({ number }) => number));
  for (const migration of knownMigrations()) {
    if (!done.has(migration.number)) await apply(tx, migration);
    if (migration.name === last) return;
  }
}

async function createList(tx: Tx): Promise<void> {
  await tx.execute(
    sql`create table if not exists schema_migrations (number integer primary key, name text not null, applied_at timestamptz not null default now())`,
  );
}

async function apply(tx: Tx, migration: Migration): Promise<void> {
  // The embedded database takes one statement at a time; a block that executes the file's text is one.
  await tx.execute(sql.raw(`do $do$ begin execute $file$${migration.statements}$file$; end $do$`));
  await tx.execute(
    sql`insert into schema_migrations (number, name) values (${migration.number}, ${migration.name})`,
  );
}
