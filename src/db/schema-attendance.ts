import { boolean, integer, jsonb, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant, plainDate } from './columns.ts';

/** The tables of online rooms, answers to invitations, attendance and certificates. */

export const zoomMeetings = pgTable('zoom_meetings', {
  meetingId: uuid('meeting_id').primaryKey(),
  host: text().notNull(),
  marker: text().notNull(),
  passcode: text().notNull(),
  zoomId: text('zoom_id'),
  joinUrl: text('join_url'),
  pushed: jsonb(),
  pushedSequence: integer('pushed_sequence'),
  accepted: jsonb().notNull().default({}),
  differences: jsonb().notNull().default([]),
  createSentAt: instant('create_sent_at'),
  lookAgainAt: instant('look_again_at'),
  lostAt: instant('lost_at'),
  checkedAt: instant('checked_at'),
  problem: text(),
  retryAt: instant('retry_at'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const zoomHostDays = pgTable(
  'zoom_host_days',
  {
    host: text().notNull(),
    day: plainDate().notNull(),
    calls: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.host, table.day] })],
);

export const zoomEvents = pgTable('zoom_events', {
  dedupeKey: text('dedupe_key').primaryKey(),
  kind: text().notNull(),
  zoomId: text('zoom_id'),
  at: instant().notNull(),
  receivedAt: instant('received_at').notNull(),
});

export const zoomInstances = pgTable('zoom_instances', {
  uuid: text().primaryKey(),
  meetingId: uuid('meeting_id').notNull(),
  startedAt: instant('started_at'),
  endedAt: instant('ended_at'),
});

export const RSVP_ANSWERS = ['yes', 'no', 'maybe'] as const;
export type RsvpAnswer = (typeof RSVP_ANSWERS)[number];

export const rsvps = pgTable(
  'rsvps',
  {
    meetingId: uuid('meeting_id').notNull(),
    subscriberId: uuid('subscriber_id').notNull(),
    answer: text({ enum: RSVP_ANSWERS }).notNull(),
    question: text().notNull().default(''),
    answeredAt: instant('answered_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.meetingId, table.subscriberId] })],
);

export const attendanceLists = pgTable('attendance_lists', {
  meetingId: uuid('meeting_id').primaryKey(),
  source: text({ enum: ['zoom', 'file'] }),
  sessionFrom: instant('session_from'),
  sessionTo: instant('session_to'),
  takenAt: instant('taken_at'),
  problem: text(),
  retryAt: instant('retry_at'),
  attempts: integer().notNull().default(0),
  askedAt: instant('asked_at'),
});

export const attendances = pgTable('attendances', {
  id: uuid().primaryKey(),
  meetingId: uuid('meeting_id').notNull(),
  subscriberId: uuid('subscriber_id'),
  matchedBy: text('matched_by', { enum: ['email', 'rsvp', 'person'] }),
  suggestedId: uuid('suggested_id'),
  names: text().array().notNull(),
  emailNormalised: text('email_normalised'),
  byPhone: boolean('by_phone').notNull(),
  seconds: integer().notNull(),
  provenSeconds: integer('proven_seconds').notNull(),
  joins: integer().notNull(),
  firstJoinedAt: instant('first_joined_at'),
  lastLeftAt: instant('last_left_at'),
  spans: jsonb().notNull().default([]),
});

export const followUps = pgTable('follow_ups', {
  meetingId: uuid('meeting_id').primaryKey(),
  learningAims: text('learning_aims').notNull().default(''),
  slidesUrl: text('slides_url'),
  recordingUrl: text('recording_url'),
  note: text().notNull().default(''),
  updatedAt: instant('updated_at').notNull(),
});

export const certificates = pgTable('certificates', {
  id: uuid().primaryKey(),
  meetingId: uuid('meeting_id').notNull(),
  subscriberId: uuid('subscriber_id').notNull(),
  checkCode: text('check_code').notNull(),
  name: text().notNull(),
  title: text().notNull(),
  heldAt: instant('held_at').notNull(),
  zone: text().notNull(),
  minutes: integer().notNull(),
  learningAims: text('learning_aims').notNull(),
  organisation: text().notNull(),
  groupName: text('group_name').notNull(),
  issuedAt: instant('issued_at').notNull(),
  issuedBy: text('issued_by').notNull(),
  revokedAt: instant('revoked_at'),
  revokedBy: text('revoked_by'),
  revokeReason: text('revoke_reason'),
});

export const surveyAnswers = pgTable(
  'survey_answers',
  {
    meetingId: uuid('meeting_id').notNull(),
    respondent: uuid().notNull(),
    usefulness: smallint().notNull(),
    wish: text().notNull().default(''),
    answeredAt: instant('answered_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.meetingId, table.respondent] })],
);
