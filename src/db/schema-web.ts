import { bigint, boolean, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

export const importRuns = pgTable('import_runs', {
  id: uuid().primaryKey(),
  fileName: text('file_name').notNull(),
  checkOnly: boolean('check_only').notNull().default(false),
  startedBy: text('started_by').notNull(),
  startedAt: instant('started_at').notNull(),
  progressAt: instant('progress_at').notNull(),
  lines: integer().notNull().default(0),
  linesInAll: integer('lines_in_all'),
  result: jsonb(),
  problem: text(),
  finishedAt: instant('finished_at'),
});

export const secondFactors = pgTable('second_factors', {
  adminId: uuid('admin_id').primaryKey(),
  secret: text().notNull(),
  createdAt: instant('created_at').notNull(),
  confirmedAt: instant('confirmed_at'),
  lastStep: bigint('last_step', { mode: 'number' }).notNull().default(0),
});

export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    adminId: uuid('admin_id').notNull(),
    codeHash: text('code_hash').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [primaryKey({ columns: [table.adminId, table.codeHash] })],
);
