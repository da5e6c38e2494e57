/** Rows as the domain gives them, turned into what the templates show. */
import type { Announcement } from '../announcements/announcements.ts';
import type { Books } from '../announcements/books.ts';
import {
  formatDate,
  formatDuration,
  formatShortDateTime,
  formatTime,
  formatTimeRange,
  zoneLabel,
} from '../calendar/format.ts';
import { describeRule, parseRule } from '../calendar/recurrence.ts';
import { describeReminderRule, parseReminderRule } from '../calendar/reminder-rule.ts';
import { toWall } from '../calendar/wall.ts';
import { MADE_AT_ZOOM } from '../meetings/meeting-input.ts';
import type { Meeting, Series } from '../meetings/occurrences.ts';
import { leafOf } from './schedule-form.ts';
import { ANNOUNCEMENT_WORDS, grouped, MEETING_WORDS, people, type Word } from './words.ts';

/** A line in a list of meetings. */
export function meetingRow(meeting: Meeting, now: Temporal.Instant) {
  return {
    id: meeting.id,
    title: meeting.title,
    when: formatShortDateTime(meeting.startsAt, meeting.zone),
    leaf: leafOf(toWall(meeting.startsAt, meeting.zone).toPlainDate()),
    ...meetingWord(meeting, now),
  };
}

/** Planned, over, cancelled…: what a meeting is at this moment. */
export function meetingWord(meeting: Meeting, now: Temporal.Instant): Word {
  if (meeting.status === 'scheduled') {
    const end = meeting.startsAt.add({ minutes: meeting.durationMinutes });
    if (Temporal.Instant.compare(end, now) <= 0) return { state: 'over', tone: '' };
    if (Temporal.Instant.compare(meeting.startsAt, now) <= 0) return { state: 'on now', tone: 'info' };
  }
  return MEETING_WORDS[meeting.status];
}

/** "Wednesday 2 June 2027, 7 pm to 8 pm (UK time)". */
export function meetingWhen(meeting: Pick<Meeting, 'startsAt' | 'zone' | 'durationMinutes'>): string {
  const date = toWall(meeting.startsAt, meeting.zone).toPlainDate();
  const end = meeting.startsAt.add({ minutes: meeting.durationMinutes });
  return `${formatDate(date)}, ${formatTimeRange(meeting.startsAt, end, meeting.zone)}`;
}

/** A pasted link, or that there is none to paste. */
export function linkWords(link: string): string {
  return link === MADE_AT_ZOOM ? 'made at Zoom for each meeting' : link;
}

export function seriesView(series: Series) {
  const reminderList = series.reminders.map((rule) => describeReminderRule(parseReminderRule(rule)));
  return {
    id: series.id,
    title: series.title,
    rule: capital(describeRule(parseRule(series.rule))),
    time: `${formatTime(Temporal.PlainTime.from(series.wallTime))} (${zoneLabel(series.zone)})`,
    length: formatDuration(series.durationMinutes),
    link: linkWords(series.link),
    hasOwnLink: series.link !== MADE_AT_ZOOM,
    from: formatDate(series.startsOn) + (series.endsOn === null ? '' : ` to ${formatDate(series.endsOn)}`),
    reminderList,
    reminders: reminderList.length === 0 ? 'No reminders' : capital(reminderList.join('; ')),
    archived: series.archivedAt !== null,
    open: series.archivedAt === null,
  };
}

/** A notice or another announcement as a line in a list. */
export function announcementRow({ announcement, books }: { announcement: Announcement; books: Books }) {
  return {
    id: announcement.id,
    title: announcement.title,
    label: noticeLabel(announcement),
    rule:
      announcement.reminderRule === null
        ? undefined
        : describeReminderRule(parseReminderRule(announcement.reminderRule)),
    when: formatShortDateTime(announcement.sendAt, announcement.zone),
    people: books.audience > 0 ? peopleLine(books) : undefined,
    reason: announcement.stateReason ?? undefined,
    books: books.audience > 0 ? booksView(books) : undefined,
    ...ANNOUNCEMENT_WORDS[announcement.state],
  };
}

/** "Reminder, 7 days before at 9 am". */
export function noticeLabel(announcement: Pick<Announcement, 'kind' | 'reminderRule' | 'title'>): string {
  if (announcement.kind === 'changed') return 'Change notice';
  if (announcement.kind === 'cancelled') return 'Cancellation';
  if (announcement.reminderRule === null) return announcement.title;
  return `Reminder, ${describeReminderRule(parseReminderRule(announcement.reminderRule))}`;
}

function peopleLine(books: Books): string {
  const missing = books.audience - books.sent;
  if (missing === 0) return `sent to ${people(books.sent)}`;
  return `sent to ${grouped(books.sent)} of ${people(books.audience)}`;
}

/** How far an announcement has got: the part of its page that changes while it goes out. */
export function progressView({ state }: Pick<Announcement, 'state'>, books: Books) {
  if (books.audience === 0) return { books: undefined };
  return {
    books: {
      ...booksView(books),
      sent: books.sent,
      total: books.audience,
      done: books.audience - books.pending,
      isSending: state === 'sending',
    },
  };
}

const BOOK_PARTS = [
  ['sent', 'sent'],
  ['pending', 'waiting'],
  ['excluded', 'left out'],
  ['unknown', 'unknown'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
] as const;

/** The books of an announcement as a bar of 100 units and its legend. */
export function booksView(books: Books) {
  let x = 0;
  const present = BOOK_PARTS.filter(([key]) => books[key] > 0);
  const bars = present.map(([key]) => {
    const width = (books[key] / Math.max(books.audience, 1)) * 100;
    const bar = { state: tint(key), x: x.toFixed(2), width: width.toFixed(2) };
    x += width;
    return bar;
  });
  const parts = present.map(([key, label]) => ({ state: tint(key), number: grouped(books[key]), label }));
  return { bars, parts, audience: grouped(books.audience) };
}

/** What was called off is shown like what was left out. */
function tint(key: (typeof BOOK_PARTS)[number][0]): string {
  return key === 'cancelled' ? 'excluded' : key;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
