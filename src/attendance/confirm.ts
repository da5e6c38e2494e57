import { and, eq } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { attendances } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { getSubscriber } from '../subscribers/subscribers.ts';
import { lockAttendances, readSession, readSpans } from './lists.ts';
import { joinSpans, sessionSeconds, unionSeconds } from './merge.ts';

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
}

type Row = typeof attendances.$inferSelect;

/**
 * Says who a guest is: the administrator knows. When that person is on the list already (a second device under
 * another name), the two become one, with no minute counted twice.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when it is known who this is.
 */
export async function confirmAttendee(
  tx: Tx,
  { attendanceId, subscriberId }: { attendanceId: string; subscriberId: string },
  { clock, actor }: Context,
): Promise<void> {
  await tx.transaction(async (inner) => {
    const [guest] = await lockAttendances(inner, [attendanceId]);
    if (!guest) throw notFound('attendance', attendanceId);
    if (guest.subscriberId !== null) {
      throw new ConvenorError('wrong_state', 'It is already known who this is. Undo that first.');
    }
    const subscriber = await getSubscriber(inner, subscriberId);
    const [present] = await inner
      .select()
      .from(attendances)
      .where(and(eq(attendances.meetingId, guest.meetingId), eq(attendances.subscriberId, subscriber.id)))
      .for('update');
    if (present) {
      await inner.delete(attendances).where(eq(attendances.id, guest.id));
      await inner
        .update(attendances)
        .set(await combined(inner, present, guest))
        .where(eq(attendances.id, present.id));
    } else {
      await inner
        .update(attendances)
        .set({ subscriberId: subscriber.id, matchedBy: 'person', suggestedId: null })
        .where(eq(attendances.id, guest.id));
    }
    await recordAudit(
      inner,
      {
        actor,
        action: 'attendance.confirmed',
        subject: guest.meetingId,
        after: { subscriberId: subscriber.id, joinedWith: present?.id ?? null },
      },
      { clock },
    );
  });
}

/**
 * Takes back who an attendee was said to be, so that they are a guest again.
 *
 * @throws ConvenorError `not_found`; `wrong_state` for a match by address, which is no opinion.
 */
export async function unconfirmAttendee(
  tx: Tx,
  attendanceId: string,
  { clock, actor }: Context,
): Promise<void> {
  await tx.transaction(async (inner) => {
    const [row] = await lockAttendances(inner, [attendanceId]);
    if (!row) throw notFound('attendance', attendanceId);
    if (row.matchedBy !== 'person' && row.matchedBy !== 'rsvp') {
      throw new ConvenorError('wrong_state', 'Nobody said who this is, so there is nothing to take back.');
    }
    await inner
      .update(attendances)
      .set({ subscriberId: null, matchedBy: null, suggestedId: row.subscriberId })
      .where(eq(attendances.id, attendanceId));
    await recordAudit(
      inner,
      {
        actor,
        action: 'attendance.unconfirmed',
        subject: row.meetingId,
        before: { subscriberId: row.subscriberId },
      },
      { clock },
    );
  });
}

async function combined(tx: Tx, present: Row, guest: Row): Promise<Partial<Row>> {
  const session = await readSession(tx, present.meetingId);
  const spans = joinSpans([...readSpans(present.spans), ...readSpans(guest.spans)]);
  const withoutTimes = [present, guest]
    .filter((row) => readSpans(row.spans).length === 0)
    .reduce((seconds, row) => seconds + row.seconds, 0);
  return {
    names: [...new Set([...present.names, ...guest.names])],
    byPhone: present.byPhone && guest.byPhone,
    seconds: Math.min(Math.floor(unionSeconds(spans, session)) + withoutTimes, sessionSeconds(session)),
    joins: present.joins + guest.joins,
    firstJoinedAt: spans[0]?.from ?? null,
    lastLeftAt: spans.at(-1)?.to ?? null,
    spans: spans.map(({ from, to }) => [from.toString(), to.toString()]),
  };
}
