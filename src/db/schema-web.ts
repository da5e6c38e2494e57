import { integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

export const importRuns = pgTable('import_runs', {
  id: uuid().primaryKey(),
  fileName: text('file_name').notNull(),
  startedBy: text('started_by').notNull(),
  startedAt: instant('started_at').notNull(),
  progressAt: instant('progress_at').notNull(),
  lines: integer().notNull().default(0),
  linesInAll: integer('lines_in_all'),
  result: jsonb(),
  problem: text(),
  finishedAt: instant('finished_at'),
});
