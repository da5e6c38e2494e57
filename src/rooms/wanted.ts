import { randomInt } from 'node:crypto';
import type { zoomMeetings } from '../db/schema.ts';
import { MADE_AT_ZOOM } from '../meetings/meeting-input.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import type { Settings } from '../organisation/settings.ts';

/** What is known about the meeting that Convenor made at Zoom for one of its own. */
export type Room = typeof zoomMeetings.$inferSelect;

export type RoomSettings = Pick<
  Settings,
  'zoomHost' | 'zoomAlternativeHosts' | 'zoomWaitingRoom' | 'zoomRegistration'
>;

/** Whether a meeting is to have a room: it takes place and asks for one. */
export function wantsRoom(meeting: Meeting): boolean {
  return meeting.link === MADE_AT_ZOOM && meeting.status === 'scheduled';
}

/** The mark by which a meeting is found again at Zoom; the same for one meeting for ever. */
export function roomMarker(meetingId: string): string {
  return `convenor-${meetingId}`;
}

/** What the room of a meeting is to be like. */
export function wantedRoom(
  meeting: Meeting,
  room: Pick<Room, 'host' | 'passcode' | 'marker'>,
  settings: RoomSettings,
) {
  return {
    topic: meeting.title,
    // The mark comes first: lists at Zoom show only the beginning of an agenda.
    agenda: [`Reference: ${room.marker}`, meeting.description].filter(Boolean).join('\n\n'),
    startsAt: meeting.startsAt,
    zone: meeting.zone,
    durationMinutes: meeting.durationMinutes,
    passcode: room.passcode,
    waitingRoom: settings.zoomWaitingRoom,
    joinBeforeHost: false,
    muteUponEntry: true,
    alternativeHosts: settings.zoomAlternativeHosts.filter((address) => address !== room.host.toLowerCase()),
    registration: settings.zoomRegistration,
  };
}

const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ';
const DIGITS = '23456789';

/**
 * A new passcode: ten characters that nobody mistakes for others, with letters, digits and a sign, as strict
 * accounts demand. Zoom allows `a-z A-Z 0-9 @ - _ *` and at most ten.
 */
export function newPasscode(): string {
  return `${pick(LETTERS, 4)}${pick(DIGITS, 2)}-${pick(LETTERS, 2)}${pick(DIGITS, 1)}`;
}

function pick(from: string, count: number): string {
  return Array.from({ length: count }, () => from[randomInt(from.length)]).join('');
}
