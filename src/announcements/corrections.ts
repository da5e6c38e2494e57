import { and, eq, inArray, sql } from 'drizzle-orm';
import { afterQuietHours } from '../calendar/quiet-hours.ts';
import { rows, type Tx } from '../db/open.ts';
import { announcements } from '../db/schema.ts';
import { derivedId } from '../kernel/ids.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import { noticeTitle, type NoticeKind } from './announcements.ts';
import { OVERTAKEN, PLANNER, stopForChange, type PlanningContext } from './planning.ts';

/** What people have been told of a meeting: a correction names the difference to it. */
export interface ToldVersion {
  readonly title: string;
  readonly startsAt: string;
  readonly zone: string;
  readonly durationMinutes: number;
}

/**
 * Plans the mail that tells of a change to those who know an older version. A correction that has not gone out
 * yet is replaced, so that several changes in a row yield one mail; it names the difference to what people were
 * last told, and when there is none left it is not sent at all.
 */
export async function planCorrection(
  tx: Tx,
  kind: Extract<NoticeKind, 'changed' | 'cancelled'>,
  before: Meeting,
  after: Meeting,
  { clock, settings }: PlanningContext,
): Promise<void> {
  const now = clock.now();
  const earlier = await tx
    .select()
    .from(announcements)
    .where(
      and(
        eq(announcements.meetingId, after.id),
        inArray(announcements.kind, ['changed', 'cancelled']),
        inArray(announcements.state, ['approved', 'sending', 'held']),
      ),
    )
    .for('update');
  let told = toldVersion(before);
  for (const row of earlier) {
    const begun = row.state === 'sending' || row.heldFrom === 'sending';
    if (!begun) told = row.previous as ToldVersion;
    await stopForChange(tx, [row], begun ? OVERTAKEN : 'Replaced by a later change.', now);
  }
  if (!(await toldMeetings(tx, [after.id])).has(after.id)) return;
  if (kind === 'changed' && sameVersion(told, toldVersion(after))) return;
  await tx
    .insert(announcements)
    .values({
      id: derivedId(kind, after.id, String(after.sequence)),
      kind,
      topic: after.topic,
      title: noticeTitle(kind, after.title),
      meetingId: after.id,
      audienceKind: 'told',
      sendAt: afterQuietHours(now, settings.timeZone, settings.quietHours),
      zone: after.zone,
      lateAfter: after.startsAt,
      state: 'approved',
      stateAt: now,
      stateBy: PLANNER,
      previous: told,
      dedupeKey: `${kind}:${after.id}:${after.sequence}`,
      createdAt: now,
      updatedAt: now,
    })
    .onConflictDoNothing();
}

/** Those of some meetings of which a notice has reached, or may have reached, somebody. */
export async function toldMeetings(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const told = await rows<{ id: string }>(
    tx,
    sql`select m.id from meetings m cross join lateral (
        select 1 from announcements a join deliveries d on d.announcement_id = a.id
        -- What is not frozen has no deliveries to be looked for.
        where a.meeting_id = m.id and a.frozen_at is not null and d.state in ('sending', 'sent', 'unknown') limit 1
      ) one
      where m.id in ${ids}`,
  );
  return new Set(told.map(({ id }) => id));
}

/** A meeting as people are told of it. */
export function toldVersion(meeting: Meeting): ToldVersion {
  return {
    title: meeting.title,
    startsAt: meeting.startsAt.toString(),
    zone: meeting.zone,
    durationMinutes: meeting.durationMinutes,
  };
}

/** Whether two versions need no mail between them. A new title alone does not: calendars on the feed pick it up. */
export function sameVersion(a: ToldVersion, b: ToldVersion): boolean {
  return a.startsAt === b.startsAt && a.durationMinutes === b.durationMinutes;
}
