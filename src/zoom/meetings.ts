import { z } from 'zod';
import type { Connection } from './connection.ts';
import { ZoomError } from './errors.ts';
import { instantText, meetingId } from './fields.ts';

/** What a meeting at Zoom is to be like. */
export interface MeetingRequest {
  /** At most 200 characters; a longer one is cut. */
  readonly topic: string;
  /** At most 2,000 characters; a longer one is cut. Begins with the marker: lists show only its first 250. */
  readonly agenda: string;
  readonly startsAt: Temporal.Instant;
  /** IANA zone in which Zoom shows the start. */
  readonly zone: string;
  readonly durationMinutes: number;
  /** At most 10 of `a-z A-Z 0-9 @ - _ *`. */
  readonly passcode: string;
  readonly waitingRoom: boolean;
  readonly joinBeforeHost: boolean;
  readonly muteUponEntry: boolean;
  /** Addresses of licensed people of the account. */
  readonly alternativeHosts: readonly string[];
  readonly registration: boolean;
}

const summary = z.object({
  id: meetingId,
  agenda: z.string().default(''),
  created_at: instantText,
});

/**
 * A meeting as Zoom tells it, without the fields that must not come in: `start_url` lets anyone act as the
 * host, so it is dropped here; only `getStartLink` asks for it.
 */
const meetingAnswer = z
  .object({
    id: meetingId,
    uuid: z.string(),
    topic: z.string(),
    agenda: z.string().default(''),
    start_time: instantText,
    timezone: z.string(),
    duration: z.number(),
    created_at: instantText,
    host_email: z.string().optional(),
    join_url: z.url(),
    password: z.string().default(''),
    registration_url: z.url().optional(),
    settings: z
      .object({
        waiting_room: z.boolean(),
        join_before_host: z.boolean(),
        mute_upon_entry: z.boolean(),
        approval_type: z.number(),
        alternative_hosts: z.string(),
        auto_recording: z.string(),
      })
      .partial()
      .default({}),
  })
  .transform((found) => ({
    id: found.id,
    uuid: found.uuid,
    topic: found.topic,
    agenda: found.agenda,
    startsAt: found.start_time,
    zone: found.timezone,
    durationMinutes: found.duration,
    createdAt: found.created_at,
    host: found.host_email,
    joinUrl: found.join_url,
    passcode: found.password,
    registrationUrl: found.registration_url,
    waitingRoom: found.settings.waiting_room,
    joinBeforeHost: found.settings.join_before_host,
    muteUponEntry: found.settings.mute_upon_entry,
    registration: found.settings.approval_type === undefined ? undefined : found.settings.approval_type !== 2,
    alternativeHosts: splitAddresses(found.settings.alternative_hosts ?? ''),
    recording: found.settings.auto_recording,
  }));

export type ZoomMeeting = z.output<typeof meetingAnswer>;

const listAnswer = z.object({
  meetings: z.array(summary).default([]),
  next_page_token: z.string().default(''),
});

const nothing = z.unknown().transform(() => undefined);

/**
 * Creates a scheduled meeting. There is no idempotency key: when the error has `mayHaveHappened`, look with
 * `findMeetings` before trying again.
 *
 * @param host the host's e-mail address or Zoom user id.
 */
export async function createMeeting(
  connection: Connection,
  host: string,
  wanted: MeetingRequest,
  signal?: AbortSignal,
): Promise<ZoomMeeting> {
  const path = `/users/${encodeURIComponent(host)}/meetings`;
  const { settings, ...values } = toBody(wanted);
  const quiet = { auto_recording: 'none', email_notification: false, use_pmi: false };
  const body = { type: 2, ...values, settings: { ...settings, ...quiet } };
  return connection.send({ method: 'POST', path, body, signal }, meetingAnswer);
}

/**
 * The host's coming meetings whose agenda holds the marker, oldest first. The list tells only the first 250
 * characters of an agenda, so the marker must stand at its beginning.
 */
