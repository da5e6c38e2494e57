import { and, eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { announcements, campaigns } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { recordAudit } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { Announcement } from './announcements.ts';

/** How far the campaign of an announcement is. */
export type Campaign = typeof campaigns.$inferSelect;

export interface CampaignWork {
  readonly announcement: Announcement;
  readonly campaign: Campaign;
}

/** A draft at MailerLite is looked at so often until its time comes. */
const LOOK_EVERY = Temporal.Duration.from({ minutes: 10 });

/** States of an announcement in which no campaign may go out any more. */
const OVER = ['draft', 'awaiting_approval', 'cancelled', 'missed', 'failed', 'sent'] as const;

/** Whether an announcement has no use for a campaign that has not been sent. */
export function isOver({ state }: Pick<Announcement, 'state'>): boolean {
  return (OVER as readonly string[]).includes(state);
}

/** The mark in a campaign's name by which it is found again. */
export function campaignMark(announcementId: string): string {
  return `[${announcementId}]`;
}

/** Announcements whose campaign wants a step now: to be made once the approval cannot be undone, moved on, or removed. */
export async function campaignsDue(tx: Tx, { clock }: { clock: Clock }): Promise<string[]> {
  const now = clock.now();
  const at = sql`${now.toString()}::timestamptz`;
  const over = sql.raw(OVER.map((state) => `'${state}'`).join(', '));
  const found = await rows<{ id: string }>(
    tx,
    sql`select a.id from announcements a
      left join campaigns c on c.announcement_id = a.id
      left join drafts d on d.announcement_id = a.id
      where a.channel = 'mailerlite' and (
        c.next_at is null or c.next_at <= ${at}
        -- A campaign that is merely followed is taken back at once.
        or c.failures = 0 and c.mailerlite_id is not null and (
          (a.state = 'held' and c.step in ('scheduling', 'scheduled'))
          or (a.state in (${over}) and c.step in ('written', 'by_hand', 'scheduling', 'scheduled'))
        )
      ) and case
        when c.announcement_id is null then
          a.state = 'sending' or (a.state = 'approved' and (d.undo_until is null or d.undo_until <= ${at}))
        when c.step in ('done', 'withdrawn') then false
        when c.step = 'write' then a.state <> 'held'
        when c.step in ('written', 'by_hand') then a.state in ('sending', ${over})
          or c.looked_at <= ${now.subtract(LOOK_EVERY).toString()}::timestamptz
        else true
      end
      order by a.send_at limit 20`,
  );
  return found.map(({ id }) => id);
}

/** An announcement and its campaign; undefined when there is none. */
export async function findCampaign(tx: Tx, announcementId: string): Promise<Campaign | undefined> {
  const [found] = await tx.select().from(campaigns).where(eq(campaigns.announcementId, announcementId));
  return found;
}

/** The work on an announcement's campaign, begun if it was not. Undefined when the announcement has no use for one. */
export async function campaignWork(
  tx: Tx,
  announcementId: string,
  { clock }: { clock: Clock },
): Promise<CampaignWork | undefined> {
  const now = clock.now();
  const [announcement] = await tx.select().from(announcements).where(eq(announcements.id, announcementId));
  if (announcement?.channel !== 'mailerlite') return undefined;
  const campaign = await findCampaign(tx, announcementId);
  if (campaign !== undefined) return { announcement, campaign };
  if (isOver(announcement)) return undefined;
  await tx.insert(campaigns).values({ announcementId, createdAt: now, updatedAt: now }).onConflictDoNothing();
  const begun = await findCampaign(tx, announcementId);
  return begun && { announcement, campaign: begun };
}

/**
 * Writes a step down, unless somebody else has written one meanwhile.
 *
 * @returns the campaign as it is then; undefined when another worker was faster.
 */
export async function saveCampaign(
  tx: Tx,
  campaign: Campaign,
  changes: Partial<Campaign>,
  { clock }: { clock: Clock },
): Promise<Campaign | undefined> {
  const [saved] = await tx
    .update(campaigns)
    .set({ nextAt: null, failures: 0, ...changes, version: campaign.version + 1, updatedAt: clock.now() })
    .where(
      and(eq(campaigns.announcementId, campaign.announcementId), eq(campaigns.version, campaign.version)),
    )
    .returning();
  return saved;
}

/** Forgets a campaign that is not in MailerLite any more: its announcement is a draft again. */
export async function forgetCampaign(tx: Tx, campaign: Campaign): Promise<void> {
  await tx
    .delete(campaigns)
    .where(
      and(eq(campaigns.announcementId, campaign.announcementId), eq(campaigns.version, campaign.version)),
    );
}

/**
 * Puts an announcement on hold because its campaign is not what was approved, and tells the administrators. Resumed,
 * it is written anew.
 *
 * @param reason a sentence: what is wrong and what to do.
 */
export async function stopCampaign(
  tx: Tx,
  { announcement, campaign }: CampaignWork,
  reason: string,
  { clock }: { clock: Clock },
): Promise<void> {
  await tx.transaction(async (inner) => {
    const saved = await saveCampaign(
      inner,
      campaign,
      { step: 'write', problem: reason, fingerprint: null },
      { clock },
    );
    if (saved === undefined) return;
    const now = clock.now();
    const [held] = await inner
      .update(announcements)
      .set({
        state: 'held',
        heldFrom: sql`${announcements.state}`,
        stateReason: reason,
        stateAt: now,
        stateBy: 'system',
        updatedAt: now,
      })
      .where(
        and(eq(announcements.id, announcement.id), sql`${announcements.state} in ('approved', 'sending')`),
      )
      .returning({ id: announcements.id });
    if (held === undefined) return;
    await recordAudit(
      inner,
      {
        actor: 'system',
        action: 'announcement.held',
        subject: announcement.id,
        before: announcement.state,
        after: { state: 'held', reason },
      },
      { clock },
    );
    await queueServiceMail(
      inner,
      {
        kind: 'run-held',
        to: { kind: 'administrators' },
        data: { announcementId: announcement.id },
        dedupeKey: `run-held:${announcement.id}:${now.toString()}`,
      },
      { clock },
    );
  });
}

/** Lets the time of an announcement be now, since MailerLite has sent it already. */
export async function bringForward(
  tx: Tx,
  announcementId: string,
  { clock }: { clock: Clock },
): Promise<void> {
  const now = clock.now();
  await tx
    .update(announcements)
    .set({ sendAt: now, state: 'approved', heldFrom: null, updatedAt: now })
    .where(
      and(
        eq(announcements.id, announcementId),
        sql`(${announcements.state} = 'approved' or (${announcements.state} = 'held' and ${announcements.heldFrom} = 'approved'))`,
        sql`${announcements.sendAt} > ${now.toString()}::timestamptz`,
      ),
    );
}

/** @throws ConvenorError `conflict` while a campaign of the announcement may be in MailerLite. */
export async function refuseWhileCampaign(tx: Tx, announcementId: string): Promise<void> {
  if ((await findCampaign(tx, announcementId)) === undefined) return;
  throw new ConvenorError(
    'conflict',
    'Its campaign is still being removed from MailerLite, which takes a minute. Try again then.',
  );
}
