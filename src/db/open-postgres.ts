import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { ConvenorError } from '../kernel/errors.ts';
import * as schema from './schema.ts';
import type { OpenDatabase } from './tx.ts';

/**
 * A pool of connections to a Postgres server.
 *
 * @throws ConvenorError `unavailable` when it cannot be reached.
 */
export async function openPostgres(location: { url: string; connections?: number }): Promise<OpenDatabase> {
  const pool = new pg.Pool({
    connectionString: location.url,
    max: location.connections ?? 10,
    connectionTimeoutMillis: 10_000,
    // Statements here are short: compiling one would take longer than running it.
    options: '-c timezone=UTC -c jit=off',
    application_name: 'convenor',
  });
  // A connection that breaks is replaced by the pool, and the next statement on it fails. Without listeners the process
  // would end: the pool's own hears of idle connections, the client's of one between two statements of a transaction.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
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
  return { db: drizzle(pool, { schema }), kind: 'postgres', close: () => pool.end() };
}
