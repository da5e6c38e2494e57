import { and, desc, eq, inArray } from 'drizzle-orm';
import { toInstant } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { announcements, drafts, type AnnouncementState } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { fillMergeFields } from '../kernel/merge-fields.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { readSettings } from '../organisation/settings.ts';
import { lockAnnouncement, type Announcement } from './announcements.ts';
import { refuseWhileCampaign } from './campaigns.ts';
import type { DraftInput } from './compose-input.ts';
import { sharedFields } from './merge-fields.ts';
import { unfreeze } from './planning.ts';

/** What a person wrote and its approval; the announcement's own row stands beside it. */
export type Draft = typeof drafts.$inferSelect;

export interface DraftedAnnouncement {
  readonly announcement: Announcement;
  readonly draft: Draft;
}

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
  /** IANA zone of the group. */
  readonly zone: string;
}

/** Whom an announcement goes to: the people of its topic, those who came to its meeting, or who missed or got another one. */
export type AudienceChoice =
  { readonly kind: 'topic' | 'attended' } | { readonly kind: 'missed' | 'got'; readonly of: string };

/** States in which the text can still be changed. What is on hold may have begun to go out; see `editDraft`. */
const EDITABLE: readonly AnnouncementState[] = ['draft', 'awaiting_approval', 'approved', 'held', 'missed'];

/** An approval that any change takes back. */
export const NO_APPROVAL = {
  approvedContent: null,
  approvedHash: null,
  approvedAt: null,
  approvedBy: null,
  undoUntil: null,
  confirmedWarnings: [],
};

/** An announcement that a person wrote; `undefined` for one that the planner made. */
export async function readDraft(tx: Tx, id: string): Promise<DraftedAnnouncement | undefined> {
  const [found] = await tx
    .select({ announcement: announcements, draft: drafts })
    .from(announcements)
    .innerJoin(drafts, eq(drafts.announcementId, announcements.id))
    .where(eq(announcements.id, id));
  return found;
}

/** An announcement that a person wrote. @throws ConvenorError `not_found`, also for one that the planner made. */
export async function findDraft(tx: Tx, id: string): Promise<DraftedAnnouncement> {
  const found = await readDraft(tx, id);
  if (!found) throw notFound('written announcement', id);
  return found;
}

/** Written announcements in given states, the last changed first. */
export async function listDrafts(
  tx: Tx,
  {
    states = ['draft', 'awaiting_approval'],
    limit = 50,
  }: { states?: readonly AnnouncementState[]; limit?: number } = {},
): Promise<DraftedAnnouncement[]> {
  return tx
    .select({ announcement: announcements, draft: drafts })
    .from(announcements)
    .innerJoin(drafts, eq(drafts.announcementId, announcements.id))
    .where(and(inArray(announcements.state, [...states])))
    .orderBy(desc(announcements.updatedAt), desc(announcements.id))
    .limit(limit);
}

/**
 * Keeps a new announcement as a draft. Nothing goes out before it is approved.
 *
 * @throws ConvenorError `not_found` for a meeting, or another announcement, that does not exist.
 */
export async function createDraft(
  tx: Tx,
  input: DraftInput,
  { clock, actor, zone }: Context,
  audience: AudienceChoice = { kind: 'topic' },
): Promise<DraftedAnnouncement> {
  refuseAudience(input.channel, audience.kind);
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const id = newId(now);
    await inner.insert(announcements).values({
      id,
      ...(await announcementValues(inner, input, { now, zone })),
      audienceKind: audience.kind,
      audienceOf: 'of' in audience ? audience.of : null,
      state: 'draft',
      stateAt: now,
      stateBy: actor,
      dedupeKey: `draft:${id}`,
      createdAt: now,
      updatedAt: now,
    });
    await inner.insert(drafts).values({ announcementId: id, ...draftValues(input, zone), writtenBy: actor });
    const after = { subject: input.subject, kind: input.kind, topic: input.topic };
    await recordAudit(inner, { actor, action: 'draft.created', subject: id, after }, { clock });
    return findDraft(inner, id);
  });
}

/**
 * Changes an announcement that has not begun to go out. An approval that it had is taken back, whatever was changed:
 * it goes out only after somebody approved it as it is now.
 *
 * @param seen the draft's `revision` as the person saw it; left out, any will do.
 * @throws ConvenorError `not_found`; `wrong_state` once it goes out; `conflict` when somebody else changed it.
 */