export async function findMeetings(
  connection: Connection,
  host: string,
  marker: string,
  signal?: AbortSignal,
): Promise<ZoomMeeting[]> {
  const path = `/users/${encodeURIComponent(host)}/meetings`;
  const marked: z.output<typeof summary>[] = [];
  for (let token = ''; ;) {
    const query = { type: 'upcoming', page_size: '300', ...(token === '' ? {} : { next_page_token: token }) };
    const page = await connection.send({ method: 'GET', path, query, signal }, listAnswer);
    marked.push(...page.meetings.filter((meeting) => meeting.agenda.includes(marker)));
    token = page.next_page_token;
    if (token === '') break;
  }
  const found: ZoomMeeting[] = [];
  for (const { id } of marked.toSorted((a, b) => Temporal.Instant.compare(a.created_at, b.created_at))) {
    try {
      found.push(await getMeeting(connection, id, signal));
    } catch (error) {
      // Removed since the list was made.
      if (!(error instanceof ZoomError && error.fault === 'meeting_unknown')) throw error;
    }
  }
  return found;
}

/** @throws ZoomError `meeting_unknown` when it does not exist, or no longer. */
export async function getMeeting(
  connection: Connection,
  id: string,
  signal?: AbortSignal,
): Promise<ZoomMeeting> {
  return connection.send({ method: 'GET', path: meetingPath(id), signal }, meetingAnswer);
}

const startAnswer = z.object({ start_url: z.url({ protocol: /^https$/ }) });

/** The link by which the host starts the meeting; good for about two hours. @throws ZoomError `meeting_unknown`. */
export async function getStartLink(
  connection: Connection,
  id: string,
  signal?: AbortSignal,
): Promise<string> {
  const found = await connection.send({ method: 'GET', path: meetingPath(id), signal }, startAnswer);
  return found.start_url;
}

/**
 * Changes the given values, and only these: naming the passcode may make a new link. Reads the meeting again
 * afterwards, since the account may overrule what was asked for.
 */
export async function updateMeeting(
  connection: Connection,
  id: string,
  changes: Partial<MeetingRequest>,
  signal?: AbortSignal,
): Promise<ZoomMeeting> {
  await connection.send({ method: 'PATCH', path: meetingPath(id), body: toBody(changes), signal }, nothing);
  return getMeeting(connection, id, signal);
}

/** Removes the meeting without a mail by Zoom. One that is unknown or over counts as removed. */
export async function deleteMeeting(connection: Connection, id: string, signal?: AbortSignal): Promise<void> {
  const query = { schedule_for_reminder: 'false', cancel_meeting_reminder: 'false' };
  try {
    await connection.send({ method: 'DELETE', path: meetingPath(id), query, signal }, nothing);
  } catch (error) {
    if (error instanceof ZoomError && (error.fault === 'meeting_unknown' || error.fault === 'meeting_over'))
      return;
    throw error;
  }
}

function meetingPath(id: string): string {
  return `/meetings/${encodeURIComponent(id)}`;
}

/**
 * The given values in Zoom's names; JSON leaves out the others. The start goes as UTC: it names one instant
 * also in the hour that a clock change repeats.
 */
function toBody(values: Partial<MeetingRequest>) {
  return {
    topic: values.topic && cut(values.topic, 200),
    agenda: values.agenda && cut(values.agenda, 2000),
    start_time: values.startsAt?.toString({ smallestUnit: 'second' }),
    timezone: values.zone,
    duration: values.durationMinutes,
    password: values.passcode,
    settings: {
      waiting_room: values.waitingRoom,
      join_before_host: values.joinBeforeHost,
      mute_upon_entry: values.muteUponEntry,
      approval_type: values.registration === undefined ? undefined : values.registration ? 0 : 2,
      alternative_hosts: values.alternativeHosts?.join(';'),
    },
  };
}

/** The first `length` UTF-16 units, never half a character. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = /[\uD800-\uDBFF]/.test(text[length - 1]!) ? length - 1 : length;
  return text.slice(0, end);
}

export function splitAddresses(text: string): string[] {
  return text
    .split(/[;,]/)
    .map((address) => address.trim().toLowerCase())
    .filter((address) => address !== '')
    .toSorted();
}
