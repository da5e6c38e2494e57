import { and, eq, gt } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { announcements, bulletins, bulletinSchedules } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { Announcement } from './announcements.ts';
import { gatherItems, leaveOutClosed, openItems, releaseUncarried } from './bulletins-gather.ts';
import {
  activeBulletinSchedules,
  bulletinDates,
  bulletinRow,
  draftable,
  type BulletinDate,
  type BulletinSchedule,
} from './bulletins-schedules.ts';
import { PLANNER, stopForChange, unfreeze, type PlanningContext } from './planning.ts';

/** Why a bulletin does not go out. If an item comes in before its time, it does after all. */
export const NOTHING_TO_TELL = 'There was nothing to put in it.';

const NOT_SCHEDULED = 'The schedule of bulletins was changed.';

/**
 * Brings the bulletins of all schedules in step with them: drafts those that are two days away, each once, gathers
 * into them what no bulletin has carried yet, and stops those that their schedule no longer has. Repeating it
 * changes nothing. What a person approved, holds or cancelled stays so.
 */
export async function planBulletins(tx: Tx, context: PlanningContext): Promise<void> {
  for (const schedule of await activeBulletinSchedules(tx)) {
    await tx.transaction((inner) => planSchedule(inner, schedule.id, context));
  }
}

/** `planBulletins` for one schedule, in force or archived. Its row is locked meanwhile: one plans, others wait. */
export async function planSchedule(
  tx: Tx,
  scheduleId: string,
  { clock, settings }: PlanningContext,
): Promise<void> {
  const now = clock.now();
  const [schedule] = await tx
    .select()
    .from(bulletinSchedules)
    .where(eq(bulletinSchedules.id, scheduleId))
    .for('update');
  if (!schedule) return;
  await releaseUncarried(tx, schedule.topic);
  const existing = await tx
    .select({ row: announcements, date: bulletins.date })
    .from(bulletins)
    .innerJoin(announcements, eq(announcements.id, bulletins.announcementId))
    .where(and(eq(bulletins.scheduleId, schedule.id), gt(announcements.lateAfter, now)))
    .orderBy(bulletins.date)
    .for('update', { of: announcements });
  for (const { row, date } of existing) {
    const target = schedule.archivedAt ? [] : bulletinDates(schedule, { from: date, to: date }, settings);
    if (target[0]) await keepInStep(tx, schedule, row, target[0], clock);
    else if (schedule.archivedAt || isAhead(row, now)) await drop(tx, row, now);
  }
  if (schedule.archivedAt) return;
  const known = new Set(existing.map(({ date }) => date.toString()));
  for (const each of draftable(schedule, now, settings)) {
    if (!known.has(each.date.toString())) await draft(tx, schedule, each, clock);
  }
}

async function draft(tx: Tx, schedule: BulletinSchedule, planned: BulletinDate, clock: Clock): Promise<void> {
  const [row] = await tx
    .insert(announcements)
    .values(bulletinRow(schedule, planned, clock.now()))
    .onConflictDoNothing()
    .returning();
  if (!row) return;
  await tx.insert(bulletins).values({ announcementId: row.id, scheduleId: schedule.id, date: planned.date });
  await gatherItems(tx, row, schedule.topic, clock.now());
  if ((await openItems(tx, row, clock.now())) > 0) await tellDrafted(tx, row.id, clock);
  else await skipBulletin(tx, row, clock);
}

/** Follows a change of the schedule or the quiet hours, and takes in what was approved since. */
async function keepInStep(
  tx: Tx,
  schedule: BulletinSchedule,
  row: Announcement,
  planned: BulletinDate,
  clock: Clock,
): Promise<void> {
  const now = clock.now();
  const target = bulletinRow(schedule, planned, now);
  const dropped = row.state === 'cancelled' && row.stateBy === PLANNER;
  if (!isWaiting(row) && !(dropped && Temporal.Instant.compare(target.sendAt, now) > 0)) return;
  const { lateAfter, zone, title } = target;
  const sendAt = wasPromisedLater(row, target, { schedule, now }) ? row.sendAt : target.sendAt;
  const moved = !row.sendAt.equals(sendAt) || !row.lateAfter.equals(lateAfter) || row.title !== title;
  if (moved) {
    await unfreeze(tx, row.id);
    await tx
      .update(announcements)
      .set({ sendAt, lateAfter, zone, title, updatedAt: now })
      .where(eq(announcements.id, row.id));
  }
  const current: Announcement = { ...row, sendAt, lateAfter, frozenAt: moved ? null : row.frozenAt };
  if (dropped || row.stateBy === PLANNER) await refill(tx, schedule, current, target, clock);
}