export async function editDraft(
  tx: Tx,
  id: string,
  input: DraftInput,
  { clock, actor, zone, seen }: Context & { seen?: number | undefined },
): Promise<DraftedAnnouncement> {
  return tx.transaction(async (inner) => {
    const row = await lockAnnouncement(
      inner,
      id,
      EDITABLE,
      () =>
        'It goes out, or has gone out, so its text cannot be changed any more. Send a correction instead.',
    );
    if (row.heldFrom === 'sending') {
      throw new ConvenorError(
        'wrong_state',
        'Some people have this text already. Cancel it and send a correction instead.',
      );
    }
    const { draft } = await findDraft(inner, id);
    if (seen !== undefined && seen !== draft.revision) {
      throw new ConvenorError(
        'conflict',
        'Somebody else changed this text meanwhile. Look at it again, then repeat your change.',
      );
    }
    const now = clock.now();
    if (row.channel !== input.channel) {
      refuseAudience(input.channel, row.audienceKind);
      await refuseWhileCampaign(inner, id);
    }
    await unfreeze(inner, id);
    await inner
      .update(announcements)
      .set({
        ...(await announcementValues(inner, input, { now, zone })),
        state: 'draft',
        stateReason: null,
        heldFrom: null,
        stateAt: now,
        stateBy: actor,
        updatedAt: now,
      })
      .where(eq(announcements.id, id));
    await inner
      .update(drafts)
      .set({
        ...draftValues(input, zone),
        ...NO_APPROVAL,
        linkFindings: [],
        revision: draft.revision + 1,
        writtenBy: actor,
      })
      .where(eq(drafts.announcementId, id));
    await recordAudit(
      inner,
      {
        actor,
        action: 'draft.edited',
        subject: id,
        before: { state: row.state, subject: draft.subject, body: draft.body },
        after: { state: 'draft', subject: input.subject, body: input.body },
      },
      { clock },
    );
    return findDraft(inner, id);
  });
}

/** Removes a draft. @throws ConvenorError `not_found`; `wrong_state` once it was approved. */
export async function deleteDraft(
  tx: Tx,
  id: string,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    await lockAnnouncement(
      inner,
      id,
      ['draft', 'awaiting_approval'],
      () => 'Only a draft can be removed. Cancel the announcement instead.',
    );
    const { announcement } = await findDraft(inner, id);
    await refuseWhileCampaign(inner, id);
    await inner.delete(drafts).where(eq(drafts.announcementId, id));
    await inner.delete(announcements).where(eq(announcements.id, id));
    await recordAudit(
      inner,
      { actor, action: 'draft.removed', subject: id, before: announcement.title },
      { clock },
    );
  });
}

/** In MailerLite a group stands for a topic; other audiences cannot be told to it. */
function refuseAudience(channel: DraftInput['channel'], audience: Announcement['audienceKind']): void {
  if (channel === 'smtp' || audience === 'topic') return;
  throw invalidInput({
    field: 'channel',
    message: 'must be smtp: MailerLite can mail only everybody who gets mail about a topic',
  });
}

async function announcementValues(
  tx: Tx,
  input: DraftInput,
  { now, zone }: { now: Temporal.Instant; zone: string },
) {
  const meeting = input.meetingId === null ? undefined : await findMeeting(tx, input.meetingId);
  const sendAt = input.sendWall === null ? now : toInstant(input.sendWall, zone);
  return {
    kind: input.kind,
    topic: input.topic,
    channel: input.channel,
    title: titleFrom(input.subject, sharedFields(await readSettings(tx), '', meeting)),
    meetingId: input.meetingId,
    sendAt,
    zone,
    // Set when it is approved; a draft is never late.
    lateAfter: sendAt,
  };
}

/** A subject as lists name it: fields filled in; what differs from reader to reader as for somebody without a name. */
function titleFrom(subject: string, fields: Readonly<Record<string, string>>): string {
  const filled = fillMergeFields(subject, ({ name, fallback }) => fields[name] ?? fallback ?? '').trim();
  return filled === '' ? subject : filled;
}

function draftValues({ subject, body, sendWall, expiresOn }: DraftInput, zone: string) {
  const expiresAt = expiresOn && toInstant(expiresOn.add({ days: 1 }).toPlainDateTime(), zone);
  return { subject, body, sendWall, expiresAt };
}
