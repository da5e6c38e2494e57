import type { Mutation, Pitfall } from './pitfall.ts';

const LEDGER = 'src/announcements/ledger.ts';
const LIFE_CYCLE = 'src/announcements/life-cycle.ts';
const ledger = 'test/announcements/ledger.test.ts';
const reminderRun = 'test/jobs/reminder-run.test.ts';
const queue = 'test/queue/queue.database.test.ts';

const EARLY: Mutation = {
  file: LIFE_CYCLE,
  find: '        lte(announcements.sendAt, now),\n',
  replace: '',
};
const REPEATED: Mutation = {
  file: LEDGER,
  find: "and d.chunk = ${place('chunk')}::int and d.state = 'pending'",
  replace: "and d.chunk = ${place('chunk')}::int and d.state in ('pending', 'sending', 'sent')",
};
const GUESSED: Mutation = {
  file: LEDGER,
  find: "state = 'unknown', settled_at",
  replace: "state = 'pending', settled_at",
};
const FORGOTTEN: Mutation = {
  file: 'jobs/run-announcements.ts',
  find: "'sending', 'held') and a.send_at <= ${at}",
  replace: "'sending', 'held') and a.send_at <= ${at} and a.send_at > ${at} - interval '1 minute'",
};
const WINTER_TIME: Mutation = {
  file: 'src/calendar/wall.ts',
  find: "at.toZonedDateTime(zone, { disambiguation: 'compatible' })",
  replace: "at.toZonedDateTime('+00:00', { disambiguation: 'compatible' })",
};
const RECONCILER = 'src/queue/reconciler.ts';
/** Work is queued once by each process, and never again. */
const FORGETFUL: Mutation = {
  file: RECONCILER,
  find: 'const failure = failures.get(jobKey(job.name, key));',
  replace:
    'const seen = ((globalThis as any).seen ??= new Set()); if (seen.has(key)) continue; seen.add(key); const failure = failures.get(jobKey(job.name, key));',
};
const COUNTED_FROM_WINDOW: Mutation = {
  file: 'src/calendar/recurrence.ts',
  find: 'engine(rule, span.startsOn)',
  replace: 'engine(rule, from)',
};
const ZONE_OF_NOW: Mutation = {
  file: 'src/calendar/reminder-rule.ts',
  find: 'wall.withPlainTime(rule.time), zone)',
  replace: "wall.withPlainTime(rule.time), 'UTC')",
};

/** Every row: M measured in the parts that we use, T time, D doubled, C crash and recovery, U consent, I calendar. */
export const PITFALLS: readonly Pitfall[] = [
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
  {
    row: 'U1',
    about: 'A scanner that follows links takes people off the list.',
    file: 'test/web/leave.test.ts',
    test: 'changes nothing by %s, however often a scanner follows it',
    mutation: {
      file: 'src/web/public/leave.ts',
      find: "    return reply.page('public/leave', {",
      replace:
        "    await unsubscribe(db, { subscriberId: subscriber!.id, topic: 'all', source: 'one_click' }, { clock });\n    return reply.page('public/leave', {",
    },
  },
  {
    row: 'U2',
    about:
      'An answering machine takes somebody off the list: we ask machines not to answer, and read no answers.',
    file: 'test/mail/compose.test.ts',
    test: 'has no list headers, and still stops answering machines',
    mutation: {
      file: 'src/mail/compose.ts',
      find: "    'Auto-Submitted': 'auto-generated',\n",
      replace: '',
    },
  },
  {
    row: 'U3',
    about: 'The page says that somebody has left, and nothing has changed.',
    file: 'test/web/leave-every-mail.test.ts',
    test: 'of kind $kind leads out, in HTML and in plain text',
    mutation: {
      file: 'src/web/public/leave.ts',
      find: "topic: 'all',\n        source: oneClick",
      replace: "topic: 'news',\n        source: oneClick",
    },
  },
  {
    row: 'U4',
    about: 'The header to leave by gets lost when mail is rewritten.',
    file: 'test/mail/compose.test.ts',
    test: 'carries each header of list mail once',
    mutation: {
      file: 'src/mail/compose.ts',
      find: "          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',\n",
      replace: '',
    },
  },
  {
    row: 'U5',
    about: 'Somebody who comes back is refused elsewhere, and the refusal is hidden or forced.',
    file: 'test/sync/contradictions.test.ts',
    test: 'show the refusal to take somebody back as what it is, and drop it when they come back themselves',
    mutation: {
      file: 'src/sync/push-settle.ts',
      find: "found.push({ kind: 'not_taken_back', subscriberId, mailerliteId: error.subscriberId ?? null });",
      replace: '',
    },
  },
  {
    row: 'U7',
    about: 'Two sign-ups at the same time make two people.',
    file: 'test/subscribers/joining.test.ts',
    test: 'twice at once makes one person and one mail; the later choice holds',
    mutation: {
      file: 'src/subscribers/joining.ts',
      find: 'emailNormalised: normalised,',
      replace: 'emailNormalised: `${normalised}${Math.random()}`,',
    },
  },
  {
    row: 'U8',
    about: 'An import brings back who has left.',
    file: 'test/subscribers/import.test.ts',
    test: 'never brings back who left, was removed, turned a topic off or is on the do-not-mail list',
    mutation: {
      file: 'src/subscribers/enrol.ts',
      find: "if (known.state === 'left') return",
      replace: "if (known.state === ('gone' as string)) return",
    },
  },
  {
    row: 'U9',
    about: 'A webhook that was missed is missed for good.',
    file: 'test/sync/both-sides.test.ts',
    test: 'follow an opt-out heard of by %s',
    mutation: {
      file: 'src/sync/decide.ts',
      find: 'return { ...NOTHING, withdraw, optedOutAt',
      replace: 'return { ...NOTHING, withdraw: [], optedOutAt',
    },
  },
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