/** Whether somebody let it go out so late that it has another time than its schedule gives it. */
function wasPromisedLater(
  row: Announcement,
  { sendAt }: ReturnType<typeof bulletinRow>,
  { schedule, now }: { schedule: BulletinSchedule; now: Temporal.Instant },
): boolean {
  const unchanged = Temporal.Instant.compare(schedule.updatedAt, row.stateAt) <= 0;
  const overdue = Temporal.Instant.compare(sendAt, now) <= 0;
  return (
    row.stateBy !== PLANNER && Temporal.Instant.compare(row.sendAt, sendAt) > 0 && (unchanged || overdue)
  );
}

/** Looks after a bulletin that no person has decided about: what is in it, and whether it goes out. */
async function refill(
  tx: Tx,
  schedule: BulletinSchedule,
  row: Announcement,
  target: ReturnType<typeof bulletinRow>,
  clock: Clock,
): Promise<void> {
  if (row.frozenAt || row.state === 'held') return;
  const now = clock.now();
  const added = await gatherItems(tx, row, schedule.topic, now);
  const dropped = row.state === 'cancelled';
  if ((await openItems(tx, row, now)) === 0) {
    if (!dropped) await skipBulletin(tx, row, clock);
    return;
  }
  // Past its time the state stays: a bulletin that could go out unasked may do so late.
  const state = isAhead(row, now) ? target.state : row.state;
  if (added === 0 && state === row.state) return;
  await tx
    .update(announcements)
    .set({
      updatedAt: now,
      ...(state === row.state
        ? {}
        : { state, stateReason: target.stateReason ?? null, stateAt: now, stateBy: PLANNER }),
    })
    .where(eq(announcements.id, row.id));
  if (dropped) await tellDrafted(tx, row.id, clock, now);
}

async function drop(tx: Tx, row: Announcement, now: Temporal.Instant): Promise<void> {
  if (isWaiting(row)) await stopForChange(tx, [row], NOT_SCHEDULED, now);
}

/**
 * Makes a bulletin that is about to be frozen ready for it: what has ended is left out, and when nothing is left it is
 * skipped and the administrators are told.
 *
 * @returns whether there is something to send.
 */
export async function settleBulletin(tx: Tx, id: string, { clock }: { clock: Clock }): Promise<boolean> {
  return tx.transaction(async (inner) => {
    const [row] = await inner.select().from(announcements).where(eq(announcements.id, id)).for('update');
    if (row?.state !== 'approved' || row.frozenAt) return false;
    await leaveOutClosed(inner, row, clock.now());
    if ((await openItems(inner, row, clock.now())) > 0) return true;
    await skipBulletin(inner, row, clock);
    return false;
  });
}

async function skipBulletin(tx: Tx, row: Announcement, clock: Clock): Promise<void> {
  const now = clock.now();
  await stopForChange(tx, [row], NOTHING_TO_TELL, now);
  await queueServiceMail(
    tx,
    {
      kind: 'bulletin-skipped',
      to: { kind: 'administrators' },
      data: { announcementId: row.id },
      dedupeKey: `bulletin-skipped:${row.id}:${now.toString()}`,
    },
    { clock },
  );
}

/** Tells the administrators that there is a bulletin to look at. */
export async function tellDrafted(
  tx: Tx,
  announcementId: string,
  clock: Clock,
  again?: Temporal.Instant,
): Promise<void> {
  await queueServiceMail(
    tx,
    {
      kind: 'bulletin-drafted',
      to: { kind: 'administrators' },
      data: { announcementId },
      dedupeKey: ['bulletin-drafted', announcementId, ...(again ? [again.toString()] : [])].join(':'),
    },
    { clock },
  );
}

/** Whether a bulletin is still to go out and has not begun to. */
export function isWaiting({ state, heldFrom }: Pick<Announcement, 'state' | 'heldFrom'>): boolean {
  return (
    state === 'approved' || state === 'awaiting_approval' || (state === 'held' && heldFrom === 'approved')
  );
}

function isAhead({ sendAt }: Pick<Announcement, 'sendAt'>, now: Temporal.Instant): boolean {
  return Temporal.Instant.compare(sendAt, now) > 0;
}
