import {
  campaignMark,
  forgetCampaign,
  saveCampaign,
  type Campaign,
  type CampaignWork,
} from '../src/announcements/campaigns.ts';
import type { MailerLiteCampaign } from '../src/mailerlite/campaigns.ts';
import { MailerLiteError } from '../src/mailerlite/errors.ts';
import type { CampaignServices } from './campaign-services.ts';
import { UNDER_WAY } from './campaign-write.ts';

/** States of an announcement from which it can be written again and approved. */
const WRITABLE: readonly string[] = ['draft', 'awaiting_approval', 'missed'];

/** Removes the campaign of an announcement that is not to go out. What MailerLite has sent by then stays sent. */
export async function withdraw(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { db, clock } = services;
  const known = await ours(work, services);
  const sent = known.find(({ state }) => state === 'sent');
  if (sent !== undefined) return tooLate(campaign, sent, services);
  for (const { id, state } of known) await remove(id, state, services);
  if (campaign.mailerliteId === null && campaign.askedAt !== null) {
    const nextAt = campaign.askedAt.add(UNDER_WAY);
    if (Temporal.Instant.compare(nextAt, clock.now()) > 0) {
      await saveCampaign(db, campaign, { nextAt }, services);
      return;
    }
  }
  if (WRITABLE.includes(announcement.state)) await forgetCampaign(db, campaign);
  else await saveCampaign(db, campaign, { step: 'withdrawn', problem: null }, services);
}

/** Takes a campaign back that was handed over, because its announcement is on hold. */
export async function takeBack(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { campaign } = work;
  const { db, mailerlite, signal } = services;
  const there = (await ours(work, services)).find(({ id }) => id === campaign.mailerliteId);
  if (there?.state === 'sent') return tooLate(campaign, there, services);
  if (there?.state === 'ready') await mailerlite.cancelCampaign(there.id, { signal });
  await saveCampaign(db, campaign, { step: 'write' }, services);
}

/**
 * Removes drafts that carry our mark and are not the campaign itself.
 *
 * @returns what stands in the way, in a sentence: another one that is scheduled or sent.
 */
export async function removeSurplus(
  { announcement, campaign }: CampaignWork,
  services: CampaignServices,
): Promise<string | undefined> {
  const { mailerlite, signal } = services;
  const marked = await mailerlite.findCampaigns(campaignMark(announcement.id), { signal });
  for (const { id, state } of marked) {
    if (id === campaign.mailerliteId) continue;
    if (state !== 'draft') {
      return 'There is a second campaign of this announcement in MailerLite, which was scheduled or sent there. Nothing was sent by Convenor. Look at both, delete one, then resume or cancel.';
    }
    await remove(id, state, services);
  }
  return undefined;
}

async function ours(
  { announcement, campaign }: CampaignWork,
  { mailerlite, signal }: CampaignServices,
): Promise<MailerLiteCampaign[]> {
  const marked = await mailerlite.findCampaigns(campaignMark(announcement.id), { signal });
  const { mailerliteId } = campaign;
  if (mailerliteId === null || marked.some(({ id }) => id === mailerliteId)) return marked;
  try {
    return [...marked, await mailerlite.getCampaign(mailerliteId, { signal })];
  } catch (error) {
    if (error instanceof MailerLiteError && error.kind === 'not_found') return marked;
    throw error;
  }
}

async function remove(
  id: string,
  state: MailerLiteCampaign['state'],
  { mailerlite, signal }: CampaignServices,
): Promise<void> {
  if (state === 'ready') await mailerlite.cancelCampaign(id, { signal });
  try {
    await mailerlite.deleteCampaign(id, { signal });
  } catch (error) {
    if (!(error instanceof MailerLiteError) || error.kind !== 'not_found') throw error;
  }
}

async function tooLate(
  campaign: Campaign,
  there: MailerLiteCampaign,
  { db, clock }: CampaignServices,
): Promise<void> {
  const problem = 'MailerLite had sent it before it could be taken back. The books say who got it.';
  const sentAt = there.finishedAt ?? clock.now();
  await saveCampaign(db, campaign, { step: 'sent', mailerliteId: there.id, sentAt, problem }, { clock });
}
