import { eq } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { announcements, type AnnouncementState } from '../db/schema.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';

export type Announcement = typeof announcements.$inferSelect;

/** Notices of a meeting, which the planner makes and keeps in step with the meeting. */
export const NOTICE_KINDS = ['reminder', 'changed', 'cancelled'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** How each kind is called in lists and mails for the administrator. */
const KIND_LABELS: Readonly<Record<string, string>> = {
  reminder: 'Reminder',
  changed: 'Change notice',
  cancelled: 'Cancellation',
  training_bulletin: 'Training bulletin',
  vacancy_bulletin: 'Vacancy bulletin',
  meeting_invitation: 'Meeting invitation',
  news: 'News or policy',
  request: 'Request',
  group_rules: 'Group rules',
  post_meeting_note: 'Note after a meeting',
};

/** How a kind of announcement is called. */
export function kindLabel(kind: string): string {
  return KIND_LABELS[kind] ?? kind;
}

/** The name of a notice: "Reminder: Monthly meeting". */
export function noticeTitle(kind: string, subject: string): string {
  return `${kindLabel(kind)}: ${subject}`;
}

/** @throws ConvenorError `not_found`. */
export async function findAnnouncement(tx: Tx, id: string): Promise<Announcement> {
  const [announcement] = await tx.select().from(announcements).where(eq(announcements.id, id));
  if (!announcement) throw notFound('announcement', id);
  return announcement;
}

/**
 * Locks an announcement's row for the rest of the transaction and checks its state, so that two people who press
 * a button at once do not both succeed.
 *
 * @throws ConvenorError `not_found`; `wrong_state` with `refusal` when it is in none of the `allowed` states.
 */
export async function lockAnnouncement(
  tx: Tx,
  id: string,
  allowed: readonly AnnouncementState[],
  refusal: (announcement: Announcement) => string,
): Promise<Announcement> {
  const [announcement] = await tx.select().from(announcements).where(eq(announcements.id, id)).for('update');
  if (!announcement) throw notFound('announcement', id);
  if (!allowed.includes(announcement.state)) throw new ConvenorError('wrong_state', refusal(announcement));
  return announcement;
}
