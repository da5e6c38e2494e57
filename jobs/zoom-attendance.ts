import { z } from 'zod';
import { issueCertificates } from '../src/attendance/certificates.ts';
import { listsDue, readInstances, type DueList } from '../src/attendance/due.ts';
import { recordListProblem, takeList } from '../src/attendance/lists.ts';
import type { ParticipantRow } from '../src/attendance/merge.ts';
import { parseEmailAddress } from '../src/kernel/email-address.ts';
import { findMeeting } from '../src/meetings/meetings.ts';
import type { Meeting } from '../src/meetings/occurrences.ts';
import { isRunOf } from '../src/rooms/events.ts';
import { zoomNumber } from '../src/rooms/numbers.ts';
import { readRoom } from '../src/rooms/ledger.ts';
import type { ZoomClient } from '../src/zoom/client.ts';
import { ZoomError } from '../src/zoom/errors.ts';
import type { ZoomParticipant } from '../src/zoom/participants.ts';
import { defineJob } from './define.ts';
import type { Services } from './services.ts';

/** Zoom's lists are ready some minutes after a meeting. */
const READY_AFTER = Temporal.Duration.from({ minutes: 15 });

/** Growing waits between tries; afterwards the administrator may upload the file. */
const WAITS = [
  { minutes: 15 },
  { minutes: 30 },
  { hours: 2 },
  { hours: 6 },
  { hours: 24 },
  { hours: 24 },
] as const;

interface Work extends Services {
  readonly zoom: ZoomClient;
  readonly signal: AbortSignal;
}

/** Takes the list of those who came from Zoom, once a meeting is over; then certificates, where they are automatic. */
export const zoomAttendance = defineJob({
  name: 'zoom-attendance',
  schema: z.object({ meetingId: z.uuid() }),
  concurrency: 1,

  async due({ db, clock, zoom }) {
    if (!zoom) return [];
    const lists = await listsDue(db, { now: clock.now(), readyAfter: READY_AFTER });
    return lists
      .filter(({ zoomId, link }) => numberOf(zoomId, link) !== undefined)
      .map(({ meetingId }) => ({ key: meetingId, payload: { meetingId } }));
  },

  async run({ meetingId }, services) {
    const { db, clock, zoom } = services;
    const [due] = await listsDue(db, { now: clock.now(), readyAfter: READY_AFTER, meetingId });
    if (!zoom || !due) return;
    try {
      await fetchList(due, { ...services, zoom });
    } catch (error) {
      if (!(error instanceof ZoomError)) throw error;
      await putOff(due, error, services);
    }
  },
});

async function fetchList(due: DueList, work: Work): Promise<void> {
  const { db, zoom, signal } = work;
  const meeting = await findMeeting(db, due.meetingId);
  const { room } = await readRoom(db, due.meetingId);
  const number = numberOf(room?.zoomId ?? due.zoomId, meeting.link);
  if (number === undefined) return;
  const instances = await readInstances(db, meeting.id);
  const uuids = new Set([...instances.map(({ uuid }) => uuid), ...(await listRuns(meeting, number, work))]);
  if (uuids.size === 0) {
    throw new ZoomError('meeting_unknown', 'Zoom has no record that this meeting was held.');
  }
  const participants: ParticipantRow[] = [];
  for (const uuid of uuids) participants.push(...(await zoom.listParticipants(uuid, signal)).map(toRow));
  await takeList(db, meeting.id, { source: 'zoom', participants, actual: actualTimes(instances) }, work);
  const settings = await work.settings();
  if (settings.certificatesAutomatic) {
    await issueCertificates(db, { meetingId: meeting.id, who: 'proven' }, settings, {
      ...work,
      actor: 'system',
    });
  }
}

/** The runs of the meeting that Zoom lists; an account that may not ask knows them from events alone. */
async function listRuns(meeting: Meeting, number: string, { zoom, signal }: Work): Promise<string[]> {
  try {
    const runs = await zoom.listInstances(number, signal);
    return runs.filter(({ startedAt }) => isRunOf(meeting, startedAt)).map(({ uuid }) => uuid);
  } catch (error) {
    const closed =
      error instanceof ZoomError && ['scope_missing', 'not_allowed', 'meeting_unknown'].includes(error.fault);
    if (!closed) throw error;
    return [];
  }
}

/** From the first start to the last end, where all ends are known. */
function actualTimes(
  instances: readonly { startedAt: Temporal.Instant | null; endedAt: Temporal.Instant | null }[],
): { startedAt?: Temporal.Instant; endedAt?: Temporal.Instant } {
  const starts = instances.flatMap(({ startedAt }) => startedAt ?? []).toSorted(inOrder);
  const ends = instances.flatMap(({ endedAt }) => endedAt ?? []).toSorted(inOrder);
  const last = ends.at(-1);
  return {
    ...(starts[0] === undefined ? {} : { startedAt: starts[0] }),
    ...(ends.length < instances.length || last === undefined ? {} : { endedAt: last }),
  };
}

async function putOff(due: DueList, error: ZoomError, { db, clock, log }: Services): Promise<void> {
  log.warn(
    { meetingId: due.meetingId, fault: error.fault, trackingId: error.trackingId },
    'no attendance list yet',
  );
  const wait = WAITS[due.attempts];
  const next = wait === undefined ? undefined : later(clock.now().add(wait), error.retryAt);
  await recordListProblem(db, due.meetingId, { problem: error.message, retryAt: next });
}

function toRow({
  name,
  email,
  registrantId,
  personId,
  joinedAt,
  leftAt,
  inWaitingRoom,
}: ZoomParticipant): ParticipantRow {
  const normalised = email === undefined ? undefined : normalise(email);
  return {
    name,
    ...(normalised === undefined ? {} : { email: normalised }),
    ...(registrantId === undefined ? {} : { registrantId }),
    ...(personId === undefined ? {} : { personId }),
    time: { from: joinedAt, to: inOrder(joinedAt, leftAt) > 0 ? joinedAt : leftAt },
    inWaitingRoom,
  };
}

function normalise(email: string): string | undefined {
  try {
    return parseEmailAddress(email).normalised;
  } catch {
    return undefined;
  }
}

function numberOf(zoomId: string | null, link: string): string | undefined {
  return zoomId ?? zoomNumber(link);
}

function inOrder(a: Temporal.Instant, b: Temporal.Instant): number {
  return Temporal.Instant.compare(a, b);
}

function later(a: Temporal.Instant, b: Temporal.Instant | undefined): Temporal.Instant {
  return b !== undefined && inOrder(b, a) > 0 ? b : a;
}
