import { eq } from 'drizzle-orm';
import { toWall } from '../calendar/wall.ts';
import { moveMeeting, type ChangeContext } from '../announcements/meeting-changes.ts';
import type { Tx } from '../db/open.ts';
import { zoomMeetings } from '../db/schema.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { formatWall, type MeetingChange } from '../meetings/meeting-input.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import { recordAudit } from '../organisation/audit.ts';
import { readDifferences, readValues, type RoomDifference } from './differences.ts';
import { readRoom } from './ledger.ts';

/**
 * Settles what differs between a meeting and its room at Zoom. `ours`: Zoom is given our values again. `theirs`:
 * time, length and title found at Zoom become the meeting's (people who were told get one correction), other
 * values are agreed to.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when nothing differs; what `moveMeeting` throws.
 */
export async function settleDifferences(
  tx: Tx,
  meetingId: string,
  winner: 'ours' | 'theirs',
  context: ChangeContext,
): Promise<void> {
  await tx.transaction(async (inner) => {
    const { meeting, room } = await readRoom(inner, meetingId);
    const differences = readDifferences(room?.differences ?? []);
    if (!room || differences.length === 0) {
      throw new ConvenorError('wrong_state', 'Nothing differs between this meeting and Zoom.');
    }
    const pushed = readValues(room.pushed);
    if (winner === 'ours') {
      // What Zoom was never given counts as our change, so the next round pushes it.
      for (const { field } of differences) delete pushed[field];
    } else {
      const change = meetingChange(meeting, differences);
      if (Object.keys(change).length > 0) await moveMeeting(inner, meetingId, change, context);
    }
    const agreed = winner === 'ours' ? [] : differences;
    await inner
      .update(zoomMeetings)
      .set({
        pushed,
        accepted: {
          ...readValues(room.accepted),
          ...Object.fromEntries(agreed.map(({ field, found }) => [field, found])),
        },
        ...(winner === 'ours' ? {} : { passcode: agreedPasscode(differences) ?? room.passcode }),
        differences: [],
        checkedAt: null,
        retryAt: null,
        updatedAt: context.clock.now(),
      })
      .where(eq(zoomMeetings.meetingId, meetingId));
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: `room.${winner === 'ours' ? 'put_back' : 'taken_over'}`,
        subject: meetingId,
        after: differences,
      },
      context,
    );
  });
}

/**
 * Lets a room be made at once: after somebody removed it at Zoom, or after trouble whose cause was mended.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when the room is there.
 */
export async function makeRoomNow(tx: Tx, meetingId: string, context: ChangeContext): Promise<void> {
  await tx.transaction(async (inner) => {
    const { room } = await readRoom(inner, meetingId);
    if (!room || (room.zoomId !== null && room.problem === null)) {
      throw new ConvenorError('wrong_state', 'The room of this meeting is not missing.');
    }
    await inner
      .update(zoomMeetings)
      .set({ lostAt: null, retryAt: null, checkedAt: null, updatedAt: context.clock.now() })
      .where(eq(zoomMeetings.meetingId, meetingId));
    await recordAudit(inner, { actor: context.actor, action: 'room.asked_for', subject: meetingId }, context);
  });
}

/** The values found at Zoom that are values of the meeting itself. */
function meetingChange(meeting: Meeting, differences: readonly RoomDifference[]): MeetingChange {
  const found = new Map(differences.map((item) => [item.field, item.found]));
  const startsAt = found.get('startsAt');
  const topic = found.get('topic');
  const minutes = found.get('durationMinutes');
  return {
    ...(startsAt === undefined
      ? {}
      : { wallStart: formatWall(toWall(Temporal.Instant.from(startsAt), meeting.zone)) }),
    ...(topic === undefined ? {} : { title: topic }),
    ...(minutes === undefined ? {} : { durationMinutes: Number(minutes) }),
  };
}

function agreedPasscode(differences: readonly RoomDifference[]): string | undefined {
  return differences.find(({ field }) => field === 'passcode')?.found;
}
