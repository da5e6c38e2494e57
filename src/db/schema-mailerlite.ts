import { boolean, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { TOPICS } from './topics.ts';

export const MAILERLITE_STATUSES = ['active', 'unsubscribed', 'unconfirmed', 'bounced', 'junk'] as const;

export const mailerliteLinks = pgTable('mailerlite_links', {
  subscriberId: uuid('subscriber_id').primaryKey(),
  mailerliteId: text('mailerlite_id'),
  wantedVersion: integer('wanted_version').notNull().default(0),
  doneVersion: integer('done_version').notNull().default(0),
  urgent: boolean().notNull().default(false),
  wantedAt: instant('wanted_at').notNull(),
  doneAt: instant('done_at'),
  email: text(),
  emailThere: text('email_there'),
  optedOutAt: instant('opted_out_at'),
  leftAgainAt: instant('left_again_at'),
  status: text({ enum: [...MAILERLITE_STATUSES, 'gone'] }),
  topics: text({ enum: TOPICS }).array().notNull().default([]),
  seenAt: instant('seen_at'),
  seenRun: uuid('seen_run'),
  attempts: integer().notNull().default(0),
  retryAt: instant('retry_at'),
  pausedUntil: instant('paused_until'),
  takenOutAt: instant('taken_out_at').array().notNull().default([]),
});

export const mailerliteForgets = pgTable('mailerlite_forgets', {
  mailerliteId: text('mailerlite_id').primaryKey(),
  requestedAt: instant('requested_at').notNull(),
  doneAt: instant('done_at'),
});

export const mailerliteTopics = pgTable('mailerlite_topics', {
  topic: text({ enum: TOPICS }).primaryKey(),
  groupId: text('group_id').notNull(),
  groupName: text('group_name').notNull(),
  mappedAt: instant('mapped_at').notNull(),
});

export const mailerliteEvents = pgTable('mailerlite_events', {
  dedupeKey: text('dedupe_key').primaryKey(),
  name: text().notNull(),
  mailerliteId: text('mailerlite_id'),
  status: text(),
  unsubscribedAt: instant('unsubscribed_at'),
  groupId: text('group_id'),
  changedAt: instant('changed_at'),
  receivedAt: instant('received_at').notNull(),
  repeatedAt: instant('repeated_at'),
  handledAt: instant('handled_at'),
});

export const syncRuns = pgTable('sync_runs', {
  id: uuid().primaryKey(),
  trigger: text({ enum: ['nightly', 'demand'] }).notNull(),
  startedBy: text('started_by').notNull(),
  state: text({ enum: ['running', 'done', 'failed'] }).notNull(),
  phase: text({ enum: [...MAILERLITE_STATUSES, 'missing'] }).notNull(),
  cursor: text(),
  position: integer().notNull().default(0),
  pageSize: integer('page_size').notNull(),
  first: boolean().notNull(),
  counts: jsonb().notNull(),
  reason: text(),
  missing: integer(),
  missingExpected: integer('missing_expected').notNull().default(0),
  startedAt: instant('started_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  finishedAt: instant('finished_at'),
});

export const SYNC_DIFFERENCE_KINDS = [
  'not_taken_back',
  'came_back_there',
  'gone_there',
  'refused',
  'address_differs',
  'unconfirmed_there',
  'erased_returned',
] as const;

export const syncDifferences = pgTable('sync_differences', {
  id: uuid().primaryKey(),
  kind: text({ enum: SYNC_DIFFERENCE_KINDS }).notNull(),
  subscriberId: uuid('subscriber_id'),
  mailerliteId: text('mailerlite_id'),
  detail: text().notNull().default(''),
  foundAt: instant('found_at').notNull(),
  resolvedAt: instant('resolved_at'),
  resolvedBy: text('resolved_by'),
  resolution: text(),
});
