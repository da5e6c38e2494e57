import { z } from 'zod';
import type { Connection } from './connection.ts';
import { ZoomError } from './errors.ts';
import { instantText } from './fields.ts';

/** One connection of one device: a person may have several, also at the same time. */
export interface ZoomParticipant {
  readonly name: string;
  /** Only for people who were signed in or registered. */
  readonly email?: string;
  readonly registrantId?: string;
  /** Zoom's lasting id of a signed-in person. */
  readonly personId?: string;
  readonly joinedAt: Temporal.Instant;
  readonly leftAt: Temporal.Instant;
  readonly inWaitingRoom: boolean;
}

export interface ZoomInstance {
  readonly uuid: string;
  readonly startedAt: Temporal.Instant;
}

const instancesAnswer = z.object({
  meetings: z.array(z.object({ uuid: z.string(), start_time: instantText })).default([]),
});

const participantsAnswer = z.object({
  participants: z
    .array(
      z.object({
        id: z.string().default(''),
        name: z.string().default(''),
        user_email: z.string().default(''),
        registrant_id: z.string().default(''),
        join_time: instantText,
        leave_time: instantText,
        status: z.string().default('in_meeting'),
      }),
    )
    .default([]),
  next_page_token: z.string().default(''),
});

/** The runs of a meeting, oldest first: each has a UUID of its own. */
export async function listInstances(
  connection: Connection,
  meetingId: string,
  signal?: AbortSignal,
): Promise<ZoomInstance[]> {
  const path = `/past_meetings/${encodeURIComponent(meetingId)}/instances`;
  const { meetings } = await connection.send({ method: 'GET', path, signal }, instancesAnswer);
  return meetings
    .map(({ uuid, start_time }) => ({ uuid, startedAt: start_time }))
    .toSorted((a, b) => Temporal.Instant.compare(a.startedAt, b.startedAt));
}

/**
 * Everybody who joined one run of a meeting. Accounts differ in what they may read: when the list of past
 * participants is refused, the participant report is asked.
 *
 * @throws ZoomError `scope_missing` or `not_allowed` when both are refused, `meeting_unknown` when Zoom has no
 *   list (yet).
 */
export async function listParticipants(
  connection: Connection,
  instanceUuid: string,
  signal?: AbortSignal,
): Promise<ZoomParticipant[]> {
  const segment = encodeUuid(instanceUuid);
  try {
    return await readPages(connection, `/past_meetings/${segment}/participants`, {}, signal);
  } catch (error) {
    if (!(error instanceof ZoomError && (error.fault === 'scope_missing' || error.fault === 'not_allowed')))
      throw error;
    return readPages(
      connection,
      `/report/meetings/${segment}/participants`,
      { include_fields: 'registrant_id' },
      signal,
    );
  }
}

/**
 * A UUID as a path segment: encoded twice when it begins with `/` or contains `//`, else once. Zoom documents
 * exactly this; always encoding twice is not promised to work.
 */
export function encodeUuid(uuid: string): string {
  const once = encodeURIComponent(uuid);
  return uuid.startsWith('/') || uuid.includes('//') ? encodeURIComponent(once) : once;
}

async function readPages(
  connection: Connection,
  path: string,
  extra: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<ZoomParticipant[]> {
  const rows: ZoomParticipant[] = [];
  for (let token = ''; ;) {
    const query = { page_size: '300', ...extra, ...(token === '' ? {} : { next_page_token: token }) };
    const page = await connection.send({ method: 'GET', path, query, signal }, participantsAnswer);
    for (const row of page.participants) {
      rows.push({
        name: row.name.trim(),
        ...(row.user_email.trim() === '' ? {} : { email: row.user_email.trim() }),
        ...(row.registrant_id === '' ? {} : { registrantId: row.registrant_id }),
        ...(row.id === '' ? {} : { personId: row.id }),
        joinedAt: row.join_time,
        leftAt: row.leave_time,
        inWaitingRoom: row.status === 'in_waiting_room',
      });
    }
    token = page.next_page_token;
    if (token === '') return rows;
  }
}
