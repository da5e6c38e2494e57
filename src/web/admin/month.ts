/** The calendar of a month: weeks of days, each with what happens on it. */
import { bankHoliday, type Nation } from '../../calendar/bank-holidays.ts';
import { formatDate, formatTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { monthName, weekdayName } from '../../calendar/words.ts';
import type { Meeting } from '../../meetings/occurrences.ts';
import { meetingWord } from '../views.ts';

/** Months between which the calendar may be turned: beyond them nobody plans. */
const FAR_MONTHS = 36;

/**
 * The month that an address names as "2027-06"; this month when it names none, or one out of reach.
 *
 * @param today on the group's clock.
 */
export function monthOf(text: string, today: Temporal.PlainDate): Temporal.PlainYearMonth {
  const now = today.toPlainYearMonth();
  try {
    const month = Temporal.PlainYearMonth.from(text);
    return Math.abs(now.until(month, { largestUnit: 'months' }).months) <= FAR_MONTHS ? month : now;
  } catch {
    return now;
  }
}

/** A month from Monday to Sunday for the template. Meetings stand on the day that they have on their own clock. */
export function monthView(
  month: Temporal.PlainYearMonth,
  meetings: readonly Meeting[],
  { today, now, nation }: { today: Temporal.PlainDate; now: Temporal.Instant; nation: Nation | null },
) {
  const first = month.toPlainDate({ day: 1 });
  const start = first.subtract({ days: first.dayOfWeek - 1 });
  const last = month.toPlainDate({ day: month.daysInMonth });
  const weeks = Math.ceil((start.until(last).days + 1) / 7);
  const dayOf = (meeting: Meeting) => toWall(meeting.startsAt, meeting.zone).toPlainDate();
  return {
    name: `${monthName(month.month)} ${month.year}`,
    previous: monthLink(month.subtract({ months: 1 })),
    next: monthLink(month.add({ months: 1 })),
    weekdays: [1, 2, 3, 4, 5, 6, 7].map((day) => ({
      short: weekdayName(day).slice(0, 3),
      long: weekdayName(day),
    })),
    weeks: Array.from({ length: weeks }, (_, week) => ({
      days: Array.from({ length: 7 }, (_day, weekday) => {
        const date = start.add({ days: week * 7 + weekday });
        const isInMonth = date.toPlainYearMonth().equals(month);
        return {
          number: date.day,
          long: formatDate(date),
          isInMonth,
          isToday: date.equals(today),
          holiday: nation === null || !isInMonth ? undefined : bankHoliday(date, nation),
          meetings: meetings
            .filter((meeting) => isInMonth && dayOf(meeting).equals(date))
            .map((meeting) => ({
              id: meeting.id,
              title: meeting.title,
              time: formatTime(toWall(meeting.startsAt, meeting.zone).toPlainTime()),
              ...meetingWord(meeting, now),
            })),
        };
      }),
    })),
    isEmpty: !meetings.some((meeting) => dayOf(meeting).toPlainYearMonth().equals(month)),
  };
}

function monthLink(month: Temporal.PlainYearMonth) {
  return { href: `/admin/meetings?view=month&month=${month.toString()}`, label: monthName(month.month) };
}
