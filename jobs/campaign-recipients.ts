import { recordSent, type SentTo } from '../src/announcements/campaign-ledger.ts';
import type { CampaignWork } from '../src/announcements/campaigns.ts';
import { parseEmailAddress } from '../src/kernel/email-address.ts';
import type { MailerLiteSubscriber } from '../src/mailerlite/schemas.ts';
import { storeEvents, type ReceivedEvent } from '../src/sync/event-inbox.ts';
import type { CampaignServices } from './campaign-services.ts';

/** Under which name the webhook would tell of somebody who is no longer mailed. */
const EVENT_NAMES: Readonly<Partial<Record<MailerLiteSubscriber['status'], string>>> = {
  unsubscribed: 'subscriber.unsubscribed',
  junk: 'subscriber.spam_reported',
  bounced: 'subscriber.bounced',
};

/**
 * Reads who was sent the campaign into the send ledger, page by page, and hands those who have left by it to the
 * work that deals with the webhook's reports, which may have been lost.
 *
 * @returns how many of the recipients are not known here.
 */
export async function recordRecipients(
  { announcement, campaign }: CampaignWork,
  services: CampaignServices,
): Promise<number> {
  const { db, mailerlite, signal } = services;
  const campaignId = campaign.mailerliteId ?? '';
  let strangers = 0;
  for await (const page of mailerlite.campaignRecipients(campaignId, { signal })) {
    const people = page.flatMap(({ subscriber }) => (subscriber === undefined ? [] : [subscriber]));
    strangers += page.length - people.length;
    strangers += await recordSent(db, announcement.id, people.map(sentTo), services);
    await storeEvents(
      db,
      people.flatMap((person) => eventsOf(campaignId, person)),
      services,
    );
  }
  return strangers;
}

function sentTo({ id, email }: MailerLiteSubscriber): SentTo {
  try {
    return { mailerliteId: id, email: parseEmailAddress(email).normalised };
  } catch {
    return { mailerliteId: id, email };
  }
}

function eventsOf(campaignId: string, person: MailerLiteSubscriber): ReceivedEvent[] {
  const { id, email, status, unsubscribedAt, updatedAt } = person;
  const name = EVENT_NAMES[status];
  if (name === undefined) return [];
  return [
    {
      name,
      dedupeKey: `campaign:${campaignId}:${id}:${status}`,
      subscriber: { id, email, status, unsubscribedAt, updatedAt },
      groupId: null,
    },
  ];
}
