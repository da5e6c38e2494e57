import { boolean, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import { instant, plainDate } from './columns.ts';

/** The tables of the noticeboard and of the bulletins that gather its items. */

export const ITEM_KINDS = ['vacancy', 'training', 'request'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

export const ITEM_STATES = [
  'submitted',
  'awaiting_review',
  'asked',
  'approved',
  'rejected',
  'withdrawn',
  'expired',
] as const;
export type ItemState = (typeof ITEM_STATES)[number];

export const items = pgTable('items', {
  id: uuid().primaryKey(),
  kind: text({ enum: ITEM_KINDS }).notNull(),
  state: text({ enum: ITEM_STATES }).notNull(),
  stateReason: text('state_reason'),
  stateAt: instant('state_at').notNull(),
  stateBy: text('state_by').notNull(),
  title: text().notNull(),
  organisation: text().notNull().default(''),
  place: text().notNull().default(''),
  online: boolean().notNull().default(false),
  link: text(),
  contact: text().notNull().default(''),
  pay: text().notNull().default(''),
  hours: text().notNull().default(''),
  contract: text().notNull().default(''),
  cost: text().notNull().default(''),
  cpdHours: text('cpd_hours').notNull().default(''),
  text: text().notNull().default(''),
  wallStart: text('wall_start'),
  wallEnd: text('wall_end'),
  dates: text().array().notNull().default([]),
  zone: text().notNull(),
  startsAt: instant('starts_at'),
  closesOn: plainDate('closes_on').notNull(),
  openUntil: instant('open_until').notNull(),
  sequence: integer().notNull().default(0),
  duplicateOf: uuid('duplicate_of'),
  confirmedAt: instant('confirmed_at'),
  agreedAt: instant('agreed_at'),
  agreedBy: text('agreed_by'),
  agreement: text(),
  terms: text(),
  termsAcceptedAt: instant('terms_accepted_at'),
  termsAcceptedHow: text('terms_accepted_how'),
  search: text().generatedAlwaysAs(sql`lower(title)`),
  sortAt: instant('sort_at')
    .notNull()
    .generatedAlwaysAs(sql`coalesce(starts_at, open_until)`),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const itemSubmitters = pgTable('item_submitters', {
  itemId: uuid('item_id').primaryKey(),
  name: text(),
  email: text().notNull(),
  emailNormalised: text('email_normalised').notNull(),
});

export const ITEM_REVIEW_KINDS = [
  'submitted',
  'confirmed',
  'edited',
  'asked',
  'answered',
  'approved',
  'rejected',
  'withdrawn',
  'expired',
] as const;
export type ItemReviewKind = (typeof ITEM_REVIEW_KINDS)[number];

export const itemReviews = pgTable('item_reviews', {
  id: uuid().primaryKey(),
  itemId: uuid('item_id').notNull(),
  at: instant().notNull(),
  actor: text().notNull(),
  kind: text({ enum: ITEM_REVIEW_KINDS }).notNull(),
  text: text().notNull().default(''),
});

export const BULLETIN_TOPICS = ['training', 'vacancies'] as const;
export type BulletinTopic = (typeof BULLETIN_TOPICS)[number];

export const bulletinSchedules = pgTable('bulletin_schedules', {
  id: uuid().primaryKey(),
  topic: text({ enum: BULLETIN_TOPICS }).notNull(),
  rule: text().notNull(),
  wallTime: text('wall_time').notNull(),
  zone: text().notNull(),
  approval: text({ enum: ['automatic', 'wait'] }).notNull(),
  introduction: text().notNull().default(''),
  startsOn: plainDate('starts_on').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  archivedAt: instant('archived_at'),
});

export const bulletins = pgTable('bulletins', {
  announcementId: uuid('announcement_id').primaryKey(),
  scheduleId: uuid('schedule_id').notNull(),
  date: plainDate().notNull(),
  introduction: text(),
});

export const bulletinItems = pgTable('bulletin_items', {
  itemId: uuid('item_id').primaryKey(),
  announcementId: uuid('announcement_id').notNull(),
});
