import type { Tx } from '../db/open.ts';
import { findMeeting } from '../meetings/meetings.ts';
import type { Settings } from '../organisation/settings.ts';
import type { DraftedAnnouncement } from './compose.ts';
import { DRAFT_KINDS, isDraftKind } from './draft-kinds.ts';
import { sharedFields } from './merge-fields.ts';
import { meetingCalendarPart, meetingMailModel, senderModel, type ContentContext } from './notice-content.ts';

/** Who finds a sent announcement of a kind on the web. Kinds that nobody writes, such as reminders, are not kept there. */
export function archiveOf(kind: string, settings: Settings): 'public' | 'link' | 'none' {
  return isDraftKind(kind) ? settings[DRAFT_KINDS[kind].archive] : 'none';
}

/** The web page of an announcement. */
export function announcementUrl(baseUrl: string, id: string): string {
  return `${baseUrl}/a/${id}`;
}

/**
 * Everything that a written announcement says, ready for its template: the model, the calendar entry of a meeting
 * that it invites to, and the version of the meeting. The same draft gives the same content however often it is
 * made, so that what was seen can be compared with what is approved.
 *
 * @throws ConvenorError `not_found` when its meeting is gone.
 */
export async function draftContent(
  tx: Tx,
  { announcement, draft }: DraftedAnnouncement,
  context: ContentContext,
) {
  const { settings, baseUrl } = context;
  const { meetingId, kind, sendAt, updatedAt } = announcement;
  // MailerLite takes no attachment: there the entry is a link.
  const campaign = announcement.channel === 'mailerlite';
  const meeting = meetingId ? await findMeeting(tx, meetingId) : undefined;
  const invited = kind === 'meeting_invitation' ? meeting : undefined;
  const base = invited
    ? await meetingMailModel(tx, invited, sendAt, context)
    : {
        sender: senderModel(settings, baseUrl),
        meeting: null,
        nextDates: [],
        clockChange: null,
        why: settings.whyYouGetThis,
      };
  const stamp =
    meeting && Temporal.Instant.compare(meeting.updatedAt, updatedAt) > 0 ? meeting.updatedAt : updatedAt;
  return {
    model: {
      ...base,
      subject: draft.subject,
      body: draft.body,
      fields: sharedFields(settings, baseUrl, meeting),
      webUrl: archiveOf(kind, settings) === 'none' ? null : announcementUrl(baseUrl, announcement.id),
      campaign,
    },
    calendar:
      invited && !campaign
        ? meetingCalendarPart(invited, 'PUBLISH', { ...context, clock: { now: () => stamp } })
        : null,
    meetingSequence: meeting?.sequence ?? null,
  };
}
