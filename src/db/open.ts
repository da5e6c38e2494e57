import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import pg from 'pg';
import { ConvenorError } from '../kernel/errors.ts';
import { migrate } from './migrate.ts';
import * as schema from './schema.ts';
import type { Db } from './tx.ts';

export { rows, type Db, type Tx } from './tx.ts';

export interface OpenDatabase {
  readonly db: Db;
  readonly kind: 'embedded' | 'postgres';
  /** A copy of the embedded database's folder as a gzipped tar, consistent while in use. */
  dump?(): Promise<Uint8Array>;
  close(): Promise<void>;
}

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
  const opened = 'url' in location ? await openPostgres(location) : await openEmbedded(location);
  try {
    await migrate(opened.db);
  } catch (error) {
    await opened.close();
    throw error;
  }
  return opened;
}

async function openPostgres(location: { url: string; connections?: number }): Promise<OpenDatabase> {
  const pool = new pg.Pool({
    connectionString: location.url,
    max: location.connections ?? 10,
    connectionTimeoutMillis: 10_000,
    options: '-c timezone=UTC',
    application_name: 'convenor',
  });
  // An idle connection that breaks is replaced by the pool; without a listener the process would end.
  pool.on('error', () => undefined);
  try {
    await pool.query('select 1');
  } catch (error) {
    await pool.end();
    throw new ConvenorError(
      'unavailable',
      `The database cannot be reached: ${(error as Error).message}. Check DATABASE_URL and that the server runs.`,
      { cause: error },
    );
  }
  return { db: drizzlePostgres(pool, { schema }), kind: 'postgres', close: () => pool.end() };
}

async function openEmbedded(location: {
  dataFolder: string | undefined;
  copy?: Uint8Array;
}): Promise<OpenDatabase> {
  const folder = location.dataFolder === undefined ? undefined : path.join(location.dataFolder, 'database');
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const client = new PGlite({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(location.copy === undefined ? {} : { loadDataDir: new Blob([location.copy]) }),
  });
  await client.waitReady;
  await client.exec(`set timezone = 'UTC'`);
  return {
    db: drizzlePglite(client, { schema }),
    kind: 'embedded',
    dump: async () => new Uint8Array(await (await client.dumpDataDir('gzip')).arrayBuffer()),
    close: () => client.close(),
  };
}
