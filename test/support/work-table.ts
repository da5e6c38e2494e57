import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { rows, type Db } from '../../src/db/open.ts';
import { jobDefiner, type AnyJob, type JobServices } from '../../src/queue/job.ts';

export interface WorkRow {
  readonly key: string;
  readonly duration: number;
  readonly starts: string[];
  readonly done: number;
}

/** A table of made-up work, for tests of the queue: rows that are not done are due. */
export async function createWorkTable(db: Db): Promise<void> {
  await db.execute(
    sql`create table if not exists test_work (key text primary key, duration int not null, starts text[] not null default '{}', done int not null default 0)`,
  );
}

/** Adds work that takes `duration` milliseconds each; a negative duration is work that fails. */
export async function addWork(db: Db, keys: readonly string[], duration: number): Promise<void> {
  for (const key of keys)
    await db.execute(sql`insert into test_work (key, duration) values (${key}, ${duration})`);
}

export function readWork(db: Db): Promise<WorkRow[]> {
  return rows<WorkRow>(db, sql`select key, duration, starts, done from test_work order by key`);
}

/** The job that does the rows of the table; `holder` signs each start. */
export function tableJob(holder: string, { concurrency = 4 } = {}): AnyJob<JobServices> {
  return jobDefiner<JobServices>()({
    name: 'table-work',
    schema: z.object({ key: z.string() }),
    concurrency,
    due: async ({ db }) => {
      const due = await rows<{ key: string }>(db, sql`select key from test_work where done = 0 order by key`);
      return due.map(({ key }) => ({ key, payload: { key } }));
    },
    run: async ({ key }, { db, signal }) => {
      const [row] = await rows<{ duration: number }>(
        db,
        sql`update test_work set starts = array_append(starts, ${holder}) where key = ${key} and done = 0 returning duration`,
      );
      if (!row) return;
      if (row.duration < 0) throw new Error('this work cannot be done');
      await pause(row.duration, undefined, { signal });
      await db.execute(sql`update test_work set done = 1 where key = ${key}`);
    },
  });
}
