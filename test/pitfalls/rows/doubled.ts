import { GUESSED, LEDGER, RECONCILER, REPEATED, ledger, queue } from '../guards.ts';
import type { Pitfall } from '../pitfall.ts';

export const DOUBLED: readonly Pitfall[] = [
  {
    row: 'D1',
    about: 'A run that is stopped and resumed begins again with the first recipient.',
    file: ledger,
    test: 'stops with a hold at 40 of 100 and goes on where it stopped',
    mutation: REPEATED,
  },
  {
    row: 'D2',
    about: 'Two workers take the same recipients.',
    file: ledger,
    test: 'gives each delivery to one worker only',
    mutation: REPEATED,
  },
  {
    row: 'D3',
    about: 'One bad recipient takes back what was recorded of the others.',
    file: ledger,
    test: 'keeps each outcome apart: one bad recipient does not touch the others',
    mutation: { file: LEDGER, find: 'where d.id = v.id and a.id', replace: 'where a.id' },
  },
  {
    row: 'D4',
    about: 'The same person is written down twice for one mailing.',
    file: ledger,
    test: 'writes one delivery per person, in chunks, and twice is once',
    mutation: {
      file: 'src/announcements/expansion.ts',
      find: '          isNull(announcements.frozenAt),\n',
      replace: '',
    },
  },
  {
    row: 'D5',
    about: 'A double click sends twice.',
    file: 'test/announcements/approval.test.ts',
    test: 'goes out once when it is approved twice at once',
    mutation: {
      file: 'src/announcements/approval.ts',
      find: "lockAnnouncement(inner, id, ['draft', 'awaiting_approval'], (now) =>",
      replace: "lockAnnouncement(inner, id, ['draft', 'awaiting_approval', 'approved'], (now) =>",
    },
  },
  {
    row: 'D6',
    about: 'The mail was taken, our record of it failed, and the repetition sends it again.',
    file: ledger,
    test: 'leaves what it was handing over as unknown, and only that; a person resolves it',
    mutation: GUESSED,
  },
  {
    row: 'D7',
    about: 'Who is on the list for two reasons gets two mails.',
    file: ledger,
    test: 'writes one delivery per person, in chunks, and twice is once',
    mutation: {
      file: 'src/announcements/expansion.ts',
      find: '          isNull(announcements.frozenAt),\n',
      replace: '',
    },
  },
  {
    row: 'D8',
    about: 'The mail after a meeting is made again and again.',
    file: 'test/announcements/meeting-note.test.ts',
    test: 'is drafted once until it went out, and not before the meeting',
    mutation: {
      file: 'src/announcements/meeting-note.ts',
      find: 'if (open) return findDraft(inner, open.id);',
      replace: '',
    },
  },
  {
    row: 'D10',
    about: 'Two events in one moment make two bulletins.',
    file: 'test/noticeboard/bulletin-month.test.ts',
    test: 'is one, whoever plans and works at the same time',
    mutation: {
      file: 'src/announcements/bulletins.ts',
      find: 'if (!known.has(each.date.toString())) await draft(',
      replace: 'await draft(',
      and: {
        file: 'src/announcements/bulletins-schedules.ts',
        find: "derivedId('bulletin', schedule.id, date.toString())",
        replace: "derivedId('bulletin', schedule.id, date.toString(), String(Math.random()))",
        and: {
          file: 'src/announcements/bulletins-schedules.ts',
          find: 'dedupeKey: `bulletin:${schedule.id}:${date.toString()}`',
          replace: 'dedupeKey: String(Math.random())',
        },
      },
    },
  },
  {
    row: 'D11',
    about: 'As many mails go out as there are processes.',
    file: 'test/queue/reconciler.database.test.ts',
    test: 'queues nothing in a process that does not lead',
    mutation: { file: RECONCILER, find: 'if (!leads || stopped) return;', replace: 'if (stopped) return;' },
  },
  {
    row: 'D12',
    about: 'An emptied or older Redis makes finished work run again.',
    file: 'test/cli/restore.test.ts',
    test: 'holds sending, finds in the journal what the ledger forgot, and nobody gets it twice',
    mutation: {
      file: 'src/announcements/sending-hold.ts',
      find: "where r.delivery_id = d.id and d.state in ('pending', 'sending')",
      replace: 'where false and r.delivery_id = d.id',
    },
  },
  {
    row: 'D13',
    about: 'Restarts in quick succession double planned work.',
    file: queue,
    test: 'has each piece of work once over twenty restarts in quick succession',
    mutation: {
      file: 'src/queue/job-id.ts',
      find: 'return `${jobKey(name, key)}.${attempt}`;',
      replace: 'return `${jobKey(name, `${key}-${Math.random().toString(36).slice(2)}`)}.${attempt}`;',
    },
  },
];
