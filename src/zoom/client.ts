import { z } from 'zod';
import { createConnection, type ConnectionOptions } from './connection.ts';
import {
  createMeeting,
  deleteMeeting,
  findMeetings,
  getMeeting,
  getStartLink,
  updateMeeting,
  type MeetingRequest,
  type ZoomMeeting,
} from './meetings.ts';
import { listInstances, listParticipants, type ZoomInstance, type ZoomParticipant } from './participants.ts';

/** A person of the Zoom account. */
export interface ZoomHost {
  readonly id: string;
  /** False on the Basic plan: its meetings end after 40 minutes. */
  readonly licensed: boolean;
  readonly active: boolean;
}

/** The part of Zoom that Convenor uses. Every method throws `ZoomError` only. */
export interface ZoomClient {
  createMeeting(host: string, wanted: MeetingRequest, signal?: AbortSignal): Promise<ZoomMeeting>;
  findMeetings(host: string, marker: string, signal?: AbortSignal): Promise<ZoomMeeting[]>;
  getMeeting(id: string, signal?: AbortSignal): Promise<ZoomMeeting>;
  /** Lets whoever has it act as the host: for a redirect at once, never to be kept, logged or mailed. */
  getStartLink(id: string, signal?: AbortSignal): Promise<string>;
  updateMeeting(id: string, changes: Partial<MeetingRequest>, signal?: AbortSignal): Promise<ZoomMeeting>;
  deleteMeeting(id: string, signal?: AbortSignal): Promise<void>;
  listInstances(meetingId: string, signal?: AbortSignal): Promise<ZoomInstance[]>;
  listParticipants(instanceUuid: string, signal?: AbortSignal): Promise<ZoomParticipant[]>;
  /** Checks the credentials and the host in one call. */
  checkHost(host: string, signal?: AbortSignal): Promise<ZoomHost>;
}

const userAnswer = z
  .object({ id: z.string(), type: z.number(), status: z.string().default('active') })
  .transform(({ id, type, status }): ZoomHost => ({ id, licensed: type === 2, active: status === 'active' }));

/** A client of one Zoom account; see the functions of the same names for what each promises. */
export function createZoomClient(options: ConnectionOptions): ZoomClient {
  const connection = createConnection(options);
  return {
    createMeeting: (host, wanted, signal) => createMeeting(connection, host, wanted, signal),
    findMeetings: (host, marker, signal) => findMeetings(connection, host, marker, signal),
    getMeeting: (id, signal) => getMeeting(connection, id, signal),
    getStartLink: (id, signal) => getStartLink(connection, id, signal),
    updateMeeting: (id, changes, signal) => updateMeeting(connection, id, changes, signal),
    deleteMeeting: (id, signal) => deleteMeeting(connection, id, signal),
    listInstances: (id, signal) => listInstances(connection, id, signal),
    listParticipants: (uuid, signal) => listParticipants(connection, uuid, signal),
    checkHost: (host, signal) =>
      connection.send({ method: 'GET', path: `/users/${encodeURIComponent(host)}`, signal }, userAnswer),
  };
}
