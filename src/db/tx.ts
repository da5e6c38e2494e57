import { sql, type Placeholder, type SQL } from 'drizzle-orm';
import { PgDialect, type PgDatabase, type PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type * as schema from './schema.ts';

/** A connection to the database, or a transaction on it: what every domain function takes. */
export type Tx = PgDatabase<PgQueryResultHKT, typeof schema>;

/** The open database. Transactions nest as savepoints. */
export type Db = Tx;

/**
 * Runs a statement and gives its rows as they come from the driver: timestamps as text in UTC, `bigint` and
 * `count(*)` as text or number. The caller parses them with a schema or names the types that it casts to in SQL.
 */
export async function rows<T>(tx: Tx, statement: SQL): Promise<T[]> {
  return ((await tx.execute(statement)) as { rows: T[] }).rows;
}

const dialect = new PgDialect();

/**
 * As `rows`, for a statement that runs thousands of times: its text is made once, and the server parses and plans it
 * once per connection.
 *
 * @param name the statement's own.
 * @param build makes the statement from the places of its values.
 */
export function preparedRows<T, Values extends Readonly<Record<string, unknown>>>(
  name: string,
  build: (place: (value: keyof Values & string) => Placeholder) => SQL,
): (tx: Tx, values: Values) => Promise<T[]> {
  const query = dialect.sqlToQuery(build((value) => sql.placeholder(value)));
  return async (tx, values) => {
    const prepared = tx._.session.prepareQuery(query, undefined, name, false);
    return ((await prepared.execute(values)) as { rows: T[] }).rows;
  };
}

/** An instant, to the millisecond, as a value of a `timestamptz`: in a tenth of the time that its own `toString` takes. */
export function databaseTime(instant: Temporal.Instant): string {
  return new Date(instant.epochMilliseconds).toISOString();
}

export interface OpenDatabase {
  readonly db: Db;
  readonly kind: 'embedded' | 'postgres';
  /** A copy of the embedded database's folder as a gzipped tar, consistent while in use. */
  dump?(): Promise<Uint8Array>;
  close(): Promise<void>;
}

class RolledBack extends Error {}

/** Gives the result of an act in a transaction and takes back everything that the act wrote. */
export async function rolledBack<T>(tx: Tx, run: (tx: Tx) => Promise<T>): Promise<T> {
  let result: { value: T } | undefined;
  try {
    await tx.transaction(async (inner) => {
      result = { value: await run(inner) };
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
  return result!.value;
}
