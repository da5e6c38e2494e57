import { z } from 'zod';
import { TOPICS } from '../src/db/schema.ts';
import type { MailerLiteClient } from '../src/mailerlite/client.ts';
import { MailerLiteError } from '../src/mailerlite/errors.ts';
import type { ThereStatus } from '../src/sync/types.ts';
import type { Services } from './services.ts';
import {
  applyMissing,
  applyPulledPage,
  finishPull,
  missingPeople,
  nightlyIsDue,
  runningPull,
  shrinkPage,
  startPull,
  TooManyMissing,
  type SyncRun,
} from '../src/sync/pull-runs.ts';
import { BATCH } from '../src/sync/push-plan.ts';
import { defineJob } from './define.ts';
import { adoptGroups, GroupsGone, missingGroups, withGroupsVerified } from './mailerlite-groups.ts';

/** After this time the rest is left to the next round. */
const ROUND = Temporal.Duration.from({ seconds: 5 });

/** A page that MailerLite gives in any case, where it refuses the largest. */
const SMALL_PAGE = 100;

type PullServices = Services & { readonly mailerlite: MailerLiteClient; readonly signal: AbortSignal };

/** Compares both lists page by page, by night and on demand. Goes on where another process stopped. */
export const mailerlitePull = defineJob({
  name: 'mailerlite-pull',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock, mailerlite, settings }) {
    if (mailerlite === undefined) return [];
    const due =
      (await runningPull(db)) !== undefined ||
      (await nightlyIsDue(db, { clock, zone: (await settings()).timeZone }));
    return due ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { mailerlite, ...services }) {
    if (mailerlite === undefined) return;
    const { db, clock, log, signal } = services;
    let run = await nextRun(services);
    const until = clock.now().add(ROUND);
    try {
      while (run !== undefined && !signal.aborted && Temporal.Instant.compare(clock.now(), until) < 0) {
        run = await step(run, { ...services, mailerlite });
      }
    } catch (error) {
      const reason = run === undefined ? undefined : lasting(error);
      if (run === undefined || reason === undefined) throw error;
      log.error({ err: error, runId: run.id }, 'The comparison with MailerLite was given up');
      const missing = error instanceof TooManyMissing ? { missing: error.missing } : {};
      await finishPull(db, run, { state: 'failed', reason, ...missing }, { clock });
    }
  },
});

async function nextRun({ db, clock, settings }: Services): Promise<SyncRun | undefined> {
  const running = await runningPull(db);
  if (running !== undefined) return running;
  if (!(await nightlyIsDue(db, { clock, zone: (await settings()).timeZone }))) return undefined;
  return (await startPull(db, { trigger: 'nightly', startedBy: 'system' }, { clock })).run;
}

/** One page, or one look at people who were not listed. Gives the run as it is then; undefined when it has ended. */
async function step(run: SyncRun, services: PullServices): Promise<SyncRun | undefined> {
  const { db } = services;
  if (run.position === 0) await begin(run, services);
  if (run.phase === 'missing') return lookForMissing(run, services);
  const page = await readPage(run, run.phase, services);
  if (page === undefined) return shrinkPage(db, run, SMALL_PAGE);
  return withGroupsVerified(services, (groupsVerified) =>
    applyPulledPage(db, run, page.page, { ...services, askedAt: page.askedAt, groupsVerified }),
  );
}

async function begin(run: SyncRun, services: PullServices): Promise<void> {
  const { problem, groups } = await missingGroups(services.mailerlite, services);
  if (problem !== undefined) throw new GroupsGone(problem);
  if (run.first) await adoptGroups(groups, TOPICS, services);
}

async function readPage(run: SyncRun, status: ThereStatus, { mailerlite, clock, signal }: PullServices) {
  const askedAt = clock.now();
  try {
    const query = { status, cursor: run.cursor, limit: run.pageSize };
    return { page: await mailerlite.listSubscribers(query, { signal }), askedAt };
  } catch (error) {
    const tooLarge = error instanceof MailerLiteError && error.kind === 'invalid' && 'limit' in error.fields;
    if (tooLarge && run.pageSize > SMALL_PAGE) return undefined;
    throw error;
  }
}

async function lookForMissing(run: SyncRun, services: PullServices): Promise<SyncRun | undefined> {
  const { db, clock, mailerlite, signal } = services;
  const ids = await missingPeople(db, run, BATCH);
  if (ids.length === 0) {
    await finishPull(db, run, { state: 'done' }, { clock });
    return undefined;
  }
  const askedAt = clock.now();
  const results = await mailerlite.applyChanges(
    ids.map((id) => ({ kind: 'find', idOrEmail: id })),
    { signal },
  );
  const looked = ids.flatMap((mailerliteId, index) => {
    const result = results[index]!;
    if (result.ok) return [{ mailerliteId, subscriber: result.subscriber }];
    if (result.error.kind === 'not_found') return [{ mailerliteId, subscriber: undefined }];
    throw result.error;
  });
  return withGroupsVerified(services, (groupsVerified) =>
    applyMissing(db, run, looked, { ...services, askedAt, groupsVerified }),
  );
}

/** Why a run cannot be saved by trying again; undefined when it can. */
function lasting(error: unknown): string | undefined {
  if (error instanceof GroupsGone || error instanceof TooManyMissing) return error.message;
  if (
    error instanceof MailerLiteError &&
    ['unauthenticated', 'plan_refused', 'invalid'].includes(error.kind)
  ) {
    return error.message;
  }
  return undefined;
}
