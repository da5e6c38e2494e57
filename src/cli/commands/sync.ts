import type { Command } from 'commander';
import { z } from 'zod';
import { formatDateTime } from '../../calendar/format.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { syncOverview, type SyncOverview } from '../../sync/overview.ts';
import { startPull, type SyncRun } from '../../sync/pull-runs.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { fields } from '../output/table.ts';
import { formatNumber } from '../output/text.ts';

export function addSyncCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'sync', 'the list here and the list in MailerLite');

  addCommand(group, session, {
    usage: 'mailerlite',
    summary: 'compare both lists now; the workers do it in the background',
    options: [
      {
        flags: '--removed-there <number>',
        help: 'up to so many people were removed in MailerLite on purpose',
      },
    ],
    schema: z.object({
      removedThere: z
        .string()
        .regex(/^\d{1,9}$/, { error: 'must be a whole number' })
        .transform(Number)
        .optional(),
    }),
    run: withApp(async ({ removedThere }, { app }) => {
      if (app.config.MAILERLITE_API_KEY === undefined) {
        throw new ConvenorError('wrong_state', 'The synchronisation is off: set MAILERLITE_API_KEY first.');
      }
      const { run, begun } = await startPull(
        app.db,
        {
          trigger: 'demand',
          startedBy: CLI_ACTOR,
          ...(removedThere === undefined ? {} : { missingExpected: removedThere }),
        },
        { clock: app.clock },
      );
      await app.nudge();
      const text = begun ? 'The comparison has begun.' : 'A comparison is under way already.';
      return { data: { begun, ...runData(run) }, text: `${text} "sync status" shows how far it is.\n` };
    }),
  });

  addCommand(group, session, {
    usage: 'status',
    summary: 'show how the two lists stand to each other',
    schema: z.object({}),
    run: withApp(async (_input, { app }) => {
      const overview = await syncOverview(app.db);
      const { timeZone } = await app.settings();
      return { data: overviewData(overview), text: overviewText(overview, timeZone) };
    }),
  });
}

function runData({ id, trigger, startedBy, state, reason, missing, startedAt, finishedAt, counts }: SyncRun) {
  return { id, trigger, startedBy, state, reason, missing, startedAt, finishedAt, counts };
}

function overviewData(overview: SyncOverview) {
  const { topics, linked, waiting, urgent, waitingSince, toForget, events, differences, running, lastRun } =
    overview;
  return {
    topics,
    linked,
    waiting,
    urgent,
    waitingSince: waitingSince ?? null,
    toForget,
    events,
    differences,
    running: running === undefined ? null : runData(running),
    lastRun: lastRun === undefined ? null : runData(lastRun),
  };
}

function overviewText(overview: SyncOverview, zone: string): string {
  const { running, lastRun, waitingSince } = overview;
  return fields([
    ['In MailerLite', formatNumber(overview.linked)],
    [
      'Changes to tell',
      `${formatNumber(overview.waiting)}, of which ${formatNumber(overview.urgent)} opted out`,
    ],
    ['The oldest since', waitingSince && formatDateTime(waitingSince, zone)],
    ['To be forgotten', formatNumber(overview.toForget)],
    ['Reports to read', formatNumber(overview.events)],
    ['To decide', formatNumber(overview.differences)],
    [
      'Under way',
      running &&
        `since ${formatDateTime(running.startedAt, zone)}, ${formatNumber(running.counts.pages)} pages`,
    ],
    ['Last comparison', lastRun ? runText(lastRun, zone) : 'none'],
  ]);
}

function runText({ state, reason, missing, startedAt, finishedAt, counts }: SyncRun, zone: string): string {
  const at = formatDateTime(finishedAt ?? startedAt, zone);
  if (state === 'failed') {
    const further =
      missing === null
        ? ''
        : ` If they were removed on purpose: "sync mailerlite --removed-there ${missing}".`;
    return `${at}, failed: ${reason ?? 'no reason is known'}${further}`;
  }
  return `${at}, ${formatNumber(counts.added)} new here, ${formatNumber(counts.withdrawn)} left`;
}
