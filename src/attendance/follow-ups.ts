import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { rows, type Tx } from '../db/open.ts';
import { followUps, surveyAnswers } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { derivedId } from '../kernel/ids.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';

/** What belongs to a meeting after it. */
export interface FollowUp {
  /** One aim per line; they stand on certificates. */
  readonly learningAims: string;
  readonly slidesUrl: string | null;
  readonly recordingUrl: string | null;
  /** A few words of thanks for the mail, in plain text. */
  readonly note: string;
}

const webAddress = z
  .string()
  .trim()
  .refine((text) => text === '' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)), {
    error: 'must be a web address (example: https://example.org/slides.pdf), or empty',
  })
  .transform((text) => (text === '' ? null : text));

const schema = z.object({
  learningAims: z
    .string()
    .trim()
    .max(2000, { error: 'must have at most 2000 characters' })
    .refine((text) => text.split('\n').length <= 12, { error: 'must be at most 12 lines, one per aim' })
    .default(''),
  slidesUrl: webAddress.default(null),
  recordingUrl: webAddress.default(null),
  note: z.string().trim().max(2000, { error: 'must have at most 2000 characters' }).default(''),
});

const NOTHING: FollowUp = { learningAims: '', slidesUrl: null, recordingUrl: null, note: '' };

/**
 * Checks what a form says.
 *
 * @param raw keys `learningAims`, `slidesUrl`, `recordingUrl`, `note`.
 * @throws ConvenorError `invalid_input` with a problem for each wrong field.
 */
export function parseFollowUp(raw: unknown): FollowUp {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [first, ...others] = result.error.issues.map(({ path, message }) => ({
    field: String(path[0] ?? 'input'),
    message,
  }));
  throw invalidInput(first!, ...others);
}

export async function readFollowUp(tx: Tx, meetingId: string): Promise<FollowUp> {
  const [found] = await tx.select().from(followUps).where(eq(followUps.meetingId, meetingId));
  if (!found) return NOTHING;
  const { learningAims, slidesUrl, recordingUrl, note } = found;
  return { learningAims, slidesUrl, recordingUrl, note };
}

/** @throws ConvenorError `not_found`. */
export async function saveFollowUp(
  tx: Tx,
  meetingId: string,
  followUp: FollowUp,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    await findMeeting(inner, meetingId);
    const values = { ...followUp, updatedAt: clock.now() };
    await inner
      .insert(followUps)
      .values({ meetingId, ...values })
      .onConflictDoUpdate({ target: followUps.meetingId, set: values });
    await recordAudit(
      inner,
      { actor, action: 'meeting.follow_up', subject: meetingId, after: followUp },
      { clock },
    );
  });
}

/** What came of the two questions: "How useful was it?" (1 to 5) and "What should we talk about next?". */
export interface SurveyResult {
  readonly answers: number;
  /** Mean of 1 to 5 with one decimal; null without answers. */
  readonly usefulness: number | null;
  /** In no order that tells who wrote them. */
  readonly wishes: readonly string[];
}

const surveySchema = z.object({
  usefulness: z.coerce
    .number({ error: 'must be a number from 1 to 5' })
    .int({ error: 'must be a number from 1 to 5' })
    .min(1, { error: 'must be a number from 1 to 5' })
    .max(5, { error: 'must be a number from 1 to 5' }),
  wish: z.string().trim().max(500, { error: 'must have at most 500 characters' }).default(''),
});

/**
 * Takes somebody's answers; a second time replaces the first. Neither is kept beside a name.
 *
 * @param visitor what tells one browser from another, such as the value of a cookie; kept as a digest.
 * @param raw keys `usefulness` (1 to 5) and `wish`.
 * @throws ConvenorError `invalid_input`, `not_found`; `wrong_state` when the meeting has not begun.
 */
export async function answerSurvey(
  tx: Tx,
  { meetingId, visitor, raw }: { meetingId: string; visitor: string; raw: unknown },
  { clock }: { clock: Clock },
): Promise<void> {
  const result = surveySchema.safeParse(raw);
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    throw invalidInput({ field: String(path[0] ?? 'input'), message });
  }
  const now = clock.now();
  const meeting = await findMeeting(tx, meetingId);
  if (Temporal.Instant.compare(meeting.startsAt, now) > 0) {
    throw new ConvenorError('wrong_state', 'This meeting has not begun yet.');
  }
  const values = { ...result.data, answeredAt: now };
  await tx
    .insert(surveyAnswers)
    .values({ meetingId, respondent: derivedId('survey', meetingId, visitor), ...values })
    .onConflictDoUpdate({ target: [surveyAnswers.meetingId, surveyAnswers.respondent], set: values });
}

export async function surveyResult(tx: Tx, meetingId: string): Promise<SurveyResult> {
  const [counts] = await rows<{ answers: number; usefulness: number | null }>(
    tx,
    sql`select count(*)::int as answers, round(avg(s.usefulness), 1)::float8 as usefulness
      from survey_answers s where s.meeting_id = ${meetingId}`,
  );
  const wishes = await tx
    .select({ wish: surveyAnswers.wish })
    .from(surveyAnswers)
    .where(eq(surveyAnswers.meetingId, meetingId))
    .orderBy(surveyAnswers.wish);
  return { ...counts!, wishes: wishes.map(({ wish }) => wish).filter((wish) => wish !== '') };
}
