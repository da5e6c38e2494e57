import { eq } from 'drizzle-orm';
import { afterQuietHours } from '../calendar/quiet-hours.ts';
import type { Tx } from '../db/open.ts';
import { announcements, bulletins, bulletinSchedules, type BulletinTopic } from '../db/schema.ts';
import { ConvenorError, invalidInput } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { recordAudit } from '../organisation/audit.ts';
import { paragraph } from '../organisation/setting-types.ts';
import { lockAnnouncement, type Announcement } from './announcements.ts';
import { UNDO } from './approval.ts';
import { planSchedule } from './bulletins.ts';
import { openItems } from './bulletins-gather.ts';
import {
  findBulletinSchedule,
  type BulletinSchedule,
  type BulletinScheduleInput,
} from './bulletins-schedules.ts';
import type { ChangeContext } from './meeting-changes.ts';
import { PLANNER, unfreeze } from './planning.ts';

/**
 * Sets the schedule of a topic's bulletins; there is one per topic. Bulletins that are drafted already follow.
 *
 * @param input as `parseBulletinSchedule` gives it.
 */
export async function saveBulletinSchedule(
  tx: Tx,
  input: BulletinScheduleInput,
  context: ChangeContext,
): Promise<BulletinSchedule> {
  return tx.transaction(async (inner) => {
    const now = context.clock.now();
    const before = await findBulletinSchedule(inner, input.topic);
    const [saved] = before
      ? await inner
          .update(bulletinSchedules)
          .set({ ...input, updatedAt: now })
          .where(eq(bulletinSchedules.id, before.id))
          .returning()
      : await inner
          .insert(bulletinSchedules)
          .values({ id: newId(now), ...input, createdAt: now, updatedAt: now })
          .onConflictDoNothing()
          .returning();
    if (!saved) {
      throw new ConvenorError(
        'conflict',
        'Somebody else set up these bulletins just now. Look at them again, then repeat.',
      );
    }
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: before ? 'bulletins.changed' : 'bulletins.scheduled',
        subject: saved.id,
        before: before ?? null,
        after: input,
      },
      context,
    );
    await planSchedule(inner, saved.id, context);
    return saved;
  });
}

/**
 * Ends the bulletins of a topic. One that is drafted and has not begun to go out is stopped.
 *
 * @throws ConvenorError `wrong_state` when the topic has none.
 */
export async function endBulletins(tx: Tx, topic: BulletinTopic, context: ChangeContext): Promise<void> {
  await tx.transaction(async (inner) => {
    const now = context.clock.now();
    const schedule = await findBulletinSchedule(inner, topic);
    if (!schedule) throw new ConvenorError('wrong_state', 'There are no bulletins on this topic to end.');
    await inner
      .update(bulletinSchedules)
      .set({ archivedAt: now, updatedAt: now })
      .where(eq(bulletinSchedules.id, schedule.id));
    await planSchedule(inner, schedule.id, context);
    await recordAudit(
      inner,
      { actor: context.actor, action: 'bulletins.ended', subject: schedule.id },
      context,
    );
  });
}

/**
 * Lets a bulletin that waits for approval go out at its time, but not before five minutes have passed, in which it can
 * be stopped, and not in the quiet hours.
 *
 * @param unchangedSince its `updatedAt` as the person saw it; left out, any will do.
 * @throws ConvenorError `not_found`; `wrong_state` also when it is too late or there is nothing left in it; `conflict`
 *   when it was changed since it was seen.
 */
export async function approveBulletin(
  tx: Tx,
  announcementId: string,
  { unchangedSince }: { unchangedSince?: Temporal.Instant | undefined },
  { clock, actor, settings }: ChangeContext,
): Promise<Announcement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(
      inner,
      announcementId,
      ['awaiting_approval'],
      () => 'This bulletin does not wait for approval.',
    );
    await findBulletin(inner, announcementId);
    const now = clock.now();
    const sendAt = bulletinSendTime(row, now, settings);
    if (Temporal.Instant.compare(row.lateAfter, sendAt) <= 0) {
      throw new ConvenorError('wrong_state', 'It is too late for this bulletin to be of use.');
    }
    if (unchangedSince && !row.updatedAt.equals(unchangedSince)) {
      throw new ConvenorError(
        'conflict',
        'This bulletin was changed just now. Look at it again, then approve it.',
      );
    }
    if ((await openItems(inner, row, now)) === 0) {
      throw new ConvenorError(
        'wrong_state',
        'Nothing in this bulletin is still open, so there is nothing to send.',
      );
    }
    const [approved] = await inner
      .update(announcements)
      .set({ state: 'approved', stateReason: null, stateAt: now, stateBy: actor, sendAt, updatedAt: now })
      .where(eq(announcements.id, announcementId))
      .returning();
    await recordAudit(
      inner,
      {
        actor,
        action: 'announcement.approved',
        subject: announcementId,
        before: row.state,
        after: 'approved',
      },
      { clock },
    );
    return approved!;
  });
}

/** When a bulletin goes out if it is approved at `now`. */
export function bulletinSendTime(
  { sendAt }: Pick<Announcement, 'sendAt'>,
  now: Temporal.Instant,
  { timeZone, quietHours }: ChangeContext['settings'],
): Temporal.Instant {
  const earliest = now.add(UNDO);
  if (Temporal.Instant.compare(sendAt, earliest) > 0) return sendAt;
  return afterQuietHours(earliest, timeZone, quietHours);
}

async function findBulletin(tx: Tx, announcementId: string) {
  const [found] = await tx
    .select({ bulletin: bulletins, schedule: bulletinSchedules })
    .from(bulletins)
    .innerJoin(bulletinSchedules, eq(bulletinSchedules.id, bulletins.scheduleId))
    .where(eq(bulletins.announcementId, announcementId));
  if (!found) throw new ConvenorError('wrong_state', 'This announcement is not a bulletin.');
  return found;
}

/**
 * Gives one bulletin an introduction of its own. Where bulletins wait for approval, one that somebody has approved
 * waits again.
 *
 * @param text plain text; empty for none, null for the schedule's.
 * @throws ConvenorError `not_found`; `wrong_state` when it has begun to go out; `invalid_input` (field `introduction`).
 */
export async function introduceBulletin(
  tx: Tx,
  announcementId: string,
  text: string | null,
  { clock, actor }: Pick<ChangeContext, 'clock' | 'actor'>,
): Promise<Announcement> {
  const checked = text === null ? { success: true as const, data: null } : paragraph(2000).safeParse(text);
  if (!checked.success) {
    throw invalidInput({ field: 'introduction', message: checked.error.issues[0]!.message });
  }
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(
      inner,
      announcementId,
      ['awaiting_approval', 'approved'],
      () => 'This bulletin is not waiting to go out, so it cannot be changed.',
    );
    const { schedule } = await findBulletin(inner, announcementId);
    await inner
      .update(bulletins)
      .set({ introduction: checked.data })
      .where(eq(bulletins.announcementId, announcementId));
    await unfreeze(inner, announcementId);
    const now = clock.now();
    const askAgain = schedule.approval === 'wait' && row.state === 'approved';
    const [changed] = await inner
      .update(announcements)
      .set({
        updatedAt: now,
        ...(askAgain
          ? {
              state: 'awaiting_approval',
              stateReason: 'Its introduction was changed.',
              stateAt: now,
              stateBy: PLANNER,
            }
          : {}),
      })
      .where(eq(announcements.id, announcementId))
      .returning();
    await recordAudit(
      inner,
      { actor, action: 'bulletin.introduced', subject: announcementId, after: checked.data },
      { clock },
    );
    return changed!;
  });
}
