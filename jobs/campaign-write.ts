import { approvedContent } from '../src/announcements/approval.ts';
import {
  bringForward,
  campaignMark,
  saveCampaign,
  stopCampaign,
  type Campaign,
  type CampaignWork,
} from '../src/announcements/campaigns.ts';
import { hashContent } from '../src/announcements/frozen-content.ts';
import { ConvenorError } from '../src/kernel/errors.ts';
import type { CampaignRequest, MailerLiteCampaign } from '../src/mailerlite/campaigns.ts';
import { MailerLiteError } from '../src/mailerlite/errors.ts';
import { senderIdentity } from '../src/organisation/sender-identity.ts';
import { campaignMail } from '../src/render/campaign.ts';
import { listTopicGroups } from '../src/sync/topic-groups.ts';
import { audienceFault } from './campaign-checks.ts';
import type { CampaignServices } from './campaign-services.ts';

/** A request whose answer was lost may still be carried out for so long: longer than a call is waited for. */
export const UNDER_WAY = Temporal.Duration.from({ seconds: 30 });

/** MailerLite's limit for a name. */
const LONGEST_NAME = 255;

/**
 * Writes the campaign as it was approved: into the one that carries our mark, else into a new one. Content that the
 * plan does not take is left for a person to put in.
 */
export async function write(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { db, clock, mailerlite, signal } = services;
  const { topic } = announcement;
  const group = (await listTopicGroups(db)).find((one) => one.topic === topic);
  if (group === undefined) {
    const reason = `The topic ${topic} has no group in MailerLite yet. Compare the lists on the MailerLite page, then resume.`;
    return stopCampaign(db, work, reason, services);
  }
  const content = await approvedContent(db, announcement.id);
  if (content === undefined)
    throw new ConvenorError('internal', 'Only what a person wrote can be a campaign.');
  const { subject, html } = campaignMail(content);
  const { from } = senderIdentity(await services.settings(), services.config.MAIL_FROM);
  const mark = campaignMark(announcement.id);
  const request: CampaignRequest = {
    name: `${announcement.title.slice(0, LONGEST_NAME - mark.length - 1)} ${mark}`,
    subject,
    fromName: from.name,
    from: from.address,
    replyTo: from.address,
    content: html,
    groupIds: [group.groupId],
  };

  const present = await existing(campaign, mark, services);
  if (present === 'wait') return;
  if (present?.state === 'sent') {
    await db.transaction(async (tx) => {
      const problem = 'It was sent in MailerLite by somebody before it was ready. The books say who got it.';
      const sentAt = present.finishedAt ?? clock.now();
      await saveCampaign(
        tx,
        campaign,
        { step: 'sent', mailerliteId: present.id, sentAt, problem },
        { clock },
      );
      await bringForward(tx, announcement.id, { clock });
    });
    return;
  }
  if (present?.state === 'ready') await mailerlite.cancelCampaign(present.id, { signal });

  let now: Campaign = campaign;
  const put = async (body: CampaignRequest) => {
    if (present !== undefined) return mailerlite.updateCampaign(present.id, body, { signal });
    // Written down first: what ends before the answer comes is looked for, and not made twice.
    const asked = await saveCampaign(db, now, { askedAt: clock.now() }, services);
    if (asked === undefined) return undefined;
    now = asked;
    return mailerlite.createCampaign(body, { signal });
  };
  let refusal: string | undefined;
  let written: MailerLiteCampaign | undefined;
  try {
    written = await put(request);
  } catch (error) {
    if (!(error instanceof MailerLiteError) || error.kind !== 'plan_refused') throw error;
    refusal = error.message;
    const { content: _, ...without } = request;
    written = await put(without);
  }
  if (written === undefined) return;
  const { id } = written;
  const stored = await saveCampaign(db, now, { mailerliteId: id, askedAt: null }, services);
  if (stored === undefined) return;

  // Only reading it shows what MailerLite made of the content.
  const there = await mailerlite.getCampaign(id, { signal });
  const wrong = audienceFault(there, group);
  if (wrong !== undefined) return stopCampaign(db, { announcement, campaign: stored }, wrong, services);
  await saveCampaign(
    db,
    stored,
    {
      step: refusal === undefined && there.missing.length === 0 ? 'written' : 'by_hand',
      contentHash: hashContent(content),
      fingerprint: there.fingerprint ?? null,
      recipients: there.recipients ?? null,
      senderThere: there.from === from.address ? null : there.from,
      lookedAt: clock.now(),
      contentRefused: refusal !== undefined,
      problem: refusal ?? null,
    },
    services,
  );
}

/**
 * The campaign of ours that is in MailerLite already: the one whose id is known, else one with our mark. `wait` while
 * a request to make it may still be under way.
 */
async function existing(
  campaign: Campaign,
  mark: string,
  { db, clock, mailerlite, signal }: CampaignServices,
): Promise<MailerLiteCampaign | 'wait' | undefined> {
  if (campaign.mailerliteId !== null) {
    try {
      return await mailerlite.getCampaign(campaign.mailerliteId, { signal });
    } catch (error) {
      if (!(error instanceof MailerLiteError) || error.kind !== 'not_found') throw error;
    }
  } else if (campaign.askedAt !== null) {
    const nextAt = campaign.askedAt.add(UNDER_WAY);
    if (Temporal.Instant.compare(nextAt, clock.now()) > 0) {
      await saveCampaign(db, campaign, { nextAt }, { clock });
      return 'wait';
    }
  }
  const marked = await mailerlite.findCampaigns(mark, { signal });
  return marked.find(({ state }) => state === 'sent') ?? marked[0];
}
