import type { MeetingRequest, ZoomMeeting } from './meetings.ts';

/** The values of a meeting as texts that can be kept and compared; instants in ISO 8601 (UTC), yes and no as `true` and `false`. */
export type MeetingValues = Record<MeetingField, string>;

const FIELDS = [
  'topic',
  'agenda',
  'startsAt',
  'durationMinutes',
  'passcode',
  'waitingRoom',
  'joinBeforeHost',
  'muteUponEntry',
  'alternativeHosts',
  'registration',
] as const;

export type MeetingField = (typeof FIELDS)[number];

/** A value that is not as we want it at Zoom: changed in the portal, or overruled by the account's settings. */
export interface MeetingDifference {
  readonly field: MeetingField;
  readonly wanted: string;
  readonly found: string;
}

/** Compares a meeting at Zoom with what we want. What Zoom does not tell is not a difference. */
export function compareMeeting(wanted: MeetingRequest, found: ZoomMeeting): MeetingDifference[] {
  const ours = meetingValues(wanted);
  const theirs: Partial<Record<MeetingField, string | undefined>> = {
    topic: squash(found.topic),
    agenda: squash(found.agenda),
    startsAt: toSecond(found.startsAt),
    durationMinutes: String(found.durationMinutes),
    passcode: found.passcode,
    waitingRoom: found.waitingRoom?.toString(),
    joinBeforeHost: found.joinBeforeHost?.toString(),
    muteUponEntry: found.muteUponEntry?.toString(),
    alternativeHosts: found.alternativeHosts.join(', '),
    registration: found.registration?.toString(),
  };
  return FIELDS.flatMap((field) => {
    const value = theirs[field];
    return value === undefined || value === ours[field] ? [] : [{ field, wanted: ours[field], found: value }];
  });
}

/** What we want of a meeting, as texts. */
export function meetingValues(wanted: MeetingRequest): MeetingValues {
  return {
    topic: squash(wanted.topic.slice(0, 200)),
    agenda: squash(wanted.agenda.slice(0, 2000)),
    startsAt: toSecond(wanted.startsAt),
    durationMinutes: String(wanted.durationMinutes),
    passcode: wanted.passcode,
    waitingRoom: String(wanted.waitingRoom),
    joinBeforeHost: String(wanted.joinBeforeHost),
    muteUponEntry: String(wanted.muteUponEntry),
    alternativeHosts: [...wanted.alternativeHosts]
      .map((address) => address.toLowerCase())
      .toSorted()
      .join(', '),
    registration: String(wanted.registration),
  };
}

function toSecond(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: 'second' });
}

/** Zoom may change line ends and spaces. */
function squash(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
