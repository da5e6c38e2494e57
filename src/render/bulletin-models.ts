import type { SenderModel } from './mail-models.ts';

/**
 * What the mails of the noticeboard and its bulletins are told; what holds for all models is said in `mail-models.ts`.
 * Instants are ISO 8601 text in UTC.
 */

/** Something that an item says: "Closing date", "Friday 4 June 2027". */
export interface FactModel {
  readonly label: string;
  readonly value: string;
}

export interface BulletinItemModel {
  readonly id: string;
  readonly title: string;
  /** The employer or the provider. */
  readonly organisation: string;
  /** "Wednesday 2 June 2027, 7 pm to 9 pm (UK time)" or "Until Friday 4 June 2027". */
  readonly when: string;
  /** Empty when it says nothing. */
  readonly where: string;
  readonly facts: readonly FactModel[];
  /** The item's public page. */
  readonly url: string;
}

/** Items of one kind, gathered: training events by month, vacancies by place. */
export interface BulletinModel {
  readonly sender: SenderModel;
  /** The day of the bulletin, "2027-06-07". */
  readonly date: string;
  /** Plain text; an empty line parts paragraphs. */
  readonly introduction: string | null;
  readonly count: number;
  readonly groups: readonly { readonly heading: string; readonly items: readonly BulletinItemModel[] }[];
  /** The page with all open items of the kind. */
  readonly boardUrl: string;
  /** The bulletin as a web page, when there is one. */
  readonly webUrl: string | null;
  readonly why: string;
}

/** A bulletin in which there was nothing to put. */
export interface BulletinSkippedModel {
  readonly sender: SenderModel;
  readonly title: string;
  readonly sendAt: string;
  readonly zone: string;
  /** Whether an item that is approved now brings it back. */
  readonly inTime: boolean;
  readonly adminUrl: string;
}

/** A request to confirm an item. It holds nothing that was typed into the form: anybody can name any address there. */
export interface ConfirmItemModel {
  readonly sender: SenderModel;
  /** "a vacancy". */
  readonly what: string;
  readonly confirmUrl: string;
  readonly requestedAt: string;
  readonly zone: string;
  readonly validDays: number;
}

/** What was decided about an item, for whoever handed it in. */
export interface ItemDecisionModel {
  readonly sender: SenderModel;
  readonly decision: 'approved' | 'rejected' | 'asked' | 'withdrawn';
  readonly what: string;
  readonly title: string;
  /** The question or the reason; may be empty when something is taken down. */
  readonly words: string;
  /** The last day, in words. */
  readonly until: string;
  readonly pageUrl: string;
  /** Where whoever handed it in answers or takes it down. */
  readonly ownUrl: string;
}

/** An item that waits for a decision, for one administrator. */
export interface ItemReviewModel {
  readonly sender: SenderModel;
  readonly what: string;
  readonly title: string;
  readonly text: string;
  readonly facts: readonly FactModel[];
  readonly link: string | null;
  readonly handedInBy: string | null;
  /** The answer to the administrator's last question. */
  readonly answer: string | null;
  readonly duplicates: readonly { readonly title: string; readonly state: string; readonly url: string }[];
  /** A sentence on the terms of business. */
  readonly terms: string | null;
  /** Lets this one administrator decide without signing in. */
  readonly decideUrl: string | null;
  readonly adminUrl: string;
}
