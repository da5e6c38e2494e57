import { COUNTED_FROM_WINDOW, EARLY, LIFE_CYCLE, ledger, reminderRun } from '../guards.ts';
import type { Mutation, Pitfall } from '../pitfall.ts';

const WINTER_TIME: Mutation = {
  file: 'src/calendar/wall.ts',
  find: "at.toZonedDateTime(zone, { disambiguation: 'compatible' })",
  replace: "at.toZonedDateTime('+00:00', { disambiguation: 'compatible' })",
};

const ZONE_OF_NOW: Mutation = {
  file: 'src/calendar/reminder-rule.ts',
  find: 'wall.withPlainTime(rule.time), zone)',
  replace: "wall.withPlainTime(rule.time), 'UTC')",
};

export const TIME: readonly Pitfall[] = [
  {
    row: 'T1',
    about: 'A weekly time comes twice, an hour apart, when the clocks go back.',
    file: 'test/calendar/reminder-rule.test.ts',
    test: 'gives each slot of the weeks around both changes once, at the same hour of the wall clock',
    mutation: ZONE_OF_NOW,
  },
  {
    row: 'T2',
    about: 'A time is kept with the offset of the day on which it was typed.',
    file: 'test/calendar/wall.test.ts',
    test: 'follow the clocks of their own date, not those of today',
    mutation: WINTER_TIME,
  },
  {
    row: 'T3',
    about: 'After the spring change there is no next date.',
    file: 'test/calendar/recurrence.test.ts',
    test: 'follow each other by 28 or 35 days for 24 months, give or take the hour of a clock change',
    mutation: {
      file: 'src/calendar/recurrence.ts',
      find: '.map(toDate);',
      replace: '.map(toDate).filter(({ month }) => month !== 4);',
    },
  },
  {
    row: 'T4',
    about: 'Looking back over a clock change skips a day.',
    file: 'test/calendar/recurrence.test.ts',
    test: 'any window gives the dates of the whole that lie in it',
    mutation: COUNTED_FROM_WINDOW,
  },
  {
    row: 'T5',
    about: 'Dates depend on the zone of the process that computed them.',
    file: 'test/calendar/process-zone.test.ts',
    test: 'changes nothing that the calendar says',
    mutation: {
      file: 'src/calendar/icalendar.ts',
      find: 'start: start.epochMilliseconds,\n',
      replace:
        'start: start.epochMilliseconds - new Date(start.epochMilliseconds).getTimezoneOffset() * 60_000,\n',
    },
  },
  {
    row: 'T6',
    about: 'Two parts of one mail name two hours, since one of them has old zone data.',
    file: 'test/jobs/one-instant.test.ts',
    test: 'names the same instant in mails, calendar, WhatsApp text, feed and pages in %s',
    mutation: {
      file: 'src/calendar/icalendar.ts',
      find: 'start: start.epochMilliseconds,\n',
      replace: 'start: start.epochMilliseconds - 3_600_000,\n',
    },
  },
  {
    row: 'T7',
    about: 'The preview of a summer meeting, made in winter, is an hour off.',
    file: 'test/announcements/planning.test.ts',
    test: 'gets one notice per occurrence and rule, at the right hour in winter and in summer',
    mutation: ZONE_OF_NOW,
  },
  {
    row: 'T8',
    about: 'So many days before, counted over a clock change, is at another hour.',
    file: 'test/calendar/reminder-rule.test.ts',
    test: 'keeps the wall clock over days and elapsed time over hours when the clocks change',
    mutation: ZONE_OF_NOW,
  },
  {
    row: 'T12',
    about: 'A stored instant is read back as local time.',
    file: 'test/calendar/wall.test.ts',
    test: 'hold through loading and saving, every quarter of an hour around both changes',
    mutation: WINTER_TIME,
  },
  {
    row: 'T14',
    about: 'A template that works in the web fails in the background.',
    file: reminderRun,
    test: 'reaches everybody once, at its minute and not before',
    mutation: {
      file: 'templates/email/reminder/text.hbs',
      find: '{{slot "greetingName"}}',
      replace: '{{requestedBy "greetingName"}}',
    },
  },
  {
    row: 'T15',
    about: 'Exactly a week before, or exactly at the start, is taken for wrong.',
    file: 'test/calendar/reminder-rule.test.ts',
    test: 'counts exact offsets',
    mutation: {
      file: 'src/calendar/reminder-rule.ts',
      find: 'start.subtract({ minutes: rule.minutes })',
      replace: 'start.subtract({ minutes: Math.max(1, rule.minutes) })',
    },
  },
  {
    row: 'T16',
    about: 'Saving a form without a change moves its time.',
    file: 'test/calendar/wall.test.ts',
    test: 'hold through loading and saving, every quarter of an hour around both changes',
    mutation: WINTER_TIME,
  },
  {
    row: 'T17',
    about: 'A repetition sends the first time and then never again.',
    file: 'test/jobs/two-years.postgres.test.ts',
    test: 'go right to the minute, to the person and to the version',
    mutation: {
      file: 'src/announcements/meeting-changes.ts',
      find: 'of await activeSeries(tx)) {',
      replace: 'of (await activeSeries(tx)).slice(1)) {',
    },
  },
  {
    row: 'T18',
    about: 'The delay of each run moves the times of all later ones.',
    file: 'test/announcements/planning.test.ts',
    test: 'is planned once however often the planner runs',
    mutation: {
      file: 'src/announcements/planning.ts',
      find: '.set({ sendAt, lateAfter, zone, topic, title, ...newState',
      replace: '.set({ sendAt: row.sendAt.add({ seconds: 1 }), lateAfter, zone, topic, title, ...newState',
    },
  },
  {
    row: 'T19',
    about: 'A run that is early by an instant takes the place of the right one.',
    file: ledger,
    test: 'waits for its time, for the end of the quiet hours, and happens once',
    mutation: EARLY,
  },
  {
    row: 'T20',
    about: 'After an outage old news goes out hours late.',
    file: ledger,
    test: 'does not happen past the late limit: the notice is missed and the administrator is told',
    mutation: {
      file: LIFE_CYCLE,
      find: '        sql`${announcements.lateAfter} > ${now.toString()}::timestamptz`,\n        notExists',
      replace: '        notExists',
    },
  },
];
