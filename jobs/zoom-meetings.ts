import { z } from 'zod';
import { readDifferences, readValues, shownDifferences, splitDifferences } from '../src/rooms/differences.ts';
import { roomsDue } from '../src/rooms/due.ts';
import {
  claimCreate,
  prepareRoom,
  readRoom,
  recordChecked,
  recordGone,
  recordLookedAgain,
  recordMade,
  recordProblem,
  spendHostCall,
} from '../src/rooms/ledger.ts';
import { wantedRoom, wantsRoom, type Room } from '../src/rooms/wanted.ts';
import type { Meeting } from '../src/meetings/occurrences.ts';
import type { Services } from './services.ts';
import type { ZoomClient } from '../src/zoom/client.ts';
import { compareMeeting, meetingValues } from '../src/zoom/differences.ts';
import { ZoomError } from '../src/zoom/errors.ts';
import type { MeetingRequest, ZoomMeeting } from '../src/zoom/meetings.ts';
import { nextUtcMidnight } from '../src/zoom/refusals.ts';
import { defineJob } from './define.ts';

/** A worker that stood still for this long after its claim does not send the call any more. */
const FRESH_SECONDS = 30;

interface Work extends Services {
  readonly zoom: ZoomClient;
  readonly signal: AbortSignal;
}

/**
 * Keeps the rooms at Zoom in step with the meetings: makes, changes and removes them, one meeting at a time. A
 * failed call is kept as the room's problem with the time of the next try, so it is no failure of the job.
 */
export const zoomMeetings = defineJob({
  name: 'zoom-meetings',
  schema: z.object({ meetingId: z.uuid() }),
  concurrency: 1,

  async due({ db, clock, settings, zoom }) {
    if (!zoom) return [];
    const { zoomHost } = await settings();
    const ids = await roomsDue(db, { now: clock.now(), canMake: zoomHost !== '' });
    return ids.map((meetingId) => ({ key: meetingId, payload: { meetingId } }));
  },

  async run({ meetingId }, services) {
    const { db, clock, zoom } = services;
    if (!zoom) return;
    const work = { ...services, zoom };
    const { meeting, room } = await readRoom(db, meetingId);
    // A meeting that has begun is left alone, whatever became of it here.
    if (Temporal.Instant.compare(meeting.startsAt, clock.now()) <= 0) return;
    const wanted = wantsRoom(meeting);
    if (wanted && !room?.zoomId) {
      const { zoomHost } = await services.settings();
      const prepared = await prepareRoom(db, meetingId, zoomHost, { clock });
      await attempt(work, prepared, () => make(meeting, prepared, work));
    } else if (room?.lookAgainAt && Temporal.Instant.compare(room.lookAgainAt, clock.now()) <= 0) {
      await attempt(work, room, () => removeTwins(room, work));
    } else if (room) {
      await attempt(work, room, () => (wanted ? keepInStep(meeting, room, work) : remove(room, work)));
    }
  },
});

/** Runs one call to Zoom and records how it failed. What an earlier create call did stays unknown until a look. */
async function attempt(work: Work, room: Room, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof ZoomError)) throw error;
    const { message, retryAt, trackingId, fault, mayHaveHappened } = error;
    work.log.warn({ meetingId: room.meetingId, fault, trackingId }, 'a call to Zoom failed');
    await recordProblem(
      work.db,
      room.meetingId,
      { message, retryAt, createUncertain: mayHaveHappened || room.createSentAt !== null },
      work,
    );
  }
}

