import type { Announcement } from '../src/announcements/announcements.ts';
import type { FrozenContent } from '../src/announcements/frozen-content.ts';
import { noticeContent, type ContentContext } from '../src/announcements/notice-content.ts';
import type { Tx } from '../src/db/open.ts';
import { createSplicer } from '../src/mail/splice.ts';
import type { MailAddress, OutgoingMail } from '../src/mail/types.ts';
import type { SenderIdentity } from '../src/organisation/sender-identity.ts';
import type { Renderer } from '../src/render/renderer.ts';
import { fillSlots, slotPieces, type SlotValues } from '../src/render/slots.ts';
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
 * Makes the mails of one announcement, one at a time: for a preview or a test, and the reference for `bulkMailMaker`.
 */
export function mailMaker(
  content: FrozenContent,
  identity: SenderIdentity,
  links: Links,
): (recipient: Recipient) => OutgoingMail {
  return (recipient) => personalMail(content, identity, links, recipient);
}

/**
 * Makes the mails of one announcement for many recipients: what is the same for everybody is composed and encoded
 * once, and each mail carries its composed message, which is the one that `mailMaker`'s mail gives.
 */
export async function bulkMailMaker(
  content: FrozenContent,
  identity: SenderIdentity,
  links: Links,
): Promise<(recipient: Recipient) => OutgoingMail> {
  const { subject, html, text } = slotPieces(content);
  const splice = await createSplicer<SlotValues>({ ...sharedParts(content, identity), subject, html, text });
  if (splice === undefined) return mailMaker(content, identity, links);
  return (recipient) => {
    const values = slotValues(recipient, links);
    return {
      ...addressing(recipient),
      subject: typeof subject === 'string' ? subject : subject(values),
      get html() {
        return fillSlots(content, values).html;
      },
      get text() {
        return fillSlots(content, values).text;
      },
      ...sharedParts(content, identity),
      oneClickUrl: values.unsubscribeUrl,
      raw: () =>
        splice({
          messageId: recipient.messageId,
          to: recipientAddress(recipient),
          oneClickUrl: values.unsubscribeUrl,
          values,
        }),
    };
  };
}

function personalMail(
  content: FrozenContent,
  identity: SenderIdentity,
  links: Links,
  recipient: Recipient,
): OutgoingMail {
  const values = slotValues(recipient, links);
  const { subject, html, text } = fillSlots(content, values);
  return {
    ...addressing(recipient),
    subject,
    html,
    text,
    ...sharedParts(content, identity),
    oneClickUrl: values.unsubscribeUrl,
  };
}

function sharedParts(content: FrozenContent, { from, listId }: SenderIdentity) {
  return { from, listId, ...(content.calendar ? { calendar: content.calendar } : {}) };
}

function recipientAddress({ name, email }: Recipient): MailAddress {
  return { ...(name ? { name } : {}), address: email };
}

function addressing(recipient: Recipient) {
  const { messageId, deliveryId } = recipient;
  return { messageId, deliveryId, to: recipientAddress(recipient) };
}

/** The recipient's own values. A link is signed when a mail has a place for it, and once. */
function slotValues({ name, subscriberId, deliveryId }: Recipient, links: Links) {
  let preferencesUrl: string | undefined;
  let rsvpUrl: string | undefined;
  return {
    greetingName: name,
    // The same address takes the one-click POST.
    unsubscribeUrl: links.oneClickUrl(subscriberId, deliveryId),
    get preferencesUrl() {
      return (preferencesUrl ??= links.preferencesUrl(subscriberId));
    },
    get rsvpUrl() {
      return (rsvpUrl ??= links.rsvpUrl(subscriberId));
    },
  };
}
