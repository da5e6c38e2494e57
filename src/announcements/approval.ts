import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterQuietHours } from '../calendar/quiet-hours.ts';
import { toInstant } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { announcements, drafts, mailerliteTopics } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { findingKey, type Finding } from '../kernel/finding.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { Settings } from '../organisation/settings.ts';
import { lockAnnouncement, type Announcement } from './announcements.ts';
import { findDraft, type DraftedAnnouncement } from './compose.ts';
import { frozenContent, hashContent, type FrozenContent } from './frozen-content.ts';

/** How long an approval can be undone; nothing goes out before it is over. */
export const UNDO = Temporal.Duration.from({ minutes: 5 });

/** How long an approval by a second person is waited for when the announcement has no time of its own. */
const WAIT_FOR_SECOND = Temporal.Duration.from({ hours: 24 * 30 });

/** A draft as it would go out, and what the checks say of it. */
export interface PreparedDraft {
  /** The draft's revision that this was made from. */
  readonly revision: number;
  readonly content: FrozenContent;
  readonly findings: readonly Finding[];
}

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
  readonly settings: Settings;
}

/**
 * Names exactly what an approval is about: what goes out, to whom, when and by which channel. Whoever approves says
 * which hash they saw.
 */
export function approvalHash({ announcement, draft }: DraftedAnnouncement, content: FrozenContent): string {
  const { kind, topic, channel, audienceKind, audienceOf } = announcement;
  return createHash('sha256')
    .update(
      JSON.stringify([
        hashContent(content),
        { kind, topic, channel, audienceKind, audienceOf, sendWall: draft.sendWall },
        draft.expiresAt?.toString() ?? null,
      ]),
    )
    .digest('hex');
}

/**
 * When an announcement goes out if it is approved at `now`: at its time, but not before the approval can no longer
 * be undone, and not in the quiet hours.
 */
export function sendTime(
  { announcement, draft }: DraftedAnnouncement,
  now: Temporal.Instant,
  settings: Settings,
): Temporal.Instant {
  const earliest = now.add(UNDO);
  const wanted = draft.sendWall === null ? earliest : toInstant(draft.sendWall, announcement.zone);
  const later = Temporal.Instant.compare(wanted, earliest) > 0 ? wanted : earliest;
  return afterQuietHours(later, settings.timeZone, settings.quietHours);
}

/**
 * Approves what a person saw. Content, audience and channel are kept as they are now and go out as they are; the
 * approval can be undone for five minutes. Where the setting asks for a second person, approving one's own text
 * hands it over to the others instead (`awaiting_approval`).
 *
 * @param hash what the person saw, by `approvalHash`.
 * @param prepared the draft as it is now, rendered and checked before this transaction.
 * @param confirmedWarnings keys (`findingKey`) of the warnings that the person confirmed.
 * @throws ConvenorError `wrong_state` when it was approved before or an error or an unconfirmed warning stands
 *   against it; `conflict` when it is no longer what the person saw; `not_found`.
 */
export async function approveAnnouncement(
  tx: Tx,
  id: string,
  {
    hash,
    prepared,
    confirmedWarnings,
  }: { hash: string; prepared: PreparedDraft; confirmedWarnings: readonly string[] },
  { clock, actor, settings }: Context,
): Promise<DraftedAnnouncement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(inner, id, ['draft', 'awaiting_approval'], (now) =>
      now.state === 'approved'
        ? 'It has been approved already.'
        : 'Only a draft can be approved; this one is not a draft any more.',
    );
    const drafted = await findDraft(inner, id);
    if (drafted.draft.revision !== prepared.revision || approvalHash(drafted, prepared.content) !== hash) {
      throw new ConvenorError(
        'conflict',
        'It is not what you saw any more: the text, its meeting or a setting has changed. Look at it again, then approve.',
      );
    }
    await refuseWithoutGroup(inner, row);
    const warnings = acceptedWarnings(prepared.findings, confirmedWarnings);
    const now = clock.now();
    const sendAt = sendTime(drafted, now, settings);
    const lateAfter = await lateLimit(inner, row, sendAt, settings);
    if (settings.approvalBySecondPerson && drafted.draft.writtenBy === actor) {
      await askSecondPerson(inner, drafted, { clock, actor, settings });
      return findDraft(inner, id);
    }
    await inner
      .update(announcements)
      .set({
        state: 'approved',
        // From now on lists name it as everybody sees it, with its fields filled in.
        title: prepared.content.title ?? row.title,
        stateReason: null,
        stateAt: now,
        stateBy: actor,
        sendAt,
        lateAfter,
        updatedAt: now,
      })
      .where(eq(announcements.id, id));
    await inner
      .update(drafts)
      .set({
        approvedContent: prepared.content,
        approvedHash: hashContent(prepared.content),
        approvedAt: now,
        approvedBy: actor,
        undoUntil: now.add(UNDO),
        confirmedWarnings: warnings,
      })
      .where(eq(drafts.announcementId, id));
    await recordAudit(
      inner,
      {
        actor,
        action: 'announcement.approved',
        subject: id,
        before: row.state,
        after: {
          hash,
          channel: row.channel,
          audience: row.audienceKind,
          sendAt: sendAt.toString(),
          warnings: warnings.map(({ check, line }) => ({ check, line: line ?? null })),
        },
      },
      { clock },
    );
    return findDraft(inner, id);
  });
}

