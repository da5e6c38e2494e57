import type { Announcement } from '../src/announcements/announcements.ts';
import type { FrozenContent } from '../src/announcements/frozen-content.ts';
import { noticeContent, type ContentContext } from '../src/announcements/notice-content.ts';
import type { Tx } from '../src/db/open.ts';
import type { OutgoingMail } from '../src/mail/types.ts';
import type { SenderIdentity } from '../src/organisation/sender-identity.ts';
import type { Renderer } from '../src/render/renderer.ts';
import { slotFiller } from '../src/render/slots.ts';
import type { Links } from '../src/subscribers/links.ts';

/** Renders a notice as it will be sent, with marks where each recipient's own values go. */
export async function renderNotice(
  tx: Tx,
  announcement: Announcement,
  renderer: Renderer,
  context: ContentContext,
): Promise<FrozenContent> {
  const notice = await noticeContent(tx, announcement, context);
  return {
    ...renderByKind(renderer, notice),
    calendar: notice.calendar,
    meetingSequence: notice.meetingSequence,
  };
}

function renderByKind(renderer: Renderer, notice: Awaited<ReturnType<typeof noticeContent>>) {
  switch (notice.kind) {
    case 'reminder':
      return renderer.mail('reminder', notice.model);
    case 'changed':
      return renderer.mail('changed', notice.model);
    case 'cancelled':
      return renderer.mail('cancelled', notice.model);
  }
}

/** One recipient of list mail. */
export interface Recipient {
  readonly deliveryId: string;
  readonly subscriberId: string;
  readonly email: string;
  readonly name: string | null;
  readonly messageId: string;
}

/**
 * Makes the mails of one announcement: what is the same for everybody is taken apart once, each call fills in the
 * recipient's own values.
 */
export function mailMaker(
  content: FrozenContent,
  identity: SenderIdentity,
  links: Links,
): (recipient: Recipient) => OutgoingMail {
  const fill = slotFiller(content);
  return (recipient) => {
    const unsubscribeUrl = links.unsubscribeUrl(recipient.subscriberId, recipient.deliveryId);
    const filled = fill({
      greetingName: recipient.name,
      unsubscribeUrl,
      preferencesUrl: links.preferencesUrl(recipient.subscriberId),
      rsvpUrl: links.rsvpUrl(recipient.subscriberId),
    });
    return {
      messageId: recipient.messageId,
      from: identity.from,
      to: { ...(recipient.name ? { name: recipient.name } : {}), address: recipient.email },
      subject: filled.subject,
      html: filled.html,
      text: filled.text,
      listId: identity.listId,
      oneClickUrl: links.oneClickUrl(recipient.subscriberId, recipient.deliveryId),
      ...(content.calendar ? { calendar: content.calendar } : {}),
      deliveryId: recipient.deliveryId,
    };
  };
}
