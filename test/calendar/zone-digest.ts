/** Run as a process of its own: prints what the calendar says, to be compared under different values of TZ. */
import 'temporal-polyfill/global';
import { bankHoliday, NATIONS } from '../../src/calendar/bank-holidays.ts';
import { checkZoneData, clockChangeSentence } from '../../src/calendar/clock-change.ts';
import { formatDateTime, formatShortDateTime, formatTimeRange } from '../../src/calendar/format.ts';
import { addToCalendarLinks, buildFeed, buildInvite } from '../../src/calendar/icalendar.ts';
import { isQuiet, noticeTime, parseQuietHours } from '../../src/calendar/quiet-hours.ts';
import { occurrenceDates, parseRule } from '../../src/calendar/recurrence.ts';
import { parseReminderRule, reminderInstant } from '../../src/calendar/reminder-rule.ts';
import { toInstant, toWall } from '../../src/calendar/wall.ts';

const RULES = ['FREQ=MONTHLY;BYDAY=1WE', 'FREQ=MONTHLY;BYDAY=-1SU', 'FREQ=MONTHLY;BYMONTHDAY=31'];
const TIMES = ['01:30', '19:00'];
const REMINDERS = ['7d@09:00', '1d', '1h'].map((text) => parseReminderRule(text));
const zone = 'Europe/London';
const quiet = parseQuietHours('22:00-08:00');

const lines: string[] = [];
const startsOn = Temporal.PlainDate.from('2026-01-01');
for (const rule of RULES) {
  for (const date of occurrenceDates(parseRule(rule), {
    startsOn,
    from: startsOn,
    to: startsOn.add({ years: 5 }),
  })) {
    lines.push(
      `${rule} ${date.toString()} ${NATIONS.map((nation) => bankHoliday(date, nation) ?? '-').join('/')}`,
    );
    for (const time of TIMES) {
      const start = toInstant(`${date.toString()}T${time}`, zone);
      lines.push(start.toString(), toWall(start, zone).toString());
      lines.push(formatDateTime(start, zone), formatShortDateTime(start, zone));
      lines.push(formatTimeRange(start, start.add({ minutes: 90 }), zone));
      for (const reminder of REMINDERS) {
        const due = reminderInstant(reminder, start, zone);
        const sent = noticeTime(due, zone, quiet, start);
        lines.push(`${due.toString()} ${String(isQuiet(due, zone, quiet))} ${sent.toString()}`);
        lines.push(clockChangeSentence(sent, start, zone) ?? '-');
      }
    }
  }
}
const event = {
  uid: 'one@example.org',
  sequence: 1,
  durationMinutes: 60,
  title: 'Meeting',
  description: 'Text',
  link: 'https://example.org/join',
  organiser: { name: 'Chair', email: 'chair@example.org' },
};
const stamp = Temporal.Instant.from('2026-12-31T23:30:00Z');
for (const wall of ['2027-01-06T19:00', '2027-06-02T19:00', '2027-03-28T01:30', '2027-10-31T01:30']) {
  const start = toInstant(wall, zone);
  lines.push(buildInvite({ ...event, start, stamp, method: 'PUBLISH', alarmMinutes: 60 }));
  lines.push(buildInvite({ ...event, start, stamp, method: 'CANCEL' }));
  lines.push(buildFeed({ name: 'Group', zone, stamp, events: [{ ...event, start, changedAt: start }] }));
  lines.push(JSON.stringify(addToCalendarLinks({ ...event, start })));
}
const day = Temporal.PlainDate.from('2027-03-28');
lines.push(
  buildFeed({
    name: 'Group',
    zone,
    stamp,
    events: [{ ...event, start: stamp, days: { from: day, to: day }, changedAt: stamp }],
  }),
);
lines.push(checkZoneData(stamp) ?? 'zone data in order');
process.stdout.write(lines.join('\n'));
