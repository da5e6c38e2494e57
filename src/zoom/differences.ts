import type { MeetingRequest, ZoomMeeting } from './meetings.ts';

/** A value that is not as we want it at Zoom: changed in the portal, or overruled by the account's settings. */
export interface MeetingDifference {
  readonly field:
    | 'topic'
    | 'agenda'
    | 'startsAt'
    | 'durationMinutes'
    | 'passcode'
    | 'waitingRoom'
    | 'joinBeforeHost'
    | 'muteUponEntry'
    | 'alternativeHosts'
    | 'registration';
  /** Instants in ISO 8601, UTC; yes and no as `true` and `false`. */
  readonly wanted: string;
  readonly found: string;
}

type Value = string | number | boolean;

/** Compares a meeting at Zoom with what we want. What Zoom does not tell is not a difference. */
export function compareMeeting(wanted: MeetingRequest, found: ZoomMeeting): MeetingDifference[] {
  const differences: MeetingDifference[] = [];
  const check = (field: MeetingDifference['field'], ours: Value, theirs: Value | undefined) => {
    if (theirs !== undefined && String(ours) !== String(theirs)) {
      differences.push({ field, wanted: String(ours), found: String(theirs) });
    }
  };
  check('topic', wanted.topic.slice(0, 200).trim(), found.topic.trim());
  check('agenda', squash(wanted.agenda.slice(0, 2000)), squash(found.agenda));
  check('startsAt', toSecond(wanted.startsAt), toSecond(found.startsAt));
  check('durationMinutes', wanted.durationMinutes, found.durationMinutes);
  check('passcode', wanted.passcode, found.passcode);
  check('waitingRoom', wanted.waitingRoom, found.waitingRoom);
  check('joinBeforeHost', wanted.joinBeforeHost, found.joinBeforeHost);
  check('muteUponEntry', wanted.muteUponEntry, found.muteUponEntry);
  const hosts = [...wanted.alternativeHosts].map((address) => address.toLowerCase()).sort();
  check('alternativeHosts', hosts.join(', '), found.alternativeHosts.join(', '));
  check('registration', wanted.registration, found.registration);
  return differences;
}

function toSecond(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: 'second' });
}

/** Zoom may change line ends and trailing space. */
function squash(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
