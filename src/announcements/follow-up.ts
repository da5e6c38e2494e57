import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { Actor } from '../organisation/audit.ts';
import { findAnnouncement } from './announcements.ts';
import { createDraft, findDraft, type DraftedAnnouncement } from './compose.ts';
import { isDraftKind } from './draft-kinds.ts';
import type { DraftInput } from './compose-input.ts';

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
  readonly zone: string;
}

/**
 * A draft with the text of an announcement that has gone out, for the people of its topic who did not get it: they
 * joined later, or their message failed. It is approved like any other.
 *
 * @throws ConvenorError `not_found`, also for a notice that nobody wrote; `wrong_state` before it has gone out.
 */
export async function draftForMissed(tx: Tx, id: string, context: Context): Promise<DraftedAnnouncement> {
  const { announcement, draft } = await findDraft(tx, id);
  if (announcement.state !== 'sent') {
    throw new ConvenorError('wrong_state', 'Wait until it has gone out to everybody else.');
  }
  const input: DraftInput = {
    kind: kindOf(announcement.kind),
    topic: announcement.topic,
    channel: 'smtp',
    subject: draft.subject,
    body: draft.body,
    meetingId: announcement.meetingId,
    sendWall: null,
    expiresOn:
      draft.expiresAt?.toZonedDateTimeISO(announcement.zone).toPlainDate().subtract({ days: 1 }) ?? null,
  };
  return createDraft(tx, input, context, { kind: 'missed', of: id });
}

/**
 * A draft that puts something right, for exactly the people who got an announcement. The text says what is to be
 * filled in.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when nobody has got it.
 */
export async function draftCorrection(tx: Tx, id: string, context: Context): Promise<DraftedAnnouncement> {
  const announcement = await findAnnouncement(tx, id);
  const begun = ['sending', 'sent', 'held', 'cancelled', 'failed'].includes(announcement.state);
  if (!begun || announcement.audience === null) {
    throw new ConvenorError('wrong_state', 'Nobody has got it yet: change its text instead.');
  }
  const subject = `Correction: ${announcement.title}`;
  const input: DraftInput = {
    kind:
      isDraftKind(announcement.kind) && announcement.kind !== 'meeting_invitation'
        ? announcement.kind
        : 'news',
    topic: announcement.topic,
    channel: 'smtp',
    subject: subject.length > 150 ? `${subject.slice(0, 149)}…` : subject,
    body: 'In our last message something was wrong.\n\n## What is right\n\nWrite here what is right.',
    meetingId: announcement.meetingId,
    sendWall: null,
    expiresOn: null,
  };
  return createDraft(tx, input, context, { kind: 'got', of: id });
}

function kindOf(kind: string) {
  if (!isDraftKind(kind)) throw new ConvenorError('internal', `"${kind}" is no kind that a person writes.`);
  return kind;
}
