import { integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { Finding } from '../kernel/finding.ts';
import { instant } from './columns.ts';

/** Announcements that a person writes: their text and their approval. */

export const drafts = pgTable('drafts', {
  announcementId: uuid('announcement_id').primaryKey(),
  subject: text().notNull(),
  body: text().notNull(),
  sendWall: text('send_wall'),
  expiresAt: instant('expires_at'),
  revision: integer().notNull().default(1),
  writtenBy: text('written_by').notNull(),
  approvedContent: jsonb('approved_content'),
  approvedHash: text('approved_hash'),
  approvedAt: instant('approved_at'),
  approvedBy: text('approved_by'),
  undoUntil: instant('undo_until'),
  confirmedWarnings: jsonb('confirmed_warnings').$type<Finding[]>().notNull().default([]),
  linkFindings: jsonb('link_findings').$type<Finding[]>().notNull().default([]),
  linksCheckedRevision: integer('links_checked_revision'),
});

export const whatsappPosts = pgTable('whatsapp_posts', {
  announcementId: uuid('announcement_id').primaryKey(),
  postedAt: instant('posted_at').notNull(),
  postedBy: text('posted_by').notNull(),
});
