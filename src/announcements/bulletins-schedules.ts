import { and, asc, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { formatDate } from '../calendar/format.ts';
import { afterQuietHours } from '../calendar/quiet-hours.ts';
import { checkRuleMatches, occurrenceDates, parseRule } from '../calendar/recurrence.ts';
import { parseDate, parseWallTime, parseZone, toInstant, toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import {
  BULLETIN_TOPICS,
  bulletinSchedules,
  type announcements,
  type BulletinTopic,
  type ItemKind,
} from '../db/schema.ts';
import { invalidInput, type FieldProblem } from '../kernel/errors.ts';
import { derivedId } from '../kernel/ids.ts';
import { paragraph, parsedBy } from '../organisation/setting-types.ts';
import { noticeTitle } from './announcements.ts';
import { PLANNER, type PlanningRules } from './planning.ts';

export type BulletinSchedule = typeof bulletinSchedules.$inferSelect;

export type BulletinScheduleInput = Pick<
  BulletinSchedule,
  'topic' | 'rule' | 'wallTime' | 'zone' | 'approval' | 'introduction' | 'startsOn'
>;

/** The kind of announcement, and of items in it, that goes with a topic. */
export const BULLETINS = {
  training: { kind: 'training_bulletin', mail: 'training-bulletin', items: 'training' },
  vacancies: { kind: 'vacancy_bulletin', mail: 'vacancy-bulletin', items: 'vacancy' },
} as const satisfies Record<BulletinTopic, { kind: string; mail: string; items: ItemKind }>;

/** How long before its time a bulletin is drafted. */
const AHEAD = Temporal.Duration.from({ days: 2 });

/** How long a bulletin is of use; at most until the next one is due. */
const USEFUL = Temporal.Duration.from({ days: 7 });

/** Longer than any two bulletins of a schedule are apart. */
const LOOK_AHEAD = Temporal.Duration.from({ years: 2 });

/** A bulletin that a schedule foresees. */
export interface BulletinDate {
  readonly date: Temporal.PlainDate;
  readonly draftAt: Temporal.Instant;
  readonly sendAt: Temporal.Instant;
  /** From this instant on it is not sent any more. */
  readonly lateAfter: Temporal.Instant;
}

const given = { error: 'must be given' };

const schema = z.object({
  topic: z.enum(BULLETIN_TOPICS, { error: `must be one of ${BULLETIN_TOPICS.join(', ')}` }),
  rule: z.string(given).pipe(parsedBy((text) => parseRule(text).text)),
  time: z.string(given).pipe(parsedBy((text) => parseWallTime(text).toString({ smallestUnit: 'minute' }))),
  zone: z.string(given).pipe(parsedBy((text) => parseZone(text))),
  approval: z.enum(['automatic', 'wait'], {
    error: 'must be "automatic" (send unless I stop it) or "wait" (wait for me)',
  }),
  introduction: z.preprocess((value) => value ?? '', paragraph(2000)),
  startsOn: z.preprocess(
    (value) => value ?? '',
    parsedBy((text) => (text === '' ? null : parseDate(text))),
  ),
});

/**
 * Checks what a form or the command line says of a schedule of bulletins.
 *
 * @param raw keys `topic`, `rule`, `time`, `zone`, `approval`, `introduction`, `startsOn`; `today` stands for a
 *   `startsOn` that is left out.
 * @throws ConvenorError `invalid_input` with a problem for each wrong field.
 */
export function parseBulletinSchedule(raw: unknown, today: Temporal.PlainDate): BulletinScheduleInput {
  const result = schema.safeParse(raw);
  if (!result.success) {
    const [first, ...others] = result.error.issues.map(({ path, message }): FieldProblem => ({
      field: String(path[0] ?? 'input'),
      message,
    }));
    throw invalidInput(first!, ...others);
  }
  const { time, startsOn: wanted, ...rest } = result.data;
  const startsOn = wanted ?? today;
  checkRuleMatches(parseRule(rest.rule), { startsOn });
  return { ...rest, wallTime: time, startsOn };
}

/** The schedules in force, one per topic at most. */
export async function activeBulletinSchedules(tx: Tx): Promise<BulletinSchedule[]> {
  return tx
    .select()
    .from(bulletinSchedules)
    .where(isNull(bulletinSchedules.archivedAt))
    .orderBy(asc(bulletinSchedules.topic));
}

/** The schedule of a topic; `undefined` when its bulletins are off. */
export async function findBulletinSchedule(
  tx: Tx,
  topic: BulletinTopic,
): Promise<BulletinSchedule | undefined> {
  const [schedule] = await tx
    .select()
    .from(bulletinSchedules)
    .where(and(eq(bulletinSchedules.topic, topic), isNull(bulletinSchedules.archivedAt)));
  return schedule;
}

type Timing = Pick<BulletinSchedule, 'rule' | 'wallTime' | 'zone' | 'startsOn'>;

/**
 * The bulletins of a schedule whose dates lie in a span of days (inclusive, in the zone of the schedule). A time
 * within the quiet hours moves to their end.
 */
export function bulletinDates(
  schedule: Timing,
  { from, to }: { from: Temporal.PlainDate; to: Temporal.PlainDate },
  rules: PlanningRules,
): BulletinDate[] {
  const { startsOn, zone } = schedule;
  const rule = parseRule(schedule.rule);
  const sendTime = (date: Temporal.PlainDate) =>
    afterQuietHours(
      toInstant(date.toPlainDateTime(schedule.wallTime), zone),
      rules.timeZone,
      rules.quietHours,
    );
  const dates = occurrenceDates(rule, { startsOn, from, to });
  const last = dates.at(-1);
  const following =
    last && occurrenceDates(rule, { startsOn, from: last.add({ days: 1 }), to: last.add(LOOK_AHEAD) })[0];
  return dates.map((date, index) => {
    const sendAt = sendTime(date);
    const next = dates[index + 1] ?? following;
    const wall = sendAt.toZonedDateTimeISO(zone);
    return {
      date,
      draftAt: wall.subtract(AHEAD).toInstant(),
      sendAt,
      lateAfter: earlier(wall.add(USEFUL).toInstant(), next && sendTime(next)),
    };
  });
}

function earlier(a: Temporal.Instant, b: Temporal.Instant | undefined): Temporal.Instant {
  return b === undefined || Temporal.Instant.compare(a, b) <= 0 ? a : b;
}

/**
 * The next bulletin of a schedule that has not been due yet.
 *
 * @param drafted dates, as `YYYY-MM-DD`, that are passed over.
 */
export function nextBulletin(
  schedule: Timing,
  now: Temporal.Instant,
  rules: PlanningRules,
  drafted: ReadonlySet<string> = new Set(),
): BulletinDate | undefined {
  const today = toWall(now, schedule.zone).toPlainDate();
  const from = Temporal.PlainDate.compare(today, schedule.startsOn) > 0 ? today : schedule.startsOn;
  return bulletinDates(schedule, { from, to: from.add(LOOK_AHEAD) }, rules).find(
    ({ date, sendAt }) => Temporal.Instant.compare(sendAt, now) > 0 && !drafted.has(date.toString()),
  );
}

/** The bulletins that are to be drafted by `now` and are still of use. */
export function draftable(
  schedule: BulletinSchedule,
  now: Temporal.Instant,
  rules: PlanningRules,
): BulletinDate[] {
  const today = toWall(now, schedule.zone).toPlainDate();
  const span = { from: today.subtract(USEFUL).subtract({ days: 1 }), to: today.add(AHEAD).add({ days: 1 }) };
  return bulletinDates(schedule, span, rules).filter(
    ({ draftAt, sendAt, lateAfter }) =>
      Temporal.Instant.compare(draftAt, now) <= 0 &&
      Temporal.Instant.compare(lateAfter, now) > 0 &&
      // What was due before the schedule had this form was never promised.
      Temporal.Instant.compare(sendAt, schedule.updatedAt) > 0,
  );
}

/** The announcement of a bulletin as it is planned. The id follows from schedule and date. */
export function bulletinRow(
  schedule: BulletinSchedule,
  { date, sendAt, lateAfter }: BulletinDate,
  now: Temporal.Instant,
): typeof announcements.$inferInsert {
  const { kind } = BULLETINS[schedule.topic];
  return {
    id: derivedId('bulletin', schedule.id, date.toString()),
    kind,
    topic: schedule.topic,
    title: noticeTitle(kind, formatDate(date)),
    audienceKind: 'topic',
    sendAt,
    zone: schedule.zone,
    lateAfter,
    ...plannedState(schedule, sendAt, now),
    stateAt: now,
    stateBy: PLANNER,
    dedupeKey: `bulletin:${schedule.id}:${date.toString()}`,
    createdAt: now,
    updatedAt: now,
  };
}

/** The state in which a bulletin is drafted at `now`. */
function plannedState(schedule: BulletinSchedule, sendAt: Temporal.Instant, now: Temporal.Instant) {
  if (schedule.approval === 'wait') {
    return { state: 'awaiting_approval' as const, stateReason: null };
  }
  if (Temporal.Instant.compare(sendAt, now) > 0) return { state: 'approved' as const, stateReason: null };
  return {
    state: 'awaiting_approval' as const,
    stateReason:
      'Convenor was not running when this was to be drafted, so nobody could look at it before its time.',
  };
}
