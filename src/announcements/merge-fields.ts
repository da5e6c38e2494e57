import { formatDate, formatDateTime, formatTime } from '../calendar/format.ts';
import { toWall } from '../calendar/wall.ts';
import { mergeFieldFaults, mergeFieldsOf, type MergeFieldFault } from '../kernel/merge-fields.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import type { Settings } from '../organisation/settings.ts';
import { meetingUrls } from './notice-content.ts';

/** Every field that a text may hold, and what stands in its place. There are no others. */
export const MERGE_FIELDS = {
  name: { what: 'the first name of whoever reads it', needs: 'fallback' },
  groupName: { what: 'the name of the group', needs: 'nothing' },
  organisationName: { what: 'the name of the organisation', needs: 'nothing' },
  contactEmail: { what: 'the address that people can write to', needs: 'nothing' },
  siteUrl: { what: 'the address of the public pages', needs: 'nothing' },
  feedUrl: { what: 'the address of the calendar feed', needs: 'nothing' },
  meetingTitle: { what: 'the title of the meeting', needs: 'meeting' },
  meetingWhen: { what: 'date and time of the meeting', needs: 'meeting' },
  meetingDate: { what: 'the date of the meeting', needs: 'meeting' },
  meetingTime: { what: 'the time of day of the meeting', needs: 'meeting' },
  meetingUrl: { what: 'the page of the meeting', needs: 'meeting' },
  joinUrl: { what: 'the link to join the meeting', needs: 'meeting' },
  surveyUrl: { what: 'the two questions after the meeting', needs: 'meeting' },
} as const satisfies Record<string, { what: string; needs: 'nothing' | 'meeting' | 'fallback' }>;

export type MergeFieldName = keyof typeof MERGE_FIELDS;

const NAMES = Object.keys(MERGE_FIELDS);

/** The values that are the same for everybody. Fields about a meeting are left out when there is none. */
export function sharedFields(
  settings: Pick<Settings, 'groupName' | 'organisationName' | 'contactEmail'>,
  baseUrl: string,
  meeting: Meeting | undefined,
): Record<string, string> {
  const { groupName, organisationName, contactEmail } = settings;
  const general = {
    groupName,
    organisationName,
    contactEmail,
    siteUrl: baseUrl,
    feedUrl: `${baseUrl}/calendar.ics`,
  };
  if (!meeting) return general;
  const wall = toWall(meeting.startsAt, meeting.zone);
  const { pageUrl, joinUrl } = meetingUrls(baseUrl, meeting.id);
  return {
    ...general,
    meetingTitle: meeting.title,
    meetingWhen: formatDateTime(meeting.startsAt, meeting.zone),
    meetingDate: formatDate(wall.toPlainDate()),
    meetingTime: formatTime(wall.toPlainTime()),
    meetingUrl: pageUrl,
    joinUrl,
    surveyUrl: `${pageUrl}/survey`,
  };
}

/**
 * What is wrong with the fields of a text, with the line: a field that there is none of (and the nearest), one that
 * needs a meeting where there is none, or a personal one that says nothing to people without a name.
 */
export function fieldFaults(text: string, { hasMeeting }: { hasMeeting: boolean }): MergeFieldFault[] {
  const faults = mergeFieldFaults(text, NAMES);
  for (const { name, fallback, line } of mergeFieldsOf(text)) {
    if (!Object.hasOwn(MERGE_FIELDS, name) || fallback) continue;
    const { needs } = MERGE_FIELDS[name as MergeFieldName];
    if (needs === 'fallback') {
      faults.push({
        line,
        message: `Not everybody gave a name: say what stands there instead, as in {{${name}|there}}.`,
      });
    } else if (needs === 'meeting' && !hasMeeting) {
      faults.push({
        line,
        message: `{{${name}}} needs a meeting: choose one, or say what stands there instead.`,
      });
    }
  }
  return faults.toSorted((a, b) => a.line - b.line);
}
