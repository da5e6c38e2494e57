import {
  COUNTED_FROM_WINDOW,
  EARLY,
  FORGOTTEN,
  GUESSED,
  REPEATED,
  ledger,
  queue,
  reminderRun,
} from '../guards.ts';
import type { Pitfall } from '../pitfall.ts';

export const MEASURED: readonly Pitfall[] = [
  {
    row: 'M1',
    about: 'Nothing runs at the due minute, and the start afterwards forgets what was overdue.',
    file: reminderRun,
    test: 'is sent late, after an outage, as long as it is of use, and is missed after that',
    mutation: FORGOTTEN,
  },
  {
    row: 'M2',
    about: 'A worker is killed in the middle, and the next one begins from the start.',
    file: ledger,
    test: 'leaves what it was handing over as unknown, and only that; a person resolves it',
    mutation: GUESSED,
  },
  {
    row: 'M3',
    about: 'Work that brings its worker down is given up without a word.',
    file: queue,
    test: 'tries work that fails again under a new id, with growing delay, while other work is done',
    mutation: {
      file: 'src/queue/workers.ts',
      find: 'await recordFailure(db, jobKey, number, error, clock.now());',
      replace: '',
    },
  },
  {
    row: 'M4',
    about: 'A stop that is shorter than the longest job sends part of it twice.',
    file: queue,
    test: 'stops without waiting for long work, which is found again',
    mutation: { file: 'src/queue/workers.ts', find: '      stop.abort();\n', replace: '' },
  },
  {
    row: 'M5',
    about: 'The queue forgets the ids of finished jobs and takes one a second time.',
    file: ledger,
    test: 'gives each delivery to one worker only',
    mutation: REPEATED,
  },
  {
    row: 'M6',
    about: 'A failed job that is added again under its old id is silently ignored.',
    file: queue,
    test: 'tries work that fails again under a new id, with growing delay, while other work is done',
    mutation: {
      file: 'src/queue/job-id.ts',
      find: 'return `${jobKey(name, key)}.${attempt}`;',
      replace: 'return attempt > 0 ? `${jobKey(name, key)}.1` : ``;',
    },
  },
  {
    row: 'M7',
    about: 'Redis comes back empty, and nobody notices that all planned work is gone.',
    file: 'test/queue/checks.test.ts',
    test: 'objects to a Redis that forgets, and more to one that cannot write',
    mutation: {
      file: 'src/queue/checks.ts',
      find: "    state: 'warning',\n    detail: 'AOF is off",
      replace: "    state: 'ok',\n    detail: 'AOF is off",
    },
  },
  {
    row: 'M8',
    about: 'Runs of one piece of regular work overlap when one takes long.',
    file: 'test/queue/single-flight.test.ts',
    test: 'answers all requests during a run with one further run',
    mutation: {
      file: 'src/queue/single-flight.ts',
      find: 'if (!this.#running) return this.#start();',
      replace: 'return this.#start();',
    },
  },
  {
    row: 'M9',
    about: 'Somebody runs a planned job early by hand.',
    file: ledger,
    test: 'waits for its time, for the end of the quiet hours, and happens once',
    mutation: EARLY,
  },
  {
    row: 'M10',
    about: 'A time that the spring change leaves out, or the autumn change repeats, runs never or twice.',
    file: 'test/calendar/wall.test.ts',
    test: 'take the first of a time that the autumn change repeats',
    mutation: {
      file: 'src/calendar/wall.ts',
      find: "disambiguation: 'compatible'",
      replace: "disambiguation: 'later'",
    },
  },
  {
    row: 'M11',
    about: 'The second Tuesday, written as a pattern of days and weekdays, falls on ten days of a month.',
    file: 'test/calendar/recurrence.test.ts',
    test: 'nth weekday, in both ways of writing it',
    mutation: {
      file: 'src/calendar/recurrence.ts',
      find: 'rruleString: rule.text',
      replace: String.raw`rruleString: rule.text.replace(/BYDAY=\d/, 'BYDAY=')`,
    },
  },
  {
    row: 'M12',
    about: 'The 31st as the last day leaves out five months.',
    file: 'test/calendar/recurrence.test.ts',
    test: 'day of the month, from either end',
    mutation: {
      file: 'src/calendar/recurrence.ts',
      find: 'rruleString: rule.text',
      replace: "rruleString: rule.text.replace('BYMONTHDAY=-', 'BYMONTHDAY=')",
    },
  },
  {
    row: 'M13',
    about: 'Asking for the last due time near a clock change gives the day before.',
    file: 'test/calendar/recurrence.test.ts',
    test: 'any window gives the dates of the whole that lie in it',
    mutation: COUNTED_FROM_WINDOW,
  },
  {
    row: 'M14',
    about: 'A calendar entry made from the parts of a wall clock is read as the zone of the process.',
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
    row: 'M15',
    about: 'A floating time in a calendar entry is an hour early in summer.',
    file: 'test/calendar/icalendar.test.ts',
    test: 'names the meeting to a parser as it was given',
    mutation: {
      file: 'src/calendar/icalendar.ts',
      find: 'start: start.epochMilliseconds,\n',
      replace: 'start: start.epochMilliseconds - 3_600_000,\n',
    },
  },
];
