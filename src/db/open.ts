import { migrate } from './migrate.ts';
import type { OpenDatabase } from './tx.ts';

export { databaseTime, preparedRows, rolledBack, rows, type Db, type OpenDatabase, type Tx } from './tx.ts';

/**
 * Where the database is: a Postgres URL, or the data folder of the embedded one (`undefined`: in memory). A new
 * embedded database begins with what `copy` holds, as `dump` made it.
 */
export type DatabaseLocation =
  { url: string; connections?: number } | { dataFolder: string | undefined; copy?: Uint8Array };

/**
 * Opens the database and brings its tables up to date.
 *
 * @throws ConvenorError `unavailable` when it cannot be reached, `database_too_new` when a newer Convenor
 *   has already changed its tables.
 */
export async function openDatabase(location: DatabaseLocation): Promise<OpenDatabase> {
  const opened = await connect(location);
  try {
    await migrate(opened.db);
  } catch (error) {
    await opened.close();
    throw error;
  }
  return opened;
}

/** Each engine takes a while to load, and a process uses one of them. */
async function connect(location: DatabaseLocation): Promise<OpenDatabase> {
  if ('url' in location) {
    const { openPostgres } = await import('./open-postgres.ts');
    return openPostgres(location);
  }
  const { openEmbedded } = await import('./open-embedded.ts');
  return openEmbedded(location);
}
