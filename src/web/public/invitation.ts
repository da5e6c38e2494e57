import { meetingUrls } from '../../announcements/notice-content.ts';
import { addToCalendarLinks } from '../../calendar/icalendar.ts';
import { clockChangeSentence } from '../../calendar/clock-change.ts';
import { formatDate, formatDuration, formatTimeRange } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import type { Config } from '../../config/load.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { meetingEnd } from '../../meetings/meetings.ts';
import type { Meeting } from '../../meetings/occurrences.ts';
import type { Settings } from '../../organisation/settings.ts';
import { senderIdentity } from '../../organisation/sender-identity.ts';
import { leafOf } from '../schedule-form.ts';
import { fromNow } from '../words.ts';

/** What a meeting is to a visitor at this moment. */
export type MeetingMoment = 'coming' | 'on' | 'over' | 'off' | 'open';

/** A meeting as everybody may see it. */
export function invitationView(
  meeting: Meeting,
  { now, baseUrl }: { now: Temporal.Instant; baseUrl: string },
) {
  const end = meetingEnd(meeting);
  const moment = momentOf(meeting, now);
  const date = toWall(meeting.startsAt, meeting.zone).toPlainDate();
  const urls = meetingUrls(baseUrl, meeting.id);
  return {
    id: meeting.id,
    title: meeting.title,
    description: meeting.description,
    leaf: leafOf(date),
    date: formatDate(date),
    time: formatTimeRange(meeting.startsAt, end, meeting.zone),
    length: formatDuration(meeting.durationMinutes),
    iso: meeting.startsAt.toString({ smallestUnit: 'second' }),
    distance: fromNow(meeting.startsAt, now, meeting.zone),
    clockChange: moment === 'coming' ? clockChangeSentence(now, meeting.startsAt, meeting.zone) : undefined,
    reason: meeting.status === 'cancelled' ? (meeting.statusReason ?? undefined) : undefined,
    ...urls,
    calendars: addToCalendarLinks({
      start: meeting.startsAt,
      durationMinutes: meeting.durationMinutes,
      title: meeting.title,
      description: meeting.description,
      link: urls.joinUrl,
    }),
    isComing: moment === 'coming',
    isOn: moment === 'on',
    isOver: moment === 'over',
    isOff: moment === 'off',
    isOpen: moment === 'open',
    canJoin: moment === 'coming' || moment === 'on',
  };
}

/** `off`: cancelled or skipped; `open`: its date is not decided yet. */
export function momentOf(meeting: Meeting, now: Temporal.Instant): MeetingMoment {
  if (meeting.status === 'cancelled' || meeting.status === 'skipped') return 'off';
  if (Temporal.Instant.compare(meetingEnd(meeting), now) <= 0) return 'over';
  if (meeting.status === 'undecided') return 'open';
  return Temporal.Instant.compare(meeting.startsAt, now) <= 0 ? 'on' : 'coming';
}

/** Whom calendar entries name as organiser; before there is a contact address, the server itself. */
export function organiserOf(settings: Settings, config: Config): { name: string; email: string } {
  try {
    const { from } = senderIdentity(settings, config.MAIL_FROM);
    return { name: from.name, email: from.address };
  } catch (error) {
    if (!(error instanceof ConvenorError)) throw error;
    const { hostname } = new URL(config.BASE_URL);
    return {
      name: settings.groupName,
      email: `convenor@${hostname.includes('.') ? hostname : `${hostname}.invalid`}`,
    };
  }
}
