import type { Campaign } from '../src/announcements/campaigns.ts';
import type { MailerLiteCampaign } from '../src/mailerlite/campaigns.ts';
import type { TopicGroup } from '../src/sync/topic-groups.ts';

/** So many people more or fewer than here are taken for what is under way between the two lists. */
const MOST_APART = { people: 3, share: 0.05 };

/** What is wrong with the people to whom a campaign would go; undefined when they are those of the group alone. */
export function audienceFault(
  { audience }: MailerLiteCampaign,
  group: TopicGroup | undefined,
): string | undefined {
  if (group === undefined) {
    return 'Its topic has no group in MailerLite any more. Choose one on the MailerLite page, then resume.';
  }
  const { groupId, groupName } = group;
  if (audience.kind === 'groups' && audience.groupIds.length === 1 && audience.groupIds[0] === groupId) {
    return undefined;
  }
  const whom = audience.kind === 'everybody' ? 'to everybody on your list' : 'to other people';
  return `In MailerLite it would go ${whom} instead of the group “${groupName}”. Nothing was sent. Resume to have it written anew.`;
}

/** What speaks against handing a campaign over as it is in MailerLite, in a sentence; undefined when nothing does. */
export function campaignFault(
  { fingerprint }: Pick<Campaign, 'fingerprint'>,
  there: MailerLiteCampaign,
  group: TopicGroup | undefined,
): string | undefined {
  const audience = audienceFault(there, group);
  if (audience !== undefined) return audience;
  if (there.fingerprint !== fingerprint) {
    return 'Its campaign was changed in MailerLite after Convenor had written it, so it is not what was approved. Nothing was sent. Resume to have it written as it was approved; to keep the change, make it here.';
  }
  if (there.missing.length > 0 || !there.canBeScheduled) {
    const missing = [...there.missing, ...there.warnings].join(', ') || 'it does not say what';
    return `MailerLite says that something is missing before it can be sent: ${missing}. Put it right, then resume.`;
  }
  return undefined;
}

/** Whether MailerLite counts other people than are in the audience here, beyond what is under way; in a sentence. */
export function countFault(recipients: number | undefined, expected: number): string | undefined {
  if (recipients === undefined) {
    return 'MailerLite does not say how many people would get it. Nothing was sent.';
  }
  const apart = Math.abs(recipients - expected);
  if (apart <= Math.max(MOST_APART.people, expected * MOST_APART.share)) return undefined;
  return `MailerLite would send it to ${recipients} people, but ${expected} are in the audience here. Nothing was sent. Compare the lists on the MailerLite page, then resume.`;
}
