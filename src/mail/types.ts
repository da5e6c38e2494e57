/** A mailbox: `address` as RFC 5321 understands it, `name` as people read it. */
export interface MailAddress {
  readonly name?: string;
  readonly address: string;
}

/** An iCalendar object that travels with a mail. `method` equals the METHOD inside `content` (RFC 6047 section 2.4). */
export interface CalendarPart {
  readonly method: 'PUBLISH' | 'REQUEST' | 'CANCEL';
  readonly content: string;
  readonly filename: string;
}

interface MailAttachment {
  readonly filename: string;
  readonly content: Uint8Array;
  /** Media type with its parameters. */
  readonly contentType: string;
}

/** A message before it goes over the wire, every line ended by CRLF. */
export interface ComposedMail {
  readonly bytes: Buffer;
  /** Whether a line begins with a dot. */
  readonly dotted: boolean;
}

/** One mail to one person, complete: composing it needs nothing else and gives the same bytes every time. */
export interface OutgoingMail {
  /** Without angle brackets; derived from the delivery, so that a second copy could be recognised. */
  readonly messageId: string;
  /** The Date header. Without it the moment of composing. */
  readonly date?: Temporal.Instant;
  readonly from: MailAddress;
  readonly to: MailAddress;
  readonly replyTo?: MailAddress;
  /** MAIL FROM, when bounces go elsewhere than to `from`. */
  readonly envelopeFrom?: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  /** "Name <label.example.org>" (RFC 2919). Present: the mail is list mail and carries the list headers. */
  readonly listId?: string;
  /** The https address that takes the one-click POST (RFC 8058). Present in every list mail. */
  readonly oneClickUrl?: string;
  /** Further headers, for example Feedback-ID. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly calendar?: CalendarPart;
  readonly attachments?: readonly MailAttachment[];
  /**
   * Gives the composed message where that was made in advance for many: the same bytes as composing this mail.
   */
  readonly raw?: () => ComposedMail;
  /** Kept beside the message by the outbox; not part of the message. */
  readonly deliveryId?: string;
}

/**
 * What became of one attempt to hand a mail over. Codes are the enhanced status (RFC 3463) where the server
 * gave one, else the reply code, else the client's own ("ECONNREFUSED"). Reasons are sentences without addresses.
 *
 * - `accepted`: the server took responsibility for the message.
 * - `refused`: it will never be taken. `address`: the mailbox does not exist; `message`: this mailbox does not take
 *   this message (full, disabled, too large); `sender`: our credentials, reputation or configuration, so that the
 *   next recipient would be refused as well.
 * - `later`: not taken now. `sender`: true of every recipient (server down, throttled); `recipient`: of this one.
 * - `unknown`: the message was handed over and the answer never came. It must not be sent again by the machine.
 */
export type Outcome =
  | { readonly result: 'accepted'; readonly response: string }
  | {
      readonly result: 'refused';
      readonly fault: 'address' | 'message' | 'sender';
      readonly code: string;
      readonly reason: string;
    }
  | {
      readonly result: 'later';
      readonly scope: 'recipient' | 'sender';
      readonly code?: string;
      readonly reason: string;
    }
  | { readonly result: 'unknown'; readonly reason: string };

/** Whether mail could be sent now, in one sentence for the administrator. */
export type CheckResult =
  { readonly ok: true; readonly detail: string } | { readonly ok: false; readonly detail: string };

/** The way out for mail. `send` never throws for a fault of the server, the network or the recipient. */
export interface Mailer {
  readonly kind: 'smtp' | 'outbox';
  /**
   * Hands one mail over. An aborted signal ends the attempt: `later` while the message had not been handed over,
   * `unknown` from then on.
   */
  send(message: OutgoingMail, signal?: AbortSignal): Promise<Outcome>;
  check(): Promise<CheckResult>;
  /** Waits for mails under way, then ends all connections. */
  close(): Promise<void>;
}
