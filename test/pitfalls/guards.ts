/** Tests, files and guards that rows of more than one kind are about. */
import type { Mutation } from './pitfall.ts';

export const LEDGER = 'src/announcements/ledger.ts';

export const LIFE_CYCLE = 'src/announcements/life-cycle.ts';

export const ledger = 'test/announcements/ledger.test.ts';

export const reminderRun = 'test/jobs/reminder-run.test.ts';

export const queue = 'test/queue/queue.database.test.ts';

export const EARLY: Mutation = {
  file: LIFE_CYCLE,
  find: '        lte(announcements.sendAt, now),\n',
  replace: '',
};

export const REPEATED: Mutation = {
  file: LEDGER,
  find: "and d.chunk = ${place('chunk')}::int and d.state = 'pending'",
  replace: "and d.chunk = ${place('chunk')}::int and d.state in ('pending', 'sending', 'sent')",
};

export const GUESSED: Mutation = {
  file: LEDGER,
  find: "state = 'unknown', settled_at",
  replace: "state = 'pending', settled_at",
};

export const FORGOTTEN: Mutation = {
  file: 'jobs/run-announcements.ts',
  find: "'sending', 'held') and a.send_at <= ${at}",
  replace: "'sending', 'held') and a.send_at <= ${at} and a.send_at > ${at} - interval '1 minute'",
};

export const RECONCILER = 'src/queue/reconciler.ts';

export const COUNTED_FROM_WINDOW: Mutation = {
  file: 'src/calendar/recurrence.ts',
  find: 'engine(rule, span.startsOn)',
  replace: 'engine(rule, from)',
};
