import { formatDateTime } from '../calendar/format.ts';
import type { Tx } from '../db/open.ts';
import { announcements } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { nextMeetings, type Meeting } from '../meetings/occurrences.ts';
import type { Actor } from '../organisation/audit.ts';
import { and, eq, notInArray } from 'drizzle-orm';
import { createDraft, findDraft, type DraftedAnnouncement } from './compose.ts';
import { meetingUrls } from './notice-content.ts';

/** What the administrator has to give to those who came. */
export interface MeetingNote {
  readonly slidesUrl: string | null;
  readonly recordingUrl: string | null;
  /** A few words, in plain text; may be empty. */
  readonly note: string;
}

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
  /** IANA zone of the group. */
  readonly zone: string;
  /** Public address of the server, without a slash at the end. */
  readonly baseUrl: string;
}

const NEXT_DATES = 3;

/**
 * A draft of the note to those who came to a meeting: thanks, slides or recording, two questions, the next dates.
 * It is changed and approved like any other announcement, and goes only to people of the list who were there and
 * still get mail about its topic. Asked for again before it went out, it gives the same draft.
 *
 * @throws ConvenorError `not_found`; `wrong_state` before the meeting has begun.
 */
export async function draftMeetingNote(
  tx: Tx,
  { meetingId, note }: { meetingId: string; note: MeetingNote },
  { clock, actor, zone, baseUrl }: Context,
): Promise<DraftedAnnouncement> {
  return tx.transaction(async (inner) => {
    const meeting = await findMeeting(inner, meetingId);
    const now = clock.now();
    if (Temporal.Instant.compare(meeting.startsAt, now) > 0) {
      throw new ConvenorError(
        'wrong_state',
        'This meeting has not begun, so there is nothing to thank for yet.',
      );
    }
    const [open] = await inner
      .select({ id: announcements.id })
      .from(announcements)
      .where(
        and(
          eq(announcements.meetingId, meetingId),
          eq(announcements.audienceKind, 'attended'),
          notInArray(announcements.state, ['sent', 'cancelled', 'missed', 'failed']),
        ),
      )
      .limit(1);
    if (open) return findDraft(inner, open.id);
    const following = await nextMeetings(inner, {
      after: now,
      limit: NEXT_DATES,
      except: meetingId,
      ...(meeting.seriesId ? { seriesId: meeting.seriesId } : {}),
    });
    const input = {
      kind: 'post_meeting_note' as const,
      topic: meeting.topic,
      channel: 'smtp' as const,
      subject: subjectOf(meeting),
      body: bodyOf(note, following, baseUrl),
      meetingId,
      sendWall: null,
      expiresOn: null,
    };
    return createDraft(inner, input, { clock, actor, zone }, { kind: 'attended' });
  });
}

function subjectOf({ title }: Meeting): string {
  const subject = `Thank you for coming: ${title}`;
  return subject.length > 150 ? `${subject.slice(0, 149)}…` : subject;
}

function bodyOf(
  { slidesUrl, recordingUrl, note }: MeetingNote,
  following: readonly Meeting[],
  baseUrl: string,
): string {
  const links = [
    ...(slidesUrl === null ? [] : [`- [The slides](${slidesUrl})`]),
    ...(recordingUrl === null ? [] : [`- [The recording](${recordingUrl})`]),
  ];
  const dates = following.map(
    (next) => `- [${formatDateTime(next.startsAt, next.zone)}](${meetingUrls(baseUrl, next.id).pageUrl})`,
  );
  return [
    'Thank you for coming to our meeting on {{meetingDate}}. It was good to have you with us.',
    ...(note === '' ? [] : [note]),
    ...(links.length === 0 ? [] : ['## To look at again', links.join('\n')]),
    '## Two quick questions',
    'How useful was it, and what should we talk about next? [Tell us in a minute]({{surveyUrl}}).',
    ...(dates.length === 0 ? [] : ['## Next dates', dates.join('\n')]),
  ].join('\n\n');
}
