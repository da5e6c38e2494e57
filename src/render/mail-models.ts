/**
 * What each kind of mail is told. Models are plain JSON, so that an announcement can be frozen with the very model
 * it is rendered from: instants are ISO 8601 text in UTC, zones are IANA names, and a value that there may not be
 * is `null`, never absent (a template that reads an absent one is an error).
 *
 * Nothing here is about one recipient: greeting and personal links are slots (see `slots.ts`).
 */

import type {
  BulletinModel,
  BulletinSkippedModel,
  ConfirmItemModel,
  ItemDecisionModel,
  ItemReviewModel,
} from './bulletin-models.ts';

/** ISO 8601 in UTC, for example "2027-06-02T18:00:00Z". */
type InstantText = string;

/** Who sends the mail, and what the foot of every mail says. */
export interface SenderModel {
  readonly organisationName: string;
  readonly groupName: string;
  /** Line breaks are kept. */
  readonly postalAddress: string;
  readonly contactEmail: string;
  /** "#1d5c63"; text colours are derived from it so that they stay readable. */
  readonly brandColour: string;
  /** The organisation's logo at its public address, with its size in pixels. */
  readonly logo: { readonly url: string; readonly width: number; readonly height: number } | null;
  /** Absolute address of the public pages, without a slash at the end. */
  readonly baseUrl: string;
  /** Replaces the standing line on clinical responsibility. */
  readonly clinicalLine: string | null;
  /** The organisation's own words, by the key of the text (see `mail-texts.ts`). */
  readonly texts: Readonly<Record<string, string>>;
}

export interface MeetingModel {
  readonly id: string;
  readonly title: string;
  /** Plain text; an empty line parts paragraphs. */
  readonly description: string;
  readonly start: InstantText;
  readonly zone: string;
  readonly durationMinutes: number;
  /** The meeting's public page. */
  readonly pageUrl: string;
  /** The redirect that leads to the current link (`/m/<id>/join`). */
  readonly joinUrl: string;
  /** The calendar entry as a file. */
  readonly icsUrl: string;
  readonly calendarLinks: {
    readonly google: string;
    readonly outlook: string;
    readonly office: string;
    readonly yahoo: string;
  };
}

export interface NextDate {
  readonly start: InstantText;
  readonly zone: string;
  readonly title: string;
  readonly url: string;
}

interface MeetingMail {
  readonly sender: SenderModel;
  readonly meeting: MeetingModel;
  /** The dates of the series after this one, soonest first; the templates show at most three. */
  readonly nextDates: readonly NextDate[];
  /** "The clocks go back on …", when they change between this mail and the meeting. */
  readonly clockChange: string | null;
  /** Why the person gets this, as a sentence: "You asked for news of our meetings." */
  readonly why: string;
}

export type InvitationModel = MeetingMail;

export interface ReminderModel extends MeetingMail {
  /** When the reminder is due: its words ("tomorrow", "in one hour") follow from this and the start. */
  readonly sendAt: InstantText;
}

/** One thing that is different now. The link itself is not shown: the join link always leads to the current one. */
export type MeetingChange =
  | { readonly what: 'time'; readonly before: InstantText; readonly after: InstantText }
  | { readonly what: 'duration'; readonly before: number; readonly after: number }
  | { readonly what: 'title'; readonly before: string; readonly after: string }
  | { readonly what: 'link' }
  | { readonly what: 'description' };

export interface ChangedModel extends MeetingMail {
  readonly changes: readonly MeetingChange[];
}

export interface CancelledModel extends MeetingMail {
  /** A sentence from the administrator. */
  readonly reason: string | null;
}

/** Something that an administrator wrote. */
export interface AnnouncementModel {
  readonly sender: SenderModel;
  /** One line; may hold merge fields. */
  readonly subject: string;
  /** Markdown with merge fields (see `markdown.ts`). */
  readonly body: string;
  /** Values of the fields that are the same for everybody. */
  readonly fields: Readonly<Record<string, string>>;
  /** The meeting that it invites to. */
  readonly meeting: MeetingModel | null;
  readonly nextDates: readonly NextDate[];
  readonly clockChange: string | null;
  /** The announcement as a web page, when there is one. */
  readonly webUrl: string | null;
  /** It goes out as a campaign of MailerLite: nothing is attached, and no link is the recipient's own but those to leave. */
  readonly campaign: boolean;
  readonly why: string;
}

/** A mail to an administrator that was asked for to see whether mail works. */
interface TestModel {
  readonly sender: SenderModel;
  readonly requestedAt: InstantText;
  readonly zone: string;
}

/** A notice that was not sent because its time had passed. */
interface MissedModel {
  readonly sender: SenderModel;
  /** What was to be sent: "Reminder: Monthly meeting". */
  readonly title: string;
  readonly dueAt: InstantText;
  readonly zone: string;
  /** A sentence. */
  readonly reason: string;
  readonly audience: number | null;
  readonly adminUrl: string;
}

/** A run that paused itself. */
interface RunHeldModel {
  readonly sender: SenderModel;
  readonly title: string;
  /** What went wrong, in a sentence. */
  readonly reason: string;
  readonly sent: number;
  readonly waiting: number;
  readonly adminUrl: string;
}

/** A date of a series that falls on a bank holiday and waits for a decision. */
interface BankHolidayModel {
  readonly sender: SenderModel;
  readonly title: string;
  readonly start: InstantText;
  readonly zone: string;
  /** "Christmas Day". */
  readonly holiday: string;
  readonly adminUrl: string;
}

/** Double opt-in: a request to confirm, and nothing else. */
interface ConfirmSubscriptionModel {
  readonly sender: SenderModel;
  readonly confirmUrl: string;
  /** What was ticked, in words for people. */
  readonly topics: readonly string[];
  readonly requestedAt: InstantText;
  readonly zone: string;
  readonly validDays: number;
}

interface WelcomeModel {
  readonly sender: SenderModel;
  readonly topics: readonly string[];
  readonly nextDates: readonly NextDate[];
  /** The feed of all meetings. */
  readonly feedUrl: string;
  readonly why: string;
}

/** Anything else that an administrator must know. */
interface AdminAlertModel {
  readonly sender: SenderModel;
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly link: { readonly url: string; readonly label: string } | null;
}

/** A short letter to one person about something that they did or asked for. */
export interface LetterModel extends AdminAlertModel {
  readonly why: string;
}

/** Every kind of mail and its model. The folder `templates/email/<kind>` holds its templates. */
export interface MailModels {
  invitation: InvitationModel;
  reminder: ReminderModel;
  changed: ChangedModel;
  cancelled: CancelledModel;
  announcement: AnnouncementModel;
  test: TestModel;
  missed: MissedModel;
  'run-held': RunHeldModel;
  'bank-holiday': BankHolidayModel;
  'confirm-subscription': ConfirmSubscriptionModel;
  welcome: WelcomeModel;
  'admin-alert': AdminAlertModel;
  letter: LetterModel;
  'training-bulletin': BulletinModel;
  'vacancy-bulletin': BulletinModel;
  'bulletin-skipped': BulletinSkippedModel;
  'confirm-item': ConfirmItemModel;
  'item-decision': ItemDecisionModel;
  'item-review': ItemReviewModel;
}
export type MailKind = keyof MailModels;

/** The notices of a meeting that are also told in the WhatsApp group. */
export type WhatsAppNotice = 'invitation' | 'reminder' | 'changed' | 'cancelled';
/** The kinds that are also told in the WhatsApp group. */
export type WhatsAppKind = WhatsAppNotice | 'announcement' | 'training-bulletin' | 'vacancy-bulletin';
