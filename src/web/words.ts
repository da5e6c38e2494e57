/** How states are called on the pages, and in which tone: every list and page uses the same words. */
import type {
  AnnouncementState,
  ConsentSource,
  DeliveryState,
  ItemState,
  MEETING_STATUSES,
  SUBSCRIBER_STATES,
  Topic,
} from '../db/schema.ts';

export interface Word {
  readonly state: string;
  readonly tone: '' | 'good' | 'warn' | 'bad' | 'info';
}

export const ANNOUNCEMENT_WORDS: Readonly<Record<AnnouncementState, Word>> = {
  draft: { state: 'draft', tone: '' },
  awaiting_approval: { state: 'waits for you', tone: 'warn' },
  approved: { state: 'planned', tone: 'info' },
  sending: { state: 'going out', tone: 'info' },
  sent: { state: 'sent', tone: 'good' },
  held: { state: 'on hold', tone: 'warn' },
  cancelled: { state: 'cancelled', tone: '' },
  missed: { state: 'missed', tone: 'bad' },
  failed: { state: 'failed', tone: 'bad' },
};

export const DELIVERY_WORDS: Readonly<Record<DeliveryState, Word>> = {
  pending: { state: 'waiting', tone: '' },
  sending: { state: 'being sent', tone: 'info' },
  sent: { state: 'sent', tone: 'good' },
  excluded: { state: 'left out', tone: '' },
  failed: { state: 'failed', tone: 'bad' },
  unknown: { state: 'unknown', tone: 'warn' },
  cancelled: { state: 'cancelled', tone: '' },
};

export const MEETING_WORDS: Readonly<Record<(typeof MEETING_STATUSES)[number], Word>> = {
  scheduled: { state: 'planned', tone: 'good' },
  undecided: { state: 'needs you', tone: 'warn' },
  skipped: { state: 'skipped', tone: '' },
  cancelled: { state: 'cancelled', tone: 'bad' },
};

export const ITEM_WORDS: Readonly<Record<ItemState, Word>> = {
  submitted: { state: 'not confirmed', tone: '' },
  awaiting_review: { state: 'waits for you', tone: 'warn' },
  asked: { state: 'waits for an answer', tone: 'info' },
  approved: { state: 'approved', tone: 'good' },
  rejected: { state: 'turned down', tone: 'bad' },
  withdrawn: { state: 'taken down', tone: '' },
  expired: { state: 'over', tone: '' },
};

export const TOPIC_WORDS: Readonly<Record<Topic, string>> = {
  meetings: 'Meetings',
  training: 'Training',
  vacancies: 'Vacancies',
  news: 'News',
};

/** By which way an announcement goes: "to 212 people by e-mail". */
export const CHANNEL_WORDS: Readonly<Record<'smtp' | 'mailerlite', string>> = {
  smtp: 'e-mail',
  mailerlite: 'MailerLite campaign',
};

export const SUBSCRIBER_WORDS: Readonly<Record<(typeof SUBSCRIBER_STATES)[number], Word>> = {
  unconfirmed: { state: 'not confirmed', tone: 'warn' },
  active: { state: 'on the list', tone: 'good' },
  left: { state: 'has left', tone: '' },
  removed: { state: 'removed', tone: 'bad' },
};

/** How somebody agreed or withdrew. */
export const SOURCE_WORDS: Readonly<Record<ConsentSource, string>> = {
  form: 'by the form on the web',
  one_click: 'by the unsubscribe button of their mail program',
  unsubscribe_page: 'on the page behind the link in a mail',
  preferences: 'on their own page',
  administrator: 'entered by an administrator',
  import: 'imported from a list',
  mailerlite_webhook: 'told by MailerLite',
  mailerlite_sync: 'found at MailerLite',
};

/** "1 person", "2,000 people". */
export function people(count: number): string {
  return count === 1 ? '1 person' : `${grouped(count)} people`;
}

/** "2,000". */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** How far an instant is from now, in round words: "in 6 days", "in 2 hours", "3 minutes ago". */
export function fromNow(at: Temporal.Instant, now: Temporal.Instant, zone: string): string {
  const seconds = Math.round(now.until(at).total('seconds'));
  const days = now
    .toZonedDateTimeISO(zone)
    .toPlainDate()
    .until(at.toZonedDateTimeISO(zone).toPlainDate()).days;
  const minutes = Math.round(Math.abs(seconds) / 60);
  const hours = Math.round(Math.abs(seconds) / 3600);
  if (seconds >= 0) {
    if (minutes < 1) return 'now';
    if (minutes < 60) return `in ${counted(minutes, 'minute')}`;
    if (days === 0) return hours < 5 ? `in ${counted(hours, 'hour')}` : 'today';
    if (days === 1) return 'tomorrow';
    return `in ${counted(days, 'day')}`;
  }
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${counted(minutes, 'minute')} ago`;
  if (days === 0) return `${counted(hours, 'hour')} ago`;
  if (days === -1) return 'yesterday';
  return `${counted(-days, 'day')} ago`;
}

export function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
