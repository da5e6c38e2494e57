import { parseReminderRule, reminderInstant } from '../calendar/reminder-rule.ts';
import { toInstant, toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { formatWall } from '../meetings/meeting-input.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import {
  changesBetween,
  meetingCalendarPart,
  meetingMailModel,
  type ContentContext,
} from './notice-content.ts';
import { toldVersion } from './corrections.ts';

export const PREVIEW_KINDS = ['invitation', 'reminder', 'changed', 'cancelled'] as const;
export type PreviewKind = (typeof PREVIEW_KINDS)[number];

/** The reminder that is shown for a meeting that has none. */
const USUAL_REMINDER = '7d@09:00';

const EXAMPLE_ID = '00000000-0000-8000-8000-000000000000';

/**
 * What a notice of a meeting would say, without an announcement and without writing anything: for people who want
 * to see it before there is one.
 *
 * @param reminder rule of the reminder to show; by default the meeting's first.
 */
export async function noticePreview(
  tx: Tx,
  kind: PreviewKind,
  meeting: Meeting,
  context: ContentContext,
  reminder: string = meeting.reminders[0] ?? USUAL_REMINDER,
) {
  const rule = parseReminderRule(reminder);
  const sendAt = reminderInstant(rule, meeting.startsAt, meeting.zone);
  const base = await meetingMailModel(
    tx,
    meeting,
    kind === 'reminder' ? sendAt : context.clock.now(),
    context,
  );
  const content = {
    meetingSequence: meeting.sequence,
    calendar: meetingCalendarPart(meeting, kind === 'cancelled' ? 'CANCEL' : 'PUBLISH', context),
  };
  switch (kind) {
    case 'invitation':
      return { ...content, kind, model: base };
    case 'reminder':
      return { ...content, kind, model: { ...base, sendAt: sendAt.toString() } };
    case 'changed': {
      const before = { ...meeting, startsAt: meeting.startsAt.subtract({ hours: 1 }) };
      return {
        ...content,
        kind,
        model: { ...base, changes: changesBetween(toldVersion(before), toldVersion(meeting)) },
      };
    }
    case 'cancelled':
      return { ...content, kind, model: { ...base, reason: meeting.statusReason ?? 'The speaker is ill.' } };
  }
}

/** A meeting to show notices of while the group has none: a month ahead, at seven in the evening. */
export function exampleMeeting(zone: string, now: Temporal.Instant): Meeting {
  const wallStart = toWall(now, zone).toPlainDate().add({ months: 1 }).toPlainDateTime('19:00');
  return {
    id: EXAMPLE_ID,
    seriesId: null,
    originalDate: null,
    title: 'Monthly meeting',
    description: 'Splinting after a wrist fracture, with time for questions.',
    wallStart: formatWall(wallStart),
    zone,
    startsAt: toInstant(wallStart, zone),
    durationMinutes: 60,
    link: 'https://zoom.us/j/123456789',
    reminders: [USUAL_REMINDER, '1d@09:00', '1h'],
    topic: 'meetings',
    uid: EXAMPLE_ID,
    sequence: 0,
    status: 'scheduled',
    statusReason: null,
    customised: false,
    createdAt: now,
    updatedAt: now,
  };
}
