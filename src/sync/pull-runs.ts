import { and, desc, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { rows, type Tx } from '../db/open.ts';
import { MAILERLITE_STATUSES, syncRuns } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { applySeen } from './apply-seen.ts';
import type { SeenSummary } from './seen.ts';
import { noteDifferences } from './differences.ts';
import { readPeople } from './people.ts';
import { hasOptedOut } from './push-plan.ts';
import { readTopicGroups } from './topic-groups.ts';
import type { SyncContext, ThereStatus, ThereSubscriber } from './types.ts';

/** The largest page that MailerLite gives. */
const PAGE = 1000;

/** Of so many people at least, more than this share being no longer listed is taken for a mistake. */
const MOST_MISSING = { people: 20, share: 0.2 };

/** The people of these states are read one state after the other, then those who were not listed are looked for. */
const PHASES = [...MAILERLITE_STATUSES, 'missing'] as const;
export type Phase = (typeof PHASES)[number];

const countsSchema = z.object({
  pages: z.number(),
  seen: z.partialRecord(z.enum(MAILERLITE_STATUSES), z.number()),
  added: z.number(),
  given: z.number(),
  withdrawn: z.number(),
  pushes: z.number(),
  differences: z.number(),
  unreadable: z.number(),
  gone: z.number(),
});
export type RunCounts = z.output<typeof countsSchema>;

const NO_COUNTS: RunCounts = {
  pages: 0,
  seen: {},
  added: 0,
  given: 0,
  withdrawn: 0,
  pushes: 0,
  differences: 0,
  unreadable: 0,
  gone: 0,
};

/** A comparison of both lists. */
export type SyncRun = Omit<typeof syncRuns.$inferSelect, 'counts'> & { readonly counts: RunCounts };

/**
 * Begins a comparison of both lists. There is one at a time.
 *
 * @param input `missingExpected`: an administrator has said that up to so many people were removed in MailerLite on
 *   purpose.
 * @returns the run, and whether it is the one that was under way already.
 */
export async function startPull(
  tx: Tx,
  {
    trigger,
    startedBy,
    missingExpected = 0,
  }: { trigger: 'nightly' | 'demand'; startedBy: Actor; missingExpected?: number },
  { clock }: { clock: Clock },
): Promise<{ run: SyncRun; begun: boolean }> {
  const now = clock.now();
  return tx.transaction(async (inner) => {
    const [done] = await inner
      .select({ id: syncRuns.id })
      .from(syncRuns)
      .where(eq(syncRuns.state, 'done'))
      .limit(1);
    const begun = await inner
      .insert(syncRuns)
      .values({
        id: newId(now),
        trigger,
        startedBy,
        state: 'running',
        phase: PHASES[0],
        pageSize: PAGE,
        first: done === undefined,
        counts: NO_COUNTS,
        missingExpected,
        startedAt: now,
        updatedAt: now,
      })
      .onConflictDoNothing()
      .returning({ id: syncRuns.id });
    const run = (await runningPull(inner))!;
    if (begun.length === 1 && trigger === 'demand') {
      await recordAudit(
        inner,
        {
          actor: startedBy,
          action: 'mailerlite_sync.started',
          subject: run.id,
          ...(missingExpected > 0 ? { after: { missingExpected } } : {}),
        },
        { clock },
      );
    }
    return { run, begun: begun.length === 1 };
  });
}

/** The comparison that is under way. */
export async function runningPull(tx: Tx): Promise<SyncRun | undefined> {
  const [run] = await tx.select().from(syncRuns).where(eq(syncRuns.state, 'running'));
  return run && parseRun(run);
}

/** The newest comparisons first. */
export async function listRuns(tx: Tx, { limit = 20 }: { limit?: number } = {}): Promise<SyncRun[]> {
  const runs = await tx
    .select()
    .from(syncRuns)
    .orderBy(desc(syncRuns.startedAt), desc(syncRuns.id))
    .limit(limit);
  return runs.map(parseRun);
}

function parseRun(run: typeof syncRuns.$inferSelect): SyncRun {
  return { ...run, counts: countsSchema.parse(run.counts) };
}

/** A page of one state as MailerLite gave it. */
export interface PulledPage {
  readonly subscribers: readonly ThereSubscriber[];
  readonly unreadable: number;
  readonly next: string | null;
}

export interface PageContext extends SyncContext {
  /** When the page was asked for. */
  readonly askedAt: Temporal.Instant;
  readonly groupsVerified: boolean;
}

/**
 * Compares the people of a page and moves the run on, in one transaction. A page that another process has
 * worked off already, or that belongs to a run which has ended, changes nothing.
 *
 * @throws ManyLeftGroup when the groups have to be verified first.
 * @returns the run as it is now; undefined when it was not there any more to be moved.
 */
export async function applyPulledPage(
  tx: Tx,
  run: SyncRun,
  page: PulledPage,
  { askedAt, groupsVerified, ...context }: PageContext,
): Promise<SyncRun | undefined> {
  const status = run.phase as ThereStatus;
  return tx.transaction(async (inner) => {
    if (!(await stillAt(inner, run))) return undefined;
    const groups = await readTopicGroups(inner);
    const summary = await applySeen(inner, page.subscribers, {
      ...context,
      source: 'mailerlite_sync',
      groups,
      askedAt,
      runId: run.id,
      groupsVerified,
    });
    const counts = added(run.counts, summary);
    return move(
      inner,
      run,
      {
        phase: page.next === null ? PHASES[PHASES.indexOf(status) + 1]! : status,
        cursor: page.next,
        counts: {
          ...counts,
          pages: counts.pages + 1,
          unreadable: counts.unreadable + page.unreadable,
          seen: { ...counts.seen, [status]: (counts.seen[status] ?? 0) + page.subscribers.length },
        },
      },
      context,
    );
  });
}

/** Goes on with a smaller page, where MailerLite does not give one as large as was asked. */
export async function shrinkPage(tx: Tx, run: SyncRun, pageSize: number): Promise<SyncRun> {
  await tx.update(syncRuns).set({ pageSize }).where(eq(syncRuns.id, run.id));
  return { ...run, pageSize };
}

/** So many people are no longer listed that the list may be the wrong one. */
export class TooManyMissing extends Error {
  override readonly name = 'TooManyMissing';
  readonly missing: number;

  constructor(missing: number, linked: number) {
    super(
      `MailerLite no longer lists ${missing} of ${linked} people. Is this the key of the right account? Nothing was changed for them.`,
    );
    this.missing = missing;
  }
}

/**
 * The MailerLite ids of some people who were not listed by this run, to be looked at one by one: they may have
 * moved from one state to another between two pages.
 *
 * @throws TooManyMissing when there are so many that the list itself may be the wrong one, and more than an
 *   administrator has said to be gone.
 */
export async function missingPeople(tx: Tx, run: SyncRun, limit: number): Promise<string[]> {
  const missing = sql`from mailerlite_links l
    where l.mailerlite_id is not null and l.seen_run is distinct from ${run.id}::uuid
      and l.status is distinct from 'gone' and l.seen_at < ${run.startedAt.toString()}::timestamptz`;
  if (run.counts.gone === 0) {
    const [row] = await rows<{ missing: number; linked: number }>(
      tx,
      sql`select (select count(*)::int ${missing}) as missing,
        (select count(*)::int from mailerlite_links where mailerlite_id is not null) as linked`,
    );
    const { missing: count, linked } = row!;
    const many = count >= MOST_MISSING.people && count > linked * MOST_MISSING.share;
    if (many && count > run.missingExpected) throw new TooManyMissing(count, linked);
  }
  const found = await rows<{ id: string }>(
    tx,
    sql`select l.mailerlite_id as id ${missing} order by l.subscriber_id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/** What a look at one missing person brought: the person, or undefined when MailerLite no longer has them. */
export interface LookedFor {
  readonly mailerliteId: string;
  readonly subscriber: ThereSubscriber | undefined;
}

/** Takes down what became of people who were not listed. */
export async function applyMissing(
  tx: Tx,
  run: SyncRun,
  looked: readonly LookedFor[],
  { askedAt, groupsVerified, ...context }: PageContext,
): Promise<SyncRun | undefined> {
  return tx.transaction(async (inner) => {
    if (!(await stillAt(inner, run))) return undefined;
    const groups = await readTopicGroups(inner);
    const there = looked.flatMap(({ subscriber }) => subscriber ?? []);
    const summary = await applySeen(inner, there, {
      ...context,
      source: 'mailerlite_sync',
      groups,
      askedAt,
      runId: run.id,
      groupsVerified,
    });
    const goneIds = looked
      .filter(({ subscriber }) => subscriber === undefined)
      .map(({ mailerliteId }) => mailerliteId);
    const gone = await markGone(inner, goneIds, context);
    const counts = added(run.counts, summary);
    return move(
      inner,
      run,
      {
        phase: 'missing',
        cursor: null,
        counts: { ...counts, gone: counts.gone + goneIds.length, differences: counts.differences + gone },
      },
      context,
    );
  });
}

/**
 * Notes that MailerLite no longer has these people. Nobody said that they want to leave: what to do is for a
 * person to decide, unless they had left anyway.
 *
 * @returns how many differences this opened.
 */
export async function markGone(
  tx: Tx,
  mailerliteIds: readonly string[],
  { clock }: { clock: Clock },
): Promise<number> {
  if (mailerliteIds.length === 0) return 0;
  const changed = await rows<{ id: string }>(
    tx,
    sql`update mailerlite_links l set status = 'gone', topics = '{}', seen_at = ${clock.now().toString()}::timestamptz
      where l.status is distinct from 'gone'
        and l.mailerlite_id in (select jsonb_array_elements_text(${JSON.stringify(mailerliteIds)}::text::jsonb))
      returning l.subscriber_id as id`,
  );
  const ids = JSON.stringify(changed.map(({ id }) => id));
  const people = await readPeople(tx, sql`select jsonb_array_elements_text(${ids}::text::jsonb)::uuid`);
  return noteDifferences(
    tx,
    people
      .filter((person) => !hasOptedOut(person))
      .map(({ subscriberId, link }) => ({
        kind: 'gone_there',
        subscriberId,
        mailerliteId: link!.mailerliteId,
      })),
    { clock },
  );
}

/** Ends a run. `reason` says why it failed, `missing` how many people too few were listed, where that was why. */
export async function finishPull(
  tx: Tx,
  run: SyncRun,
  outcome: { state: 'done' } | { state: 'failed'; reason: string; missing?: number },
  { clock }: { clock: Clock },
): Promise<void> {
  const now = clock.now();
  await tx
    .update(syncRuns)
    .set({
      state: outcome.state,
      reason: outcome.state === 'failed' ? outcome.reason : null,
      missing: outcome.state === 'failed' ? (outcome.missing ?? null) : null,
      finishedAt: now,
      updatedAt: now,
    })
    .where(and(eq(syncRuns.id, run.id), eq(syncRuns.state, 'running')));
}

/** Locks the run and says whether it is where the caller believes it to be. */
async function stillAt(tx: Tx, run: SyncRun): Promise<boolean> {
  const [now] = await tx.select().from(syncRuns).where(eq(syncRuns.id, run.id)).for('update');
  return now?.state === 'running' && now.position === run.position;
}

async function move(
  tx: Tx,
  run: SyncRun,
  to: { phase: Phase; cursor: string | null; counts: RunCounts },
  { clock }: { clock: Clock },
): Promise<SyncRun> {
  const values = { ...to, position: run.position + 1, updatedAt: clock.now() };
  await tx.update(syncRuns).set(values).where(eq(syncRuns.id, run.id));
  return { ...run, ...values };
}

function added(counts: RunCounts, summary: SeenSummary): RunCounts {
  return {
    ...counts,
    added: counts.added + summary.added,
    given: counts.given + summary.given,
    withdrawn: counts.withdrawn + summary.withdrawn,
    pushes: counts.pushes + summary.pushes,
    differences: counts.differences + summary.differences,
    unreadable: counts.unreadable + summary.unreadable,
  };
}

/** The hour at which both lists are compared, on the organisation's clock. */
const NIGHTLY_AT = '02:30';

/**
 * Whether this night's comparison has still to begin. Nothing is compared by night before somebody has asked for
 * the first comparison.
 */
export async function nightlyIsDue(
  tx: Tx,
  { clock, zone }: { clock: Clock; zone: string },
): Promise<boolean> {
  const now = clock.now();
  const today = now.toZonedDateTimeISO(zone);
  const slot = today.withPlainTime(NIGHTLY_AT);
  const last = Temporal.ZonedDateTime.compare(slot, today) <= 0 ? slot : slot.subtract({ days: 1 });
  const [newest] = await listRuns(tx, { limit: 1 });
  return newest !== undefined && Temporal.Instant.compare(newest.startedAt, last.toInstant()) < 0;
}
