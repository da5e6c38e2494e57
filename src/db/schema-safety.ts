import { pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/** The tables that guard sending after a restore, and those of the alarms. */

export const sendingHolds = pgTable('sending_holds', {
  id: uuid().primaryKey(),
  reason: text().notNull(),
  restoredTo: instant('restored_to'),
  since: instant().notNull(),
  releasedAt: instant('released_at'),
  releasedBy: text('released_by'),
});

export const rememberedDeliveries = pgTable('remembered_deliveries', {
  deliveryId: uuid('delivery_id').primaryKey(),
  at: instant(),
  outcome: text({ enum: ['sent', 'unknown'] }).notNull(),
  source: text().notNull(),
});

export const alarms = pgTable('alarms', {
  kind: text().primaryKey(),
  since: instant().notNull(),
  toldAt: instant('told_at').notNull(),
});
