import { campaignMark, findCampaign, isOver, type Campaign } from '../../announcements/campaigns.ts';
import type { Announcement } from '../../announcements/announcements.ts';
import { formatDateTime } from '../../calendar/format.ts';
import type { Tx } from '../../db/open.ts';
import { listTopicGroups } from '../../sync/topic-groups.ts';
import { people, type Word } from '../words.ts';

const STEP_WORDS: Readonly<Record<Campaign['step'], Word & { readonly says: string }>> = {
  write: {
    state: 'being written',
    tone: 'info',
    says: 'Convenor writes it into MailerLite as it was approved.',
  },
  written: {
    state: 'ready',
    tone: 'good',
    says: 'It is a draft in MailerLite, and is handed over at its time. Leave it alone there: what is changed there is not what was approved.',
  },
  by_hand: { state: 'needs you', tone: 'warn', says: 'Your MailerLite plan leaves the last steps to you.' },
  scheduling: { state: 'being handed over', tone: 'info', says: 'MailerLite is asked to send it.' },
  scheduled: { state: 'handed over', tone: 'info', says: 'MailerLite sends it within a minute or two.' },
  sent: { state: 'sent', tone: 'good', says: 'MailerLite has sent it. Who got it is being read.' },
  settled: { state: 'sent', tone: 'good', says: 'MailerLite has sent it. The books say who got it.' },
  done: { state: 'sent', tone: 'good', says: 'MailerLite has sent it. The books say who got it.' },
  withdrawn: { state: 'removed', tone: '', says: 'The campaign was removed from MailerLite.' },
};

const NOT_BEGUN: Word & { readonly says: string } = {
  state: 'not yet there',
  tone: 'info',
  says: 'It is written into MailerLite once the approval can no longer be undone.',
};

/** The campaign of an announcement that goes out by MailerLite, for its page; undefined for any other. */
export async function campaignView(
  tx: Tx,
  announcement: Announcement,
  { connected }: { connected: boolean },
) {
  if (announcement.channel !== 'mailerlite') return undefined;
  const { id, topic, zone, state } = announcement;
  const campaign = await findCampaign(tx, id);
  const group = (await listTopicGroups(tx)).find((one) => one.topic === topic);
  const { says, ...word } = campaign === undefined ? NOT_BEGUN : STEP_WORDS[campaign.step];
  const begun = campaign !== undefined;
  return {
    ...word,
    says: begun || !isOver(announcement) || state === 'draft' || state === 'awaiting_approval' ? says : '',
    // On hold, the reason stands above already.
    problem: state === 'held' ? undefined : (campaign?.problem ?? undefined),
    disconnected: !connected && campaign?.step !== 'done' && campaign?.step !== 'withdrawn',
    group: group?.groupName,
    mark: campaignMark(id),
    counts: countsOf(campaign),
    scheduledFor: campaign?.scheduledFor ? formatDateTime(campaign.scheduledFor, zone) : undefined,
    sentAt: campaign?.sentAt ? formatDateTime(campaign.sentAt, zone) : undefined,
    sender: campaign?.senderThere ?? undefined,
    strangers: campaign !== undefined && campaign.strangers > 0 ? people(campaign.strangers) : undefined,
    byHand: campaign?.step === 'by_hand' ? { file: `/admin/announcements/${id}/campaign.html` } : undefined,
  };
}

function countsOf(campaign: Campaign | undefined): string | undefined {
  if (campaign?.recipients == null) return undefined;
  const there = `${people(campaign.recipients)} by MailerLite’s count`;
  return campaign.expected === null ? there : `${there}, ${people(campaign.expected)} by ours`;
}