async function make(meeting: Meeting, room: Room, work: Work): Promise<void> {
  const { db, zoom, signal, clock } = work;
  const [existing] = await zoom.findMeetings(room.host, room.marker, signal);
  if (existing) {
    // Nothing is known to have been pushed, so the next round brings it in step.
    const state = {
      zoomId: existing.id,
      joinUrl: linkFor(existing),
      pushed: {},
      sequence: -1,
      differences: [],
    };
    await recordMade(db, meeting.id, state, work);
    return;
  }
  const wanted = wantedRoom(meeting, room, await work.settings());
  const claimed = clock.now();
  if (!(await claimCreate(db, meeting.id, work))) return;
  await spendOrWait(room, work);
  if (clock.now().since(claimed).total('seconds') > FRESH_SECONDS) return;
  const made = await zoom.createMeeting(room.host, wanted, signal);
  const differences = shownDifferences(compareMeeting(wanted, made), {
    justPushed: Object.keys(meetingValues(wanted)),
    before: [],
    accepted: {},
  });
  const state = {
    zoomId: made.id,
    joinUrl: linkFor(made),
    pushed: meetingValues(wanted),
    sequence: meeting.sequence,
    differences,
  };
  if (!(await recordMade(db, meeting.id, state, work))) await zoom.deleteMeeting(made.id, signal);
}

async function keepInStep(meeting: Meeting, room: Room, work: Work): Promise<void> {
  const { db, zoom, signal } = work;
  const wanted = wantedRoom(meeting, room, await work.settings());
  let found: ZoomMeeting;
  try {
    found = await zoom.getMeeting(room.zoomId!, signal);
  } catch (error) {
    if (!(error instanceof ZoomError && error.fault === 'meeting_unknown')) throw error;
    const [again] = await zoom.findMeetings(room.host, room.marker, signal);
    if (!again) return recordGone(db, meeting.id, true, work);
    found = again;
  }
  const { ours } = splitDifferences(compareMeeting(wanted, found), readValues(room.pushed));
  if (ours.length > 0) {
    await spendOrWait(room, work);
    found = await zoom.updateMeeting(found.id, pick(wanted, ours), signal);
  }
  const differences = shownDifferences(compareMeeting(wanted, found), {
    justPushed: ours,
    before: readDifferences(room.differences),
    accepted: readValues(room.accepted),
  });
  const pushed = meetingValues(wanted);
  await recordChecked(
    db,
    meeting.id,
    { zoomId: found.id, joinUrl: linkFor(found), pushed, sequence: meeting.sequence, differences },
    work,
  );
}

async function remove(room: Room, { db, zoom, signal, clock }: Work): Promise<void> {
  if (room.zoomId !== null) await zoom.deleteMeeting(room.zoomId, signal);
  else if (room.createSentAt !== null) {
    for (const { id } of await zoom.findMeetings(room.host, room.marker, signal)) {
      await zoom.deleteMeeting(id, signal);
    }
  }
  await recordGone(db, room.meetingId, false, { clock });
}

/** Removes what a lost create call has made after all, beside the room that people were told of. */
async function removeTwins(room: Room, { db, zoom, signal }: Work): Promise<void> {
  for (const twin of await zoom.findMeetings(room.host, room.marker, signal)) {
    if (twin.id !== room.zoomId && twin.passcode === room.passcode) await zoom.deleteMeeting(twin.id, signal);
  }
  await recordLookedAgain(db, room.meetingId);
}

/** Zoom's budget per host is counted here before a call, so that it is never used up for people. */
async function spendOrWait(room: Room, { db, clock }: Work): Promise<void> {
  if (await spendHostCall(db, room.host, { clock })) return;
  throw new ZoomError('rate_limited', 'The host’s create and update calls of this day are used up.', {
    retryAt: nextUtcMidnight(clock.now()),
  });
}

/** Where people join: by registering first, where that is asked of them. */
function linkFor(meeting: ZoomMeeting): string {
  return meeting.registration === true && meeting.registrationUrl ? meeting.registrationUrl : meeting.joinUrl;
}

/** The given values; the zone goes with the start. */
function pick(wanted: MeetingRequest, fields: readonly string[]): Partial<MeetingRequest> {
  const chosen = Object.entries(wanted).filter(([field]) => fields.includes(field));
  return {
    ...(Object.fromEntries(chosen) as Partial<MeetingRequest>),
    ...(fields.includes('startsAt') ? { zone: wanted.zone } : {}),
  };
}