async function refuseWithoutGroup(tx: Tx, { channel, topic }: Announcement): Promise<void> {
  if (channel !== 'mailerlite') return;
  const [group] = await tx.select().from(mailerliteTopics).where(eq(mailerliteTopics.topic, topic));
  if (group !== undefined) return;
  throw new ConvenorError(
    'wrong_state',
    `The topic ${topic} has no group in MailerLite, so nobody would get it. Compare the lists on the MailerLite page first, or send it by your own mail server.`,
  );
}

/** The warnings, once nothing stands against an approval. */
function acceptedWarnings(findings: readonly Finding[], confirmed: readonly string[]): Finding[] {
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length > 0) {
    throw new ConvenorError('wrong_state', 'It cannot be approved until these are put right.', {
      problems: errors.map(problemOf),
    });
  }
  const open = findings.filter((finding) => !confirmed.includes(findingKey(finding)));
  if (open.length > 0) {
    throw new ConvenorError('wrong_state', 'Confirm each warning before you approve.', {
      problems: open.map(problemOf),
    });
  }
  return [...findings];
}

function problemOf({ check, line, message }: Finding) {
  return { field: line === undefined ? check : `${check}, line ${line}`, message };
}

async function lateLimit(
  tx: Tx,
  { kind, meetingId }: Announcement,
  sendAt: Temporal.Instant,
  settings: Settings,
): Promise<Temporal.Instant> {
  const limit = sendAt.add({ hours: settings.announcementLateHours });
  if (kind !== 'meeting_invitation' || meetingId === null) return limit;
  const { startsAt } = await findMeeting(tx, meetingId);
  if (Temporal.Instant.compare(startsAt, sendAt) <= 0) {
    throw new ConvenorError('wrong_state', 'The meeting will have begun before this can go out.');
  }
  return Temporal.Instant.compare(startsAt, limit) < 0 ? startsAt : limit;
}

async function askSecondPerson(
  tx: Tx,
  { announcement, draft }: DraftedAnnouncement,
  { clock, actor }: Context,
): Promise<void> {
  if (announcement.state === 'awaiting_approval') {
    throw new ConvenorError('wrong_state', 'Somebody else must approve it: you wrote it.');
  }
  const now = clock.now();
  const { id, sendAt } = announcement;
  await tx
    .update(announcements)
    .set({
      state: 'awaiting_approval',
      stateReason: 'Somebody else than its writer must approve it.',
      stateAt: now,
      stateBy: actor,
      lateAfter: (draft.sendWall === null || Temporal.Instant.compare(sendAt, now) < 0 ? now : sendAt).add(
        WAIT_FOR_SECOND,
      ),
      updatedAt: now,
    })
    .where(eq(announcements.id, id));
  await queueServiceMail(
    tx,
    {
      kind: 'approval-wanted',
      to: { kind: 'administrators' },
      data: { announcementId: id },
      dedupeKey: `approval-wanted:${id}:${draft.revision}`,
    },
    { clock },
  );
  await recordAudit(tx, { actor, action: 'announcement.awaiting_approval', subject: id }, { clock });
}

/**
 * The content that was approved, which is what goes out; `undefined` for an announcement that nobody wrote.
 *
 * @throws ConvenorError `wrong_state` without an approval; `internal` when it does not match its hash.
 */
export async function approvedContent(tx: Tx, announcementId: string): Promise<FrozenContent | undefined> {
  const [draft] = await tx.select().from(drafts).where(eq(drafts.announcementId, announcementId));
  if (!draft) return undefined;
  return frozenContent({ content: draft.approvedContent, contentHash: draft.approvedHash });
}
