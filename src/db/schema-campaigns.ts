import { boolean, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

export const CAMPAIGN_STEPS = [
  'write',
  'written',
  'by_hand',
  'scheduling',
  'scheduled',
  'sent',
  'settled',
  'done',
  'withdrawn',
] as const;

/** The campaign at MailerLite by which an announcement goes out. */
export const campaigns = pgTable('campaigns', {
  announcementId: uuid('announcement_id').primaryKey(),
  channel: text({ enum: ['mailerlite'] })
    .notNull()
    .default('mailerlite'),
  step: text({ enum: CAMPAIGN_STEPS }).notNull().default('write'),
  mailerliteId: text('mailerlite_id'),
  askedAt: instant('asked_at'),
  contentHash: text('content_hash'),
  fingerprint: text(),
  recipients: integer(),
  expected: integer(),
  strangers: integer().notNull().default(0),
  problem: text(),
  senderThere: text('sender_there'),
  contentRefused: boolean('content_refused'),
  failures: integer().notNull().default(0),
  nextAt: instant('next_at'),
  lookedAt: instant('looked_at'),
  scheduledFor: instant('scheduled_for'),
  sentAt: instant('sent_at'),
  version: integer().notNull().default(1),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});
