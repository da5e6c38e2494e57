import { and, eq, inArray } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { announcements, drafts } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { Meeting } from '../meetings/occurrences.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import { lockAnnouncement, type Announcement } from './announcements.ts';
import { findDraft, NO_APPROVAL, type DraftedAnnouncement } from './compose.ts';
import type { FrozenContent } from './frozen-content.ts';
import { OVERTAKEN, stopForChange, unfreeze } from './planning.ts';

/**
 * Takes an approval back within five minutes: it is a draft again, and nobody has got anything.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when the time is over or it was not approved.
 */
export async function undoApproval(
  tx: Tx,
  id: string,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<DraftedAnnouncement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(inner, id, ['approved'], () => 'There is no approval to undo.');
    const { draft } = await findDraft(inner, id);
    if (!draft.undoUntil || Temporal.Instant.compare(clock.now(), draft.undoUntil) >= 0) {
      throw new ConvenorError(
        'wrong_state',
        'The five minutes are over. Put it on hold or cancel it instead.',
      );
    }
    await withdrawApproval(inner, row, null, { clock, actor });
    return findDraft(inner, id);
  });
}

/** Makes a draft again of an announcement that has not begun to go out. */
async function withdrawApproval(
  tx: Tx,
  row: Announcement,
  reason: string | null,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  const now = clock.now();
  await unfreeze(tx, row.id);
  await tx
    .update(announcements)
    .set({
      state: 'draft',
      stateReason: reason,
      heldFrom: null,
      stateAt: now,
      stateBy: actor,
      updatedAt: now,
    })
    .where(eq(announcements.id, row.id));
  await tx.update(drafts).set(NO_APPROVAL).where(eq(drafts.announcementId, row.id));
  await recordAudit(
    tx,
    {
      actor,
      action: 'announcement.approval_withdrawn',
      subject: row.id,
      before: row.state,
      after: { reason },
    },
    { clock },
  );
}

/**
 * Keeps what was written about meetings in step with them. What is going out with a date that is no longer true stops,
 * and its people get the correction; what was approved of an older version is a draft again, and the administrators
 * are told; an invitation to a meeting that is off is cancelled.
 *
 * @param outdated true when the changes are such that people must be told.
 */
export async function followMeetingsInDrafts(
  tx: Tx,
  changed: readonly Meeting[],
  { clock }: { clock: Clock },
  { outdated }: { outdated: boolean },
): Promise<void> {
  if (changed.length === 0) return;
  const now = clock.now();
  const byId = new Map(changed.map((meeting) => [meeting.id, meeting]));
  const found = await tx
    .select({ announcement: announcements, draft: drafts })
    .from(announcements)
    .innerJoin(drafts, eq(drafts.announcementId, announcements.id))
    .where(
      and(
        inArray(announcements.meetingId, [...byId.keys()]),
        inArray(announcements.state, ['draft', 'awaiting_approval', 'approved', 'sending', 'held']),
      ),
    )
    .orderBy(announcements.id)
    .for('update');
  for (const { announcement, draft } of found) {
    const meeting = byId.get(announcement.meetingId!)!;
    const off = meeting.status === 'cancelled' || meeting.status === 'skipped';
    const begun = announcement.state === 'sending' || announcement.heldFrom === 'sending';
    const invites = announcement.kind === 'meeting_invitation';
    if (begun) {
      if (outdated && invites) await stopForChange(tx, [announcement], OVERTAKEN, now);
    } else if (off && invites) {
      await stopForChange(tx, [announcement], `The meeting is ${meeting.status}.`, now);
    } else if (draft.approvedContent !== null && !isAbout(draft.approvedContent as FrozenContent, meeting)) {
      await withdrawApproval(
        tx,
        announcement,
        'The meeting was changed after this was approved. Look at it again, then approve it.',
        { clock, actor: 'system' },
      );
      await queueServiceMail(
        tx,
        {
          kind: 'approval-withdrawn',
          to: { kind: 'administrators' },
          data: { announcementId: announcement.id },
          dedupeKey: `approval-withdrawn:${announcement.id}:${draft.revision}:${meeting.sequence}`,
        },
        { clock },
      );
    }
  }
}

function isAbout(content: FrozenContent, meeting: Meeting): boolean {
  return content.meetingSequence === meeting.sequence;
}
