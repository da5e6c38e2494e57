import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { inject } from 'vitest';
import { openDatabase, rows, type OpenDatabase } from '../../src/db/open.ts';
import { POSTGRES_TEMPLATE } from './postgres-template.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
    embeddedCopy: string;
  }
}

/**
 * An empty, migrated database of the kind that the running suite is about: in memory, or a new database on the
 * suite's own Postgres server. Close it in `afterAll`.
 */
export async function openTestDatabase(): Promise<OpenDatabase> {
  if (process.env['TEST_DATABASE'] !== 'postgres') {
    return openDatabase({ dataFolder: undefined, copy: readFileSync(inject('embeddedCopy')) });
  }
  const server = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const main = await openDatabase({ url: server, connections: 1 });
  await main.db.execute(sql.raw(`create database ${name} template ${POSTGRES_TEMPLATE}`));
  await main.close();
  const url = new URL(server);
  url.pathname = `/${name}`;
  return openDatabase({ url: url.href });
}

/** The address of a test database on Postgres, for processes that a test starts. */
export async function testDatabaseUrl({ db }: OpenDatabase): Promise<string> {
  const [row] = await rows<{ name: string }>(db, sql`select current_database() as name`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${row?.name ?? ''}`;
  return url.href;
}

/**
 * Empties every table but the list of migrations, for tests that share one database. Rows are deleted rather than
 * tables truncated, which takes the embedded database a hundred times as long.
 */
export async function emptyDatabase({ db }: OpenDatabase): Promise<void> {
  await db.execute(sql`
    do $$
    declare name text;
    begin
      -- No triggers: neither foreign keys nor the guards of append-only tables.
      set local session_replication_role = replica;
      for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' loop
        execute format('delete from %I', name);
      end loop;
      set local session_replication_role = origin;
    end $$`);
}
