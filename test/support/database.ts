import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pglite';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { openDatabase, rows, type OpenDatabase } from '../../src/db/open.ts';
import * as schema from '../../src/db/schema.ts';
import { POSTGRES_TEMPLATE } from './postgres-template.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
    embeddedCopy: string;
  }
}

/** A database that files of this process use one after the other. */
interface Used {
  open(): Promise<OpenDatabase>;
  /** Lets it go for good. */
  end(database: OpenDatabase): Promise<void>;
}

/** Those that are not in use. */
const free: Used[] = [];
let untouched: string | undefined;

/**
 * An empty, migrated database of the kind that the running suite is about: in memory, or one on the suite's own
 * Postgres server. Close it in `afterAll`: a later file of the same process then gets it, emptied, unless its tables
 * are no longer what the migrations made of them or somebody is still connected.
 */
export async function openTestDatabase(): Promise<OpenDatabase> {
  for (let used = free.pop(); used !== undefined; used = free.pop()) {
    const database = await used.open();
    if ((await shape(database)) === untouched && !(await isShared(database))) {
      await emptyDatabase(database);
      await makeNew(database);
      return lent(database, used);
    }
    await used.end(database);
  }
  const fresh = await (process.env['TEST_DATABASE'] === 'postgres' ? newOnPostgres() : newInMemory());
  const database = await fresh.open();
  untouched ??= await shape(database);
  return lent(database, fresh);
}

/**
 * The database of a test file, as `openTestDatabase` gives it, empty before each test. Call it above the file's own
 * hooks, which then find it empty.
 */
export function useTestDatabase(): OpenDatabase {
  let opened: OpenDatabase | undefined;
  const current = (): OpenDatabase => {
    if (opened === undefined) throw new Error('The database is there only while the tests of its file run.');
    return opened;
  };
  beforeAll(async () => {
    opened = await openTestDatabase();
  });
  beforeEach(() => emptyDatabase(current()));
  afterAll(() => current().close());
  return {
    get db() {
      return current().db;
    },
    get kind() {
      return current().kind;
    },
    close: () => current().close(),
  };
}

/** The database until it is closed, and then free for others. */
function lent(database: OpenDatabase, used: Used): OpenDatabase {
  const close = async () => {
    await database.close();
    free.push(used);
  };
  return { ...database, close };
}

async function newOnPostgres(): Promise<Used> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const main = await openDatabase({ url: server, connections: 1 });
  await main.db.execute(sql.raw(`create database ${name} template ${POSTGRES_TEMPLATE}`));
  await main.close();
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { open: () => openDatabase({ url: url.href }), end: (database) => database.close() };
}

async function newInMemory(): Promise<Used> {
  const database = await openDatabase({ dataFolder: undefined, copy: readFileSync(inject('embeddedCopy')) });
  const { $client } = database.db as unknown as { $client: PGlite };
  return {
    async open() {
      await $client.exec('discard all');
      await $client.exec(`set timezone = 'UTC'`);
      let closed = false;
      const client = new Proxy($client, {
        get(target, key) {
          if (closed) throw new Error('The test file that this database was opened for is over.');
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const close = async () => void (closed = true);
      return { ...database, db: drizzle(client, { schema }), close };
    },
    end: () => database.close(),
  };
}

/** What the migrations made, as one text: columns, constraints, indexes, functions and triggers. */
async function shape({ db }: OpenDatabase): Promise<string> {
  const [found] = await rows<{ shape: string }>(
    db,
    sql`
      with parts as (
        select concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) as part
          from pg_class c join pg_attribute a on a.attrelid = c.oid
          where c.relnamespace = 'public'::regnamespace and not a.attisdropped and a.attnum > 0
        union all select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
          from pg_constraint where connamespace = 'public'::regnamespace
        union all select concat_ws(' ', tgrelid::regclass, tgname, tgenabled) from pg_trigger where not tgisinternal
        union all select prosrc from pg_proc where pronamespace = 'public'::regnamespace
        union all select name from schema_migrations
      )
      select md5(string_agg(part, ',' order by part)) as shape from parts`,
  );
  return found!.shape;
}

/**
 * Takes away what the rows of other files left behind: their space, and what the planner knows of them. It thinks
 * more highly of a table that is new than of one that is known to be empty, and keeps its plans for a whole session.
 */
async function makeNew({ db }: OpenDatabase): Promise<void> {
  await db.execute(sql`vacuum`);
  await db.execute(sql`
    update pg_class set relpages = 0, reltuples = -1 where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')`);
  await db.execute(sql`
    delete from pg_statistic where starelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)`);
}

/** Whether another process is connected, or has not yet noticed its end. */
async function isShared({ db }: OpenDatabase): Promise<boolean> {
  const [found] = await rows<{ shared: boolean }>(
    db,
    sql`select count(*) > 1 as shared from pg_stat_activity where datname = current_database()`,
  );
  return found!.shared;
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
 * tables truncated, which takes the embedded database a hundred times as long; a table without a page has none.
 */
export async function emptyDatabase({ db }: OpenDatabase): Promise<void> {
  await db.execute(sql`
    do $$
    declare name regclass;
    begin
      -- No triggers: neither foreign keys nor the guards of append-only tables.
      set local session_replication_role = replica;
      for name in
        select oid::regclass from pg_class
          where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and relname <> 'schema_migrations' and pg_relation_size(oid) > 0
      loop
        execute format('delete from %s', name);
      end loop;
      set local session_replication_role = origin;
    end $$`);
}
