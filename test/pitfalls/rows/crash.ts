import { FORGOTTEN, LEDGER, RECONCILER, ledger, queue, reminderRun } from '../guards.ts';
import type { Mutation, Pitfall } from '../pitfall.ts';

/** Work is queued once by each process, and never again. */
const FORGETFUL: Mutation = {
  file: RECONCILER,
  find: 'const failure = failures.get(jobKey(job.name, key));',
  replace:
    'const seen = ((globalThis as any).seen ??= new Set()); if (seen.has(key)) continue; seen.add(key); const failure = failures.get(jobKey(job.name, key));',
};

export const CRASH: readonly Pitfall[] = [
  {
    row: 'C1',
    about: 'The start after an outage forgets what should have gone out meanwhile.',
    file: reminderRun,
    test: 'is sent late, after an outage, as long as it is of use, and is missed after that',
    mutation: FORGOTTEN,
  },
  {
    row: 'C2',
    about: 'A crash between saving and queueing leaves work that nobody does.',
    file: queue,
    test: 'goes on by itself after Redis was killed and came back empty',
    mutation: FORGETFUL,
  },
  {
    row: 'C3',
    about: 'A stop in the middle of a run leaves it stuck for ever.',
    file: reminderRun,
    test: 'stopped two hundred times over at any recipient is finished, once for each',
    mutation: {
      file: 'jobs/deliver.ts',
      find: '      await claims.settle();\n    }\n  },',
      replace: '      if (!signal.aborted) await claims.settle();\n    }\n  },',
    },
  },
  {
    row: 'C4',
    about: 'A run counts as finished although recipients were skipped.',
    file: ledger,
    test: 'whose answer was lost is given back and nobody is skipped',
    mutation: {
      file: LEDGER,
      find: "case when a.state = 'cancelled' then 'cancelled' else 'pending' end,\n        attempts",
      replace: "'failed',\n        attempts",
    },
  },
  {
    row: 'C5',
    about: 'Redis is back, and the workers sleep on.',
    file: queue,
    test: 'goes on by itself after Redis was killed and came back empty',
    mutation: {
      file: 'src/queue/connection.ts',
      find: '    retryStrategy: retryDelay,\n',
      replace: '    retryStrategy: () => null,\n',
    },
  },
  {
    row: 'C7',
    about: 'Redis is restarted empty, and planned work is not built up again.',
    file: queue,
    test: 'loses nothing when Redis is emptied in the middle',
    mutation: FORGETFUL,
  },
  {
    row: 'C8',
    about: 'One message that cannot be made stops all mail.',
    file: reminderRun,
    test: 'whose name breaks the message is set aside alone',
    mutation: {
      file: 'src/mail/outcome.ts',
      find: 'export function outcomeOfBadMail(error: unknown): Outcome {',
      replace: 'export function outcomeOfBadMail(error: unknown): Outcome {\n  if (error) throw error;',
      and: {
        file: 'jobs/deliver.ts',
        find: "log.error({ err, deliveryId: id }, 'The mailer failed');",
        replace: 'throw err;',
      },
    },
  },
  {
    row: 'C9',
    about: 'Work waits, nothing does it, and everything looks well.',
    file: 'test/jobs/watch.test.ts',
    test: 'a notice that is ten minutes late turns health red, is said in the log, and is told by mail once in six hours',
    mutation: {
      file: 'src/announcements/overdue.ts',
      find: 'Temporal.Duration.from({ minutes: 10 })',
      replace: 'Temporal.Duration.from({ days: 10 })',
    },
  },
  {
    row: 'C10',
    about: 'After an edit the reminders are gone.',
    file: 'test/announcements/planning.test.ts',
    test: 'back and forth gives the first plan again',
    mutation: {
      file: 'src/announcements/planning.ts',
      find: 'if (!waiting && !held && !dropped && !missedBefore) return;',
      replace: 'if (!waiting && !held) return;',
    },
  },
  {
    row: 'C11',
    about: 'A cancelled meeting is still announced.',
    file: 'test/announcements/planning.test.ts',
    test: 'cancelled one second before a reminder is due sends nothing',
    mutation: {
      file: 'src/announcements/planning.ts',
      find: "if (meeting.status === 'cancelled' || meeting.status === 'skipped') return [];",
      replace: '',
    },
  },
  {
    row: 'C12',
    about: 'A dead process keeps its lock.',
    file: 'test/queue/lease.database.test.ts',
    test: 'is free when it ran out, and the former holder notices',
    mutation: {
      file: 'src/queue/lease.ts',
      find: ' or leases.expires_at < clock_timestamp()',
      replace: '',
    },
  },
  {
    row: 'C13',
    about: 'With a wrong mail server a run stands still and says nothing.',
    file: reminderRun,
    test: 'pauses itself within a minute when the mail server is away',
    mutation: {
      file: LEDGER,
      find: 'if (senderFaults < SENDER_FAULT_LIMIT) {',
      replace: 'if (senderFaults < 1_000_000) {',
    },
  },
];
