import { reminderRun } from '../guards.ts';
import type { Pitfall } from '../pitfall.ts';

export const CALENDAR: readonly Pitfall[] = [
  {
    row: 'I1',
    about: 'A calendar program shows summer meetings an hour off.',
    file: 'test/calendar/icalendar.test.ts',
    test: 'names the meeting to a parser as it was given',
    mutation: {
      file: 'src/calendar/icalendar.ts',
      find: 'start: start.epochMilliseconds,\n',
      replace: 'start: start.epochMilliseconds - 3_600_000,\n',
    },
  },
  {
    row: 'I2',
    about: 'A changed meeting keeps its version, and calendar programs ignore the change.',
    file: reminderRun,
    test: 'is corrected and then cancelled under one UID with a rising SEQUENCE',
    mutation: {
      file: 'src/meetings/meetings.ts',
      find: 'sequence: meeting.sequence + 1, updatedAt',
      replace: 'sequence: meeting.sequence, updatedAt',
    },
  },
  {
    row: 'I4',
    about: 'A new meeting under the id of a cancelled one shows as cancelled.',
    file: 'test/calendar/icalendar.test.ts',
    test: 'holds one entry per meeting, each with its own UID, in UTC',
    mutation: { file: 'src/calendar/icalendar.ts', find: 'uid: oneLine(event.uid),', replace: "uid: 'one'," },
  },
  {
    row: 'I5',
    about: 'The attached entry is empty, in the wrong character set or badly folded.',
    file: 'test/mail/compose.test.ts',
    test: 'state the METHOD that the entry has',
    mutation: {
      file: 'src/mail/compose.ts',
      find: 'text/calendar; charset=utf-8; method=${method}',
      replace: 'text/calendar; method=${method}',
    },
  },
];
