/** The form for a schedule of bulletins: select boxes instead of "FREQ=MONTHLY;BYDAY=1MO". */
import type { FastifyRequest } from 'fastify';
import {
  bulletinDates,
  parseBulletinSchedule,
  type BulletinSchedule,
} from '../../announcements/bulletins-schedules.ts';
import { formatDate, formatTime, zoneLabel } from '../../calendar/format.ts';
import { describeRule, parseRule } from '../../calendar/recurrence.ts';
import { toWall } from '../../calendar/wall.ts';
import type { BulletinTopic } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import type { Settings } from '../../organisation/settings.ts';
import { field } from '../form.ts';
import { NTH, options, WEEKDAYS } from '../schedule-form.ts';
import { capital } from '../views.ts';

const NAMES = [
  'repeat',
  'nth',
  'monthday',
  'weekday',
  'ownRule',
  'time',
  'approval',
  'introduction',
] as const;

/** The fields of the form as text, the way a browser sends them. */
export type BulletinFields = Readonly<Record<(typeof NAMES)[number], string>>;

export const BULLETIN_LABELS = {
  rule: 'When it goes out:',
  time: 'The time',
  approval: 'If nobody acts:',
  introduction: 'The introduction',
};

/** How many dates the preview shows, and how far ahead it looks for them. */
const DATES_SHOWN = 6;
const LOOK_AHEAD = { years: 2 };

/** The first Monday of the month at nine, for somebody who has none yet. */
const FRESH: BulletinFields = {
  repeat: 'month',
  nth: '1',
  monthday: 'MO',
  weekday: 'MO',
  ownRule: '',
  time: '09:00',
  approval: 'automatic',
  introduction: '',
};

export function postedFields(request: FastifyRequest): BulletinFields {
  return Object.fromEntries(NAMES.map((name) => [name, field(request, name)])) as BulletinFields;
}

export function storedFields(schedule: BulletinSchedule | undefined): BulletinFields {
  if (schedule === undefined) return FRESH;
  const { rule, wallTime: time, approval, introduction } = schedule;
  const rest = { ...FRESH, time, approval, introduction, ownRule: rule };
  const monthly = /^FREQ=MONTHLY;BYDAY=(-?\d)([A-Z]{2})$/.exec(rule);
  if (monthly && NTH.some(([value]) => value === monthly[1])) {
    return { ...rest, repeat: 'month', nth: monthly[1]!, monthday: monthly[2]! };
  }
  const weekly = /^FREQ=WEEKLY;BYDAY=([A-Z]{2})$/.exec(rule);
  if (weekly) return { ...rest, repeat: 'week', weekday: weekly[1]! };
  return { ...rest, repeat: 'own' };
}

/**
 * The schedule that the fields describe.
 *
 * @throws ConvenorError `invalid_input` as `parseBulletinSchedule`.
 */
export function scheduleOf(
  topic: BulletinTopic,
  fields: BulletinFields,
  { settings, now, kept }: { settings: Settings; now: Temporal.Instant; kept: BulletinSchedule | undefined },
) {
  const zone = kept?.zone ?? settings.timeZone;
  const { time, approval, introduction } = fields;
  return parseBulletinSchedule(
    { topic, rule: ruleOf(fields), time, zone, approval, introduction },
    toWall(now, zone).toPlainDate(),
  );
}

function ruleOf({ repeat, nth, monthday, weekday, ownRule }: BulletinFields): string {
  if (repeat === 'own') return ownRule;
  return repeat === 'week' ? `FREQ=WEEKLY;BYDAY=${weekday}` : `FREQ=MONTHLY;BYDAY=${nth}${monthday}`;
}

/** What the template shows for the fields. */
export function fieldsModel(fields: BulletinFields) {
  return {
    byMonth: fields.repeat === 'month',
    byWeek: fields.repeat === 'week',
    byOwnRule: fields.repeat === 'own',
    ownRule: fields.ownRule,
    nth: options(NTH, fields.nth),
    monthdays: options(WEEKDAYS, fields.monthday),
    weekdays: options(WEEKDAYS, fields.weekday),
    isAutomatic: fields.approval === 'automatic',
    isWaiting: fields.approval === 'wait',
  };
}

/** "First Monday of the month, 9 am (UK time)". */
export function scheduleInWords(schedule: Pick<BulletinSchedule, 'rule' | 'wallTime' | 'zone'>): string {
  const time = formatTime(Temporal.PlainTime.from(schedule.wallTime));
  return `${capital(describeRule(parseRule(schedule.rule)))}, ${time} (${zoneLabel(schedule.zone)})`;
}

/** The next dates of what has been typed so far, or what is still missing. */
export function datesPreview(
  topic: BulletinTopic,
  fields: BulletinFields,
  context: { settings: Settings; now: Temporal.Instant; kept: BulletinSchedule | undefined },
) {
  try {
    const schedule = scheduleOf(topic, { ...fields, introduction: '' }, context);
    const { rule, wallTime, zone, startsOn } = schedule;
    const today = toWall(context.now, zone).toPlainDate();
    const timing = { rule, wallTime, zone, startsOn };
    const coming = bulletinDates(timing, { from: today, to: today.add(LOOK_AHEAD) }, context.settings).filter(
      ({ sendAt }) => Temporal.Instant.compare(sendAt, context.now) > 0,
    );
    return {
      rule: capital(describeRule(parseRule(rule))),
      time: `${formatTime(Temporal.PlainTime.from(wallTime))} (${zoneLabel(zone)})`,
      dates: coming.slice(0, DATES_SHOWN).map(({ date }) => ({ date: formatDate(date), holiday: undefined })),
    };
  } catch (error) {
    if (!(error instanceof ConvenorError)) throw error;
    return { problem: capital(error.problems.map(({ message }) => message).join('. ')) };
  }
}
