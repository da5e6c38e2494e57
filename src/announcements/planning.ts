import { and, eq, inArray } from 'drizzle-orm';
import type { Nation } from '../calendar/bank-holidays.ts';
import type { QuietHours } from '../calendar/quiet-hours.ts';
import type { Tx } from '../db/open.ts';
import { announcements, deliveries } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { derivedId } from '../kernel/ids.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import { planReminders, type PlannedReminder } from '../meetings/reminder-plan.ts';
import { noticeTitle, type Announcement } from './announcements.ts';

/** The rules of the group that planning needs; all of them settings. */
export interface PlanningRules {
  /** IANA zone of the quiet hours. */
  readonly timeZone: string;
  readonly quietHours: QuietHours;
  readonly bankHolidays: Nation | null;
}

export interface PlanningContext {
  readonly clock: Clock;
  readonly settings: PlanningRules;
}

/** Who set a state: the planner undoes only what it did itself, never what a person decided. */
export const PLANNER = 'planner';

/** A reminder whose time passed this little ago when its meeting was entered still goes out. */
const ENTRY_GRACE = Temporal.Duration.from({ minutes: 5 });

const PASSED = 'Its time had passed when the meeting was entered or changed.';
const NOT_WANTED = 'The meeting no longer has this reminder.';

/** Why deliveries were cancelled by a change of their meeting; the correction goes to these people as well. */
export const OVERTAKEN = 'The meeting was changed while this was going out.';

/** A reminder as it should be, as values for its row. The id follows from meeting and rule. */
export function reminderRow(
  meeting: Meeting,
  reminder: PlannedReminder,
  now: Temporal.Instant,
): typeof announcements.$inferInsert {
  const undecided = meeting.status === 'undecided';
  return {
    id: derivedId('reminder', meeting.id, reminder.rule),
    kind: 'reminder',
    topic: meeting.topic,
    title: noticeTitle('reminder', meeting.title),
    meetingId: meeting.id,
    reminderRule: reminder.rule,
    audienceKind: 'topic',
    sendAt: reminder.sendAt,
    zone: meeting.zone,
    lateAfter: reminder.lateAfter,
    state: undecided ? 'awaiting_approval' : 'approved',
    stateReason: undecided ? meeting.statusReason : null,
    stateAt: now,
    stateBy: PLANNER,
    dedupeKey: `reminder:${meeting.id}:${reminder.rule}`,
    createdAt: now,
    updatedAt: now,
  };
}

/** The reminders that a meeting should have from now on. None for a meeting that does not take place. */
export function wantedReminders(
  meeting: Meeting,
  rules: PlanningRules,
  now: Temporal.Instant,
): PlannedReminder[] {
  if (meeting.status === 'cancelled' || meeting.status === 'skipped') return [];
  return planReminders(meeting, rules).filter(
    ({ sendAt, lateAfter }) =>
      Temporal.Instant.compare(sendAt, now.subtract(ENTRY_GRACE)) >= 0 &&
      Temporal.Instant.compare(lateAfter, now) > 0,
  );
}

/**
 * Brings the reminders of meetings in step with them: makes those that are missing, moves those that have not
 * begun to go out, cancels those that are not wanted any more. Repeating it changes nothing. What has been sent
 * stays sent, and what an administrator cancelled or holds stays so.
 *
 * @param outdated true when the meetings have just changed in a way that people must be told: a reminder that is
 *   going out at this moment then stops.
 */
export async function planMeetingReminders(
  tx: Tx,
  planned: readonly Meeting[],
  { clock, settings }: PlanningContext,
  { outdated = false }: { outdated?: boolean } = {},
): Promise<void> {
  if (planned.length === 0) return;
  const now = clock.now();
  const existing = await tx
    .select()
    .from(announcements)
    .where(
      and(
        inArray(
          announcements.meetingId,
          planned.map(({ id }) => id),
        ),
        eq(announcements.kind, 'reminder'),
      ),
    )
    .orderBy(announcements.id)
    .for('update');
  const toStop = new Map<string, Announcement[]>();
  const stop = (reason: string, row: Announcement) =>
    toStop.set(reason, [...(toStop.get(reason) ?? []), row]);
  for (const meeting of planned) {
    const wanted = new Map(
      wantedReminders(meeting, settings, now).map((reminder) => [reminder.rule, reminder]),
    );
    for (const row of existing.filter(({ meetingId }) => meetingId === meeting.id)) {
      const reminder = wanted.get(row.reminderRule ?? '');
      wanted.delete(row.reminderRule ?? '');
      if (row.state === 'sending') {
        if (outdated) stop(OVERTAKEN, row);
      } else if (reminder) {
        await keepInStep(tx, row, meeting, reminderRow(meeting, reminder, now), now);
      } else {
        const reason = whyDropped(row, meeting, settings);
        if (reason !== undefined) stop(reason, row);
      }
    }
    const missing = [...wanted.values()].map((reminder) => reminderRow(meeting, reminder, now));
    if (missing.length > 0) await tx.insert(announcements).values(missing).onConflictDoNothing();
  }
  for (const [reason, stopped] of toStop) await stopForChange(tx, stopped, reason, now);
}

