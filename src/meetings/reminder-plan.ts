import { noticeTime, type QuietHours } from '../calendar/quiet-hours.ts';
import { parseReminderRule, reminderInstant } from '../calendar/reminder-rule.ts';

/** One reminder of a meeting: when it goes out and until when it is still of use. */
export interface PlannedReminder {
  /** The rule in its canonical form, for example `7d@09:00`. */
  readonly rule: string;
  readonly sendAt: Temporal.Instant;
  /** From this instant on the reminder is not sent any more. */
  readonly lateAfter: Temporal.Instant;
}

/** How long after the start a reminder "at the start" is still worth sending. */
const GRACE_AT_START = Temporal.Duration.from({ minutes: 10 });

/**
 * The reminders of one meeting in the order of their sending. A reminder is of use until the next one is due,
 * the last one until the meeting starts; one that would be overtaken at once (two rules moved to the same
 * minute by the quiet hours) is left out, so that people get one message and not two.
 *
 * @param meeting `startsAt` is UTC; `zone` is the IANA zone of its wall-clock rules.
 * @param rules the quiet hours, on the wall clock of the group's `timeZone`.
 */
export function planReminders(
  meeting: { startsAt: Temporal.Instant; zone: string; reminders: readonly string[] },
  rules: { quietHours: QuietHours; timeZone: string },
): PlannedReminder[] {
  const { startsAt, zone } = meeting;
  const byTime = [...new Set(meeting.reminders)]
    .map((rule) => ({
      rule,
      sendAt: noticeTime(
        reminderInstant(parseReminderRule(rule), startsAt, zone),
        rules.timeZone,
        rules.quietHours,
        startsAt,
      ),
    }))
    .sort((a, b) => Temporal.Instant.compare(a.sendAt, b.sendAt));
  return byTime.flatMap(({ rule, sendAt }, index) => {
    const next = byTime[index + 1]?.sendAt ?? startsAt;
    const lateAfter = sendAt.equals(startsAt) ? startsAt.add(GRACE_AT_START) : next;
    return Temporal.Instant.compare(sendAt, lateAfter) < 0 ? [{ rule, sendAt, lateAfter }] : [];
  });
}
