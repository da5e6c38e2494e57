import { clockChangeSentence } from '../calendar/clock-change.ts';
import { addToCalendarLinks, buildInvite, type CalendarEvent } from '../calendar/icalendar.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { nextMeetings, type Meeting } from '../meetings/occurrences.ts';
import { logoMark } from '../organisation/logo.ts';
import type { Settings } from '../organisation/settings.ts';
import type { Announcement } from './announcements.ts';
import { toldVersion, type ToldVersion } from './corrections.ts';

export interface ContentContext {
  readonly clock: Clock;
  readonly settings: Settings;
  /** Public address of the server, without a slash at the end. */
  readonly baseUrl: string;
  /** Who calendar entries name as organiser. */
  readonly organiser: { readonly name: string; readonly email: string };
}

/** How many further dates of the series a mail names. */
const NEXT_DATES = 3;

/** The foot and head of every mail, from the settings. */
export function senderModel(settings: Settings, baseUrl: string) {
  const logo = logoMark(settings.logo);
  return {
    organisationName: settings.organisationName,
    groupName: settings.groupName,
    postalAddress: settings.postalAddress,
    contactEmail: settings.contactEmail,
    brandColour: settings.brandColour,
    logo: logo ? { url: `${baseUrl}/logo?v=${logo.version}`, width: logo.width, height: logo.height } : null,
    baseUrl,
    clinicalLine: settings.clinicalLine || null,
    texts: settings.mailTexts,
  };
}

/** The public addresses of a meeting. */
export function meetingUrls(baseUrl: string, meetingId: string) {
  const page = `${baseUrl}/m/${meetingId}`;
  return { pageUrl: page, joinUrl: `${page}/join`, icsUrl: `${page}.ics` };
}

/** A meeting as a calendar entry. The link is the redirect, so that a changed room needs no new entry. */
export function meetingEvent(
  meeting: Meeting,
  { baseUrl, organiser }: Pick<ContentContext, 'baseUrl' | 'organiser'>,
): CalendarEvent {
  const { pageUrl, joinUrl } = meetingUrls(baseUrl, meeting.id);
  return {
    uid: meeting.uid,
    sequence: meeting.sequence,
    start: meeting.startsAt,
    durationMinutes: meeting.durationMinutes,
    title: meeting.title,
    description: [meeting.description, `Join: ${joinUrl}`, `Details: ${pageUrl}`]
      .filter(Boolean)
      .join('\n\n'),
    link: joinUrl,
    organiser,
    status: meeting.status === 'cancelled' || meeting.status === 'skipped' ? 'CANCELLED' : 'CONFIRMED',
  };
}

/** The calendar part of a notice: PUBLISH for the list, CANCEL when the meeting is off (RFC 5546 section 3.2). */
export function meetingCalendarPart(
  meeting: Meeting,
  method: 'PUBLISH' | 'CANCEL',
  context: Pick<ContentContext, 'baseUrl' | 'organiser' | 'clock'>,
) {
  return {
    method,
    content: buildInvite({ ...meetingEvent(meeting, context), method, stamp: context.clock.now() }),
    filename: 'meeting.ics',
  };
}

/**
 * What a mail about a meeting is told, whatever its kind: the model of the templates, as plain JSON.
 *
 * @param sendAt when the mail goes out: the line on the clocks counts from then.
 */
export async function meetingMailModel(
  tx: Tx,
  meeting: Meeting,
  sendAt: Temporal.Instant,
  { settings, baseUrl }: ContentContext,
) {
  const { pageUrl, joinUrl, icsUrl } = meetingUrls(baseUrl, meeting.id);
  const following = await nextMeetings(tx, {
    after: meeting.startsAt,
    limit: NEXT_DATES,
    except: meeting.id,
    ...(meeting.seriesId ? { seriesId: meeting.seriesId } : {}),
  });
  return {
    sender: senderModel(settings, baseUrl),
    meeting: {
      id: meeting.id,
      title: meeting.title,
      description: meeting.description,
      start: meeting.startsAt.toString(),
      zone: meeting.zone,
      durationMinutes: meeting.durationMinutes,
      pageUrl,
      joinUrl,
      icsUrl,
      calendarLinks: addToCalendarLinks({
        start: meeting.startsAt,
        durationMinutes: meeting.durationMinutes,
        title: meeting.title,
        description: meeting.description,
        link: joinUrl,
      }),
    },
    nextDates: following.map((next) => ({
      start: next.startsAt.toString(),
      zone: next.zone,
      title: next.title,
      url: meetingUrls(baseUrl, next.id).pageUrl,
    })),
    clockChange: clockChangeSentence(sendAt, meeting.startsAt, meeting.zone) ?? null,
    why: settings.whyYouGetThis,
  };
}

/**
 * Everything that a notice of a meeting says, ready for its template.
 *
 * @throws ConvenorError `not_found`; `internal` for an announcement that is not a notice of a meeting.
 */
export async function noticeContent(tx: Tx, announcement: Announcement, context: ContentContext) {
  if (!announcement.meetingId)
    throw new ConvenorError('internal', 'This announcement is not about a meeting.');
  const meeting = await findMeeting(tx, announcement.meetingId);
  const base = await meetingMailModel(tx, meeting, announcement.sendAt, context);
  const notice = {
    meetingSequence: meeting.sequence,
    calendar: meetingCalendarPart(meeting, 'PUBLISH', context),
  };
  switch (announcement.kind) {
    case 'reminder':
      // A reminder that goes out late must say what is true then, not what was planned.
      return {
        ...notice,
        kind: 'reminder' as const,
        model: { ...base, sendAt: later(announcement.sendAt, context.clock.now()).toString() },
      };
    case 'changed':
      return {
        ...notice,
        kind: 'changed' as const,
        model: {
          ...base,
          changes: changesBetween(announcement.previous as ToldVersion, toldVersion(meeting)),
        },
      };
    case 'cancelled':
      return {
        ...notice,
        calendar: meetingCalendarPart(meeting, 'CANCEL', context),
        kind: 'cancelled' as const,
        model: { ...base, reason: meeting.statusReason },
      };
    default:
      throw new ConvenorError('internal', `"${announcement.kind}" is not a notice of a meeting.`);
  }
}

function later(a: Temporal.Instant, b: Temporal.Instant): Temporal.Instant {
  return Temporal.Instant.compare(a, b) > 0 ? a : b;
}

/** What differs between two versions of a meeting, in the words of the correction. */
export function changesBetween(before: ToldVersion, after: ToldVersion) {
  return [
    ...(before.startsAt === after.startsAt
      ? []
      : [{ what: 'time' as const, before: before.startsAt, after: after.startsAt }]),
    ...(before.durationMinutes === after.durationMinutes
      ? []
      : [{ what: 'duration' as const, before: before.durationMinutes, after: after.durationMinutes }]),
    ...(before.title === after.title
      ? []
      : [{ what: 'title' as const, before: before.title, after: after.title }]),
  ];
}
