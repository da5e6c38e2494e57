import type { QuietHours } from '../calendar/quiet-hours.ts';
import type { FieldValue } from '../render/markdown.ts';
import type { RenderedMail } from '../render/slots.ts';

/** Everything that the checks look at: what was written, the mail it gives, and what is known about the sending. */
export interface Checked {
  readonly subject: string;
  /** Markdown; lines in findings are lines of this. */
  readonly body: string;
  readonly valueOf: FieldValue;
  /** The mail with its marks. */
  readonly mail: RenderedMail;
  /** Faults of merge fields in the body. */
  readonly fieldFaults: readonly { readonly line: number; readonly message: string }[];
  /** The public address of the server: links to it are our own. */
  readonly baseUrl: string;
  /** Names and terms that need no warning. */
  readonly allowedNames: readonly string[];
  readonly sending: Sending;
}

/** When it goes out, and to how many. */
export interface Sending {
  /** When the administrator wants it to go out; null: when approved. */
  readonly wantedAt: Temporal.Instant | null;
  /** When it would go out if it were approved now. */
  readonly sendAt: Temporal.Instant;
  readonly now: Temporal.Instant;
  readonly zone: string;
  readonly quietHours: QuietHours;
  /** When what it says is over: its expiry, or the start of the meeting that it invites to. */
  readonly endsAt: Temporal.Instant | null;
  readonly audience: number;
  /** How many the last announcements to these people reached; at most three, and none for a special audience. */
  readonly lastAudiences: readonly number[];
  readonly sameDay: readonly { readonly title: string; readonly sendAt: Temporal.Instant }[];
}
