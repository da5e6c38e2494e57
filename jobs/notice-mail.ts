import type { Announcement } from '../src/announcements/announcements.ts';
import type { FrozenContent } from '../src/announcements/frozen-content.ts';
import { noticeContent, type ContentContext } from '../src/announcements/notice-content.ts';
import type { Tx } from '../src/db/open.ts';
import { createSplicer } from '../src/mail/splice.ts';
import type { CalendarPart, ComposedMail, MailAddress, OutgoingMail } from '../src/mail/types.ts';
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
  const shared = sharedParts(content, identity);
  const splice = await createSplicer<SlotValues>({ ...shared, subject, html, text });
  if (splice === undefined) return mailMaker(content, identity, links);

  const batch: Batch = { ...shared, links, subject, content, splice };
  return (recipient) => new BulkMail(batch, recipient);
}

/** What the mails of one announcement have in common. */
interface Batch extends ReturnType<typeof sharedParts> {
  readonly links: Links;
  readonly subject: string | ((values: SlotValues) => string);
  readonly content: FrozenContent;
  readonly splice: NonNullable<Awaited<ReturnType<typeof createSplicer<SlotValues>>>>;
}

/** A class, since the getters of an object literal would be defined anew for each mail, at some cost. */
class BulkMail implements OutgoingMail {
  readonly messageId: string;
  readonly deliveryId: string;
  readonly to: MailAddress;
  readonly oneClickUrl: string;
  readonly calendar?: CalendarPart;
  readonly #batch: Batch;
  readonly #values: RecipientValues;

  constructor(batch: Batch, recipient: Recipient) {
    this.messageId = recipient.messageId;
    this.deliveryId = recipient.deliveryId;
    this.to = recipientAddress(recipient);
    if (batch.calendar !== undefined) this.calendar = batch.calendar;
    this.#batch = batch;
    this.#values = new RecipientValues(recipient, batch.links);
    this.oneClickUrl = this.#values.unsubscribeUrl;
  }

  get from(): MailAddress {
    return this.#batch.from;
  }

  get listId(): string {
    return this.#batch.listId;
  }

  get subject(): string {
    const { subject } = this.#batch;
    return typeof subject === 'string' ? subject : subject(this.#values);
  }

  get html(): string {
    return fillSlots(this.#batch.content, this.#values).html;
  }

  get text(): string {
    return fillSlots(this.#batch.content, this.#values).text;
  }

  raw(): ComposedMail {
    const { messageId, to, oneClickUrl } = this;
    return this.#batch.splice({ messageId, to, oneClickUrl, values: this.#values });
  }
}

function personalMail(
  content: FrozenContent,
  identity: SenderIdentity,
  links: Links,
  recipient: Recipient,
): OutgoingMail {
  const values = new RecipientValues(recipient, links);
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
class RecipientValues implements SlotValues {
  readonly greetingName: string | null;
  /** The same address takes the one-click POST. */
  readonly unsubscribeUrl: string;
  readonly #subscriberId: string;
  readonly #links: Links;
  #preferencesUrl: string | undefined;
  #rsvpUrl: string | undefined;

  constructor({ name, subscriberId, deliveryId }: Recipient, links: Links) {
    this.greetingName = name;
    this.unsubscribeUrl = links.oneClickUrl(subscriberId, deliveryId);
    this.#subscriberId = subscriberId;
    this.#links = links;
  }

  get preferencesUrl(): string {
    return (this.#preferencesUrl ??= this.#links.preferencesUrl(this.#subscriberId));
  }

  get rsvpUrl(): string {
    return (this.#rsvpUrl ??= this.#links.rsvpUrl(this.#subscriberId));
  }
}
