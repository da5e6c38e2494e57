import { eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { rsvps, RSVP_ANSWERS, type RsvpAnswer } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { findMeeting, meetingEnd } from '../meetings/meetings.ts';
import { getSubscriber } from '../subscribers/subscribers.ts';

export type RsvpCounts = Readonly<Record<RsvpAnswer, number>>;

/** @throws ConvenorError `invalid_input` (field `answer`). */
export function parseAnswer(text: string): RsvpAnswer {
  const answer = RSVP_ANSWERS.find((known) => known === text.trim().toLowerCase());
  if (!answer) throw invalidInput({ field: 'answer', message: `must be one of ${RSVP_ANSWERS.join(', ')}` });
  return answer;
}

/** At most this many characters of a question. */
const QUESTION_LENGTH = 500;

/**
 * Notes whether somebody will come, and what they would like to ask there. A later answer replaces an earlier one; it is taken until the meeting ends.
 *
 * @param question plain text for the host; empty takes an earlier one back, absent leaves it.
 * @throws ConvenorError `not_found`; `invalid_input` (field `question`); `wrong_state` when the meeting is over or
 *   does not take place.
 */
export async function answerInvitation(
  tx: Tx,
  {
    meetingId,
    subscriberId,
    answer,
    question,
  }: { meetingId: string; subscriberId: string; answer: RsvpAnswer; question?: string },
  { clock }: { clock: Clock },
): Promise<void> {
  const now = clock.now();
  const meeting = await findMeeting(tx, meetingId);
  await getSubscriber(tx, subscriberId);
  if (meeting.status === 'cancelled' || meeting.status === 'skipped') {
    throw new ConvenorError('wrong_state', 'This meeting does not take place.');
  }
  if (Temporal.Instant.compare(meetingEnd(meeting), now) <= 0) {
    throw new ConvenorError('wrong_state', 'This meeting is over.');
  }
  const text = question?.trim();
  if (text !== undefined && text.length > QUESTION_LENGTH) {
    throw invalidInput({ field: 'question', message: `must have at most ${QUESTION_LENGTH} characters` });
  }
  const values = { answer, answeredAt: now, ...(text === undefined ? {} : { question: text }) };
  await tx
    .insert(rsvps)
    .values({ meetingId, subscriberId, ...values })
    .onConflictDoUpdate({ target: [rsvps.meetingId, rsvps.subscriberId], set: values });
}

/** What this person answered and asked, if anything. */
export async function answerOf(
  tx: Tx,
  meetingId: string,
  subscriberId: string,
): Promise<{ readonly answer: RsvpAnswer; readonly question: string } | undefined> {
  const [found] = await tx
    .select({ answer: rsvps.answer, question: rsvps.question })
    .from(rsvps)
    .where(sql`${rsvps.meetingId} = ${meetingId} and ${rsvps.subscriberId} = ${subscriberId}`);
  return found;
}

/** How many answered what, for the host. */
export async function rsvpCounts(tx: Tx, meetingId: string): Promise<RsvpCounts> {
  const found = await tx
    .select({ answer: rsvps.answer, count: sql<number>`count(*)::int` })
    .from(rsvps)
    .where(eq(rsvps.meetingId, meetingId))
    .groupBy(rsvps.answer);
  const count = (answer: RsvpAnswer) => found.find((row) => row.answer === answer)?.count ?? 0;
  return { yes: count('yes'), no: count('no'), maybe: count('maybe') };
}

/** Somebody who answered an invitation. */
export interface ListedAnswer {
  readonly subscriberId: string;
  readonly name: string | null;
  readonly answer: RsvpAnswer;
  readonly question: string;
}

/** Who answered what and asks what, for the host; yes before maybe before no. */
export async function listAnswers(tx: Tx, meetingId: string): Promise<ListedAnswer[]> {
  return rows(
    tx,
    sql`select r.subscriber_id as "subscriberId", s.name, r.answer, r.question
      from rsvps r join subscribers s on s.id = r.subscriber_id
      where r.meeting_id = ${meetingId}
      order by array_position(array['yes', 'maybe', 'no'], r.answer), s.name, s.id`,
  );
}