async function keepInStep(
  tx: Tx,
  row: Announcement,
  meeting: Meeting,
  target: typeof announcements.$inferInsert,
  now: Temporal.Instant,
): Promise<void> {
  const waiting = row.state === 'approved' || row.state === 'awaiting_approval';
  const held = row.state === 'held' && row.heldFrom === 'approved';
  const dropped = row.state === 'cancelled' && row.stateBy === PLANNER && row.audience === null;
  const missedBefore = row.state === 'missed' && Temporal.Instant.compare(target.sendAt, now) > 0;
  if (!waiting && !held && !dropped && !missedBefore) return;
  if (row.frozenAt && (row.meetingSequence !== meeting.sequence || !row.sendAt.equals(target.sendAt))) {
    await unfreeze(tx, row.id);
  }
  const { sendAt, lateAfter, zone, topic, title, state, stateReason } = target;
  const newState =
    held || row.state === state
      ? {}
      : { state, stateReason: stateReason ?? null, stateAt: now, stateBy: PLANNER };
  await tx
    .update(announcements)
    .set({ sendAt, lateAfter, zone, topic, title, ...newState, updatedAt: now })
    .where(eq(announcements.id, row.id));
}

/** Why a reminder that its meeting does not want any more is cancelled; undefined when it stays as it is. */
function whyDropped(row: Announcement, meeting: Meeting, settings: PlanningRules): string | undefined {
  if (row.state !== 'approved' && row.state !== 'awaiting_approval' && row.state !== 'held') return undefined;
  if (meeting.status === 'cancelled' || meeting.status === 'skipped') {
    return `The meeting is ${meeting.status}.`;
  }
  const planned = planReminders(meeting, settings).find((reminder) => reminder.rule === row.reminderRule);
  // A reminder that is merely late is the business of its own late limit.
  if (planned?.sendAt.equals(row.sendAt)) return undefined;
  return planned ? PASSED : NOT_WANTED;
}

/** Cancels announcements because their meeting changed, with the deliveries that have not been claimed. */
export async function stopForChange(
  tx: Tx,
  stopped: readonly Announcement[],
  reason: string,
  now: Temporal.Instant,
): Promise<void> {
  if (stopped.length === 0) return;
  const ids = stopped.map(({ id }) => id);
  await tx
    .update(announcements)
    .set({ state: 'cancelled', stateReason: reason, stateAt: now, stateBy: PLANNER, updatedAt: now })
    .where(inArray(announcements.id, ids));
  for (const row of stopped) {
    if (hasBegun(row)) {
      await tx
        .update(deliveries)
        .set({ state: 'cancelled', reason, settledAt: now })
        .where(and(eq(deliveries.announcementId, row.id), eq(deliveries.state, 'pending')));
    } else if (row.frozenAt !== null) {
      await unfreeze(tx, row.id);
    }
  }
}

/** Whether some of its messages may have been handed over. */
function hasBegun({ state, heldFrom }: Announcement): boolean {
  return state === 'sending' || (state === 'held' && heldFrom === 'sending');
}

/**
 * Takes back the freezing of an announcement that has not begun to go out: content and audience are made afresh
 * before it does.
 */
export async function unfreeze(tx: Tx, id: string): Promise<void> {
  await tx.delete(deliveries).where(eq(deliveries.announcementId, id));
  await tx
    .update(announcements)
    .set({
      content: null,
      contentHash: null,
      frozenAt: null,
      chunks: 0,
      audience: null,
      meetingSequence: null,
    })
    .where(eq(announcements.id, id));
}
