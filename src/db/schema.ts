import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytes, instant, plainDate } from './columns.ts';
import { TOPICS, type Topic } from './topics.ts';

/**
 * The tables as the program sees them. The SQL files in `migrations/` make them; a test compares the two.
 */

export const settings = pgTable('settings', {
  key: text().primaryKey(),
  value: jsonb().notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export const organisationFiles = pgTable('organisation_files', {
  name: text({ enum: ['logo'] }).primaryKey(),
  type: text({ enum: IMAGE_TYPES }).notNull(),
  content: bytes().notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const admins = pgTable('admins', {
  id: uuid().primaryKey(),
  email: text().notNull(),
  emailNormalised: text('email_normalised').notNull(),
  name: text().notNull(),
  role: text({ enum: ['administrator', 'editor'] }).notNull(),
  passwordHash: text('password_hash').notNull(),
  disabledAt: instant('disabled_at'),
  createdAt: instant('created_at').notNull(),
});

export const sessions = pgTable('sessions', {
  idHash: text('id_hash').primaryKey(),
  adminId: uuid('admin_id'),
  data: jsonb().notNull(),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
});

export const auditLog = pgTable('audit_log', {
  id: uuid().primaryKey(),
  at: instant().notNull(),
  actor: text().notNull(),
  action: text().notNull(),
  subject: text().notNull(),
  before: jsonb(),
  after: jsonb(),
});

export const SUBSCRIBER_STATES = ['unconfirmed', 'active', 'left', 'removed'] as const;
export const MEMBER_KINDS = ['occupational_therapist', 'student'] as const;

export const subscribers = pgTable('subscribers', {
  id: uuid().primaryKey(),
  email: text().notNull(),
  emailNormalised: text('email_normalised').notNull(),
  name: text(),
  state: text({ enum: SUBSCRIBER_STATES }).notNull(),
  memberKind: text('member_kind', { enum: MEMBER_KINDS }),
  pausedUntil: instant('paused_until'),
  hcpcNumber: text('hcpc_number'),
  declaredAt: instant('declared_at'),
  declarationWording: text('declaration_wording'),
  invitedBy: uuid('invited_by'),
  confirmedAt: instant('confirmed_at'),
  leftAt: instant('left_at'),
  search: text().generatedAlwaysAs(sql`lower(email)`),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const CONSENT_SOURCES = [
  'form',
  'one_click',
  'unsubscribe_page',
  'preferences',
  'administrator',
  'import',
  'mailerlite_webhook',
  'mailerlite_sync',
] as const;
export type ConsentSource = (typeof CONSENT_SOURCES)[number];

export const CONSENT_ACTS = ['given', 'withdrawn', 'lapsed'] as const;

export const consentEvents = pgTable('consent_events', {
  seq: bigint({ mode: 'number' }).primaryKey(),
  at: instant().notNull(),
  subscriberId: uuid('subscriber_id').notNull(),
  topic: text({ enum: TOPICS }).notNull(),
  act: text({ enum: CONSENT_ACTS }).notNull(),
  source: text({ enum: CONSENT_SOURCES }).notNull(),
  wording: text(),
  note: text(),
  evidenceHash: text('evidence_hash'),
  previousHash: text('previous_hash').notNull(),
  hash: text().notNull(),
});

export const consentEvidence = pgTable('consent_evidence', {
  seq: bigint({ mode: 'number' }).primaryKey(),
  ip: text(),
  userAgent: text('user_agent'),
  salt: text().notNull(),
});

export const topicSubscriptions = pgTable(
  'topic_subscriptions',
  {
    subscriberId: uuid('subscriber_id').notNull(),
    topic: text({ enum: TOPICS }).notNull(),
    subscribed: boolean().notNull(),
    changedAt: instant('changed_at').notNull(),
    eventSeq: bigint('event_seq', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.subscriberId, table.topic] })],
);

export const suppressions = pgTable('suppressions', {
  id: uuid().primaryKey(),
  emailNormalised: text('email_normalised'),
  emailHash: text('email_hash').notNull(),
  reason: text({ enum: ['bounced', 'complained', 'removed', 'erased'] }).notNull(),
  detail: text(),
  at: instant().notNull(),
});

export const consentWordings = pgTable(
  'consent_wordings',
  {
    key: text().notNull(),
    version: integer().notNull(),
    text: text().notNull(),
    coversEarlier: boolean('covers_earlier').notNull(),
    createdAt: instant('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (table) => [primaryKey({ columns: [table.key, table.version] })],
);

export const joinRequests = pgTable('join_requests', {
  id: uuid().primaryKey(),
  subscriberId: uuid('subscriber_id').notNull(),
  name: text(),
  memberKind: text('member_kind', { enum: MEMBER_KINDS }).notNull(),
  hcpcNumber: text('hcpc_number'),
  declarationWording: text('declaration_wording').notNull(),
  topics: text().array().$type<Topic[]>().notNull(),
  wordings: text().array().notNull(),
  invitedBy: uuid('invited_by'),
  ip: text(),
  userAgent: text('user_agent'),
  requestedAt: instant('requested_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  confirmedAt: instant('confirmed_at'),
});

export const COMPLAINT_STATES = ['open', 'acknowledged', 'closed'] as const;

export const complaints = pgTable('complaints', {
  id: uuid().primaryKey(),
  reference: text().notNull(),
  receivedAt: instant('received_at').notNull(),
  acknowledgeBy: instant('acknowledge_by').notNull(),
  name: text(),
  email: text(),
  text: text().notNull(),
  state: text({ enum: COMPLAINT_STATES }).notNull(),
  acknowledgedAt: instant('acknowledged_at'),
  closedAt: instant('closed_at'),
});

export const complaintEvents = pgTable('complaint_events', {
  id: uuid().primaryKey(),
  complaintId: uuid('complaint_id').notNull(),
  at: instant().notNull(),
  actor: text().notNull(),
  kind: text({ enum: ['received', 'acknowledged', 'note', 'closed', 'reopened'] }).notNull(),
  text: text().notNull().default(''),
});

export const meetingSeries = pgTable('meeting_series', {
  id: uuid().primaryKey(),
  title: text().notNull(),
  description: text().notNull().default(''),
  rule: text().notNull(),
  wallTime: text('wall_time').notNull(),
  zone: text().notNull(),
  durationMinutes: integer('duration_minutes').notNull(),
  link: text().notNull(),
  reminders: text().array().notNull(),
  topic: text({ enum: TOPICS }).notNull(),
  startsOn: plainDate('starts_on').notNull(),
  endsOn: plainDate('ends_on'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  archivedAt: instant('archived_at'),
});

export const MEETING_STATUSES = ['scheduled', 'undecided', 'skipped', 'cancelled'] as const;

export const meetings = pgTable('meetings', {
  id: uuid().primaryKey(),
  seriesId: uuid('series_id'),
  originalDate: plainDate('original_date'),
  title: text().notNull(),
  description: text().notNull().default(''),
  wallStart: text('wall_start').notNull(),
  zone: text().notNull(),
  startsAt: instant('starts_at').notNull(),
  durationMinutes: integer('duration_minutes').notNull(),
  link: text().notNull(),
  reminders: text().array().notNull(),
  topic: text({ enum: TOPICS }).notNull(),
  uid: text().notNull(),
  sequence: integer().notNull().default(0),
  status: text({ enum: MEETING_STATUSES }).notNull(),
  statusReason: text('status_reason'),
  customised: boolean().notNull().default(false),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const ANNOUNCEMENT_STATES = [
  'draft',
  'awaiting_approval',
  'approved',
  'sending',
  'sent',
  'held',
  'cancelled',
  'missed',
  'failed',
] as const;
export type AnnouncementState = (typeof ANNOUNCEMENT_STATES)[number];

export const announcements = pgTable('announcements', {
  id: uuid().primaryKey(),
  kind: text().notNull(),
  topic: text({ enum: TOPICS }).notNull(),
  channel: text({ enum: ['smtp', 'mailerlite'] })
    .notNull()
    .default('smtp'),
  title: text().notNull(),
  meetingId: uuid('meeting_id'),
  reminderRule: text('reminder_rule'),
  audienceKind: text('audience_kind', { enum: ['topic', 'told', 'missed', 'got', 'attended'] }).notNull(),
  audienceOf: uuid('audience_of'),
  sendAt: instant('send_at').notNull(),
  zone: text().notNull(),
  lateAfter: instant('late_after').notNull(),
  state: text({ enum: ANNOUNCEMENT_STATES }).notNull(),
  stateReason: text('state_reason'),
  stateAt: instant('state_at').notNull(),
  stateBy: text('state_by').notNull(),
  heldFrom: text('held_from', { enum: ['approved', 'sending'] }),
  previous: jsonb(),
  content: jsonb(),
  contentHash: text('content_hash'),
  frozenAt: instant('frozen_at'),
  chunks: integer().notNull().default(0),
  audience: integer(),
  books: jsonb(),
  senderFaults: integer('sender_faults').notNull().default(0),
  meetingSequence: integer('meeting_sequence'),
  dedupeKey: text('dedupe_key').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const DELIVERY_STATES = [
  'pending',
  'sending',
  'sent',
  'excluded',
  'failed',
  'unknown',
  'cancelled',
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const deliveries = pgTable('deliveries', {
  id: uuid().primaryKey(),
  announcementId: uuid('announcement_id').notNull(),
  subscriberId: uuid('subscriber_id'),
  email: text().notNull(),
  emailNormalised: text('email_normalised').notNull(),
  name: text(),
  chunk: integer().notNull(),
  state: text({ enum: DELIVERY_STATES }).notNull(),
  reason: text(),
  messageId: text('message_id').notNull(),
  attempts: smallint().notNull().default(0),
  nextAttemptAt: instant('next_attempt_at'),
  claimedAt: instant('claimed_at'),
  claimedBy: text('claimed_by'),
  settledAt: instant('settled_at'),
});

export const serviceMails = pgTable('service_mails', {
  id: uuid().primaryKey(),
  kind: text().notNull(),
  recipientKind: text('recipient_kind', { enum: ['administrators', 'subscriber', 'address'] }).notNull(),
  recipient: text(),
  data: jsonb().notNull(),
  dedupeKey: text('dedupe_key').notNull(),
  state: text({ enum: ['pending', 'sending', 'sent', 'failed', 'unknown', 'cancelled'] }).notNull(),
  reason: text(),
  attempts: smallint().notNull().default(0),
  nextAttemptAt: instant('next_attempt_at'),
  claimedAt: instant('claimed_at'),
  createdAt: instant('created_at').notNull(),
  settledAt: instant('settled_at'),
});

export const outboxMessages = pgTable('outbox_messages', {
  id: uuid().primaryKey(),
  at: instant().notNull(),
  recipient: text().notNull(),
  subject: text().notNull(),
  messageId: text('message_id').notNull(),
  deliveryId: uuid('delivery_id'),
  raw: bytes().notNull(),
});

export const heartbeats = pgTable('heartbeats', {
  name: text().primaryKey(),
  at: instant().notNull(),
  detail: jsonb().notNull(),
});

export const leases = pgTable('leases', {
  name: text().primaryKey(),
  holder: text().notNull(),
  expiresAt: instant('expires_at').notNull(),
});

export const jobFailures = pgTable('job_failures', {
  jobKey: text('job_key').primaryKey(),
  failures: integer().notNull(),
  reason: text().notNull(),
  failedAt: instant('failed_at').notNull(),
  retryAt: instant('retry_at').notNull(),
});

export * from './schema-attendance.ts';
export * from './schema-web.ts';
export * from './schema-noticeboard.ts';
export * from './schema-composing.ts';
export * from './schema-safety.ts';
export * from './schema-campaigns.ts';
export * from './schema-mailerlite.ts';
export * from './topics.ts';
