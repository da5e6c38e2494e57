/** A written announcement as the pages show it: what the checks say, whom it reaches when, and what everybody sees. */
import ICAL from 'ical.js';
import { kindLabel, type Announcement } from '../announcements/announcements.ts';
import { UNDO } from '../announcements/approval.ts';
import type { FrozenContent } from '../announcements/frozen-content.ts';
import { formatDate, formatDateTime, formatTimeRange } from '../calendar/format.ts';
import { toWall } from '../calendar/wall.ts';
import { UNASKED } from '../checks/live-links.ts';
import { LARGEST_MAIL } from '../checks/mail.ts';
import type { DraftView } from '../drafts/prepare.ts';
import { sampleMail } from '../drafts/sample-mail.ts';
import { findingKey, type Finding } from '../kernel/finding.ts';
import { whatsappLook } from '../render/whatsapp-look.ts';
import { CHANNEL_WORDS, fromNow, grouped, people, TOPIC_WORDS } from './words.ts';

/** A finding as a line of the list of checks. */
function findingView(finding: Finding) {
  const { level, check, line, message } = finding;
  return {
    key: findingKey(finding),
    check: check.charAt(0).toUpperCase() + check.slice(1),
    line,
    message,
    isError: level === 'error',
  };
}

/** What the checks say: errors, warnings, and whether somebody has asked for the pages behind the links. */
export function checksView({ findings }: Pick<DraftView, 'findings'>) {
  const views = findings.map(findingView);
  return {
    errors: views.filter(({ isError }) => isError),
    warnings: views.filter(({ isError }) => !isError),
    clean: views.length === 0,
    linksAsked: findings.every(({ check }) => check !== UNASKED),
  };
}

/** Whom an announcement is for, in words. */
export function audienceWords({ audienceKind, topic }: Pick<Announcement, 'audienceKind' | 'topic'>): string {
  switch (audienceKind) {
    case 'told':
      return 'Everybody who was told before';
    case 'attended':
      return 'Everybody on the list who came to the meeting';
    case 'got':
      return 'Everybody who got the announcement that it puts right';
    case 'missed':
      return 'Everybody who did not get the announcement before';
    case 'topic':
      return `Everybody who gets mail about ${TOPIC_WORDS[topic].toLowerCase()}`;
  }
}

/** When it goes out if it is approved now: in five minutes, or at its time. */
export function sendWords({ announcement, draft, sendAt }: DraftView, now: Temporal.Instant) {
  const { zone } = announcement;
  return {
    when: draft.sendWall === null ? 'When it is approved' : formatDateTime(sendAt, zone),
    distance: draft.sendWall === null ? undefined : fromNow(sendAt, now, zone),
    button: timeOnButton(sendAt, now, zone),
  };
}

/** When something goes out that is approved now, as the button says it: "in five minutes", "on Monday 7 June 2027, 9 am". */
export function timeOnButton(sendAt: Temporal.Instant, now: Temporal.Instant, zone: string): string {
  const soon = Temporal.Instant.compare(sendAt, now.add(UNDO)) <= 0;
  return soon ? 'in five minutes' : `on ${formatDateTime(sendAt, zone)}`;
}

/** "Approve: 212 people by e-mail in five minutes". */
export function approvalLabel(view: DraftView, now: Temporal.Instant): string {
  const { announcement, audience } = view;
  return `${people(audience)} by ${CHANNEL_WORDS[announcement.channel]} ${sendWords(view, now).button}`;
}

/** The facts of a draft that stand beside its text. */
export function draftFacts(view: DraftView, now: Temporal.Instant) {
  const { announcement, draft, audience } = view;
  const { kind, topic, channel, meetingId, zone } = announcement;
  return {
    kind: kindLabel(kind),
    topic: TOPIC_WORDS[topic],
    audience: audienceWords(announcement),
    people: people(audience),
    channel: CHANNEL_WORDS[channel],
    ...sendWords(view, now),
    meetingUrl: meetingId === null ? undefined : `/admin/meetings/${meetingId}`,
    lastDay:
      draft.expiresAt === null
        ? undefined
        : formatDate(toWall(draft.expiresAt, zone).toPlainDate().subtract({ days: 1 })),
  };
}

export const PREVIEW_VIEWS = {
  wide: 'Wide',
  phone: 'Phone',
  dark: 'Dark',
  text: 'Plain text',
  whatsapp: 'WhatsApp',
  calendar: 'Calendar',
  page: 'Web page',
  source: 'Size and source',
} as const;
export type PreviewView = keyof typeof PREVIEW_VIEWS;

/** One way in which people see an announcement, for the preview; what a view does not need is left out. */
export function previewView(
  view: PreviewView,
  {
    content,
    name,
    baseUrl,
    zone,
  }: { content: FrozenContent; name: string | null; baseUrl: string; zone: string },
) {
  const mail = sampleMail(content, name, baseUrl);
  const size = Buffer.byteLength(content.html);
  return {
    subject: mail.subject,
    frame: view === 'wide' || view === 'phone' || view === 'dark' ? view : undefined,
    text: view === 'text' ? mail.text : undefined,
    whatsapp: view === 'whatsapp' ? whatsappView(content.whatsapp ?? '') : undefined,
    calendar: view === 'calendar' ? calendarView(content.calendar, zone) : undefined,
    page: view === 'page' ? { title: content.title ?? content.subject, html: content.page ?? '' } : undefined,
    source:
      view === 'source'
        ? {
            html: mail.html,
            size: kilobytes(size),
            limit: kilobytes(LARGEST_MAIL),
            percent: Math.min(100, Math.round((size / LARGEST_MAIL) * 100)),
            text: kilobytes(Buffer.byteLength(content.text)),
            calendar: content.calendar ? kilobytes(Buffer.byteLength(content.calendar.content)) : undefined,
          }
        : undefined,
  };
}

/** A text for the WhatsApp group with its look, its length and the link that opens WhatsApp with it. */
export function whatsappView(text: string) {
  return {
    text,
    html: whatsappLook(text),
    length: grouped(text.length),
    shareUrl: `https://wa.me/?text=${encodeURIComponent(text)}`,
  };
}

/** The calendar entry that travels with the mail, read as a calendar program reads it. */
function calendarView(part: FrozenContent['calendar'], zone: string) {
  if (part === null) return { entry: undefined };
  const found = new ICAL.Component(ICAL.parse(part.content) as unknown[]).getFirstSubcomponent('vevent');
  if (!found) return { entry: undefined };
  const event = new ICAL.Event(found);
  const at = (time: ICAL.Time) => Temporal.Instant.from(time.toJSDate().toISOString());
  const start = at(event.startDate);
  return {
    entry: {
      title: event.summary,
      when: `${formatDate(toWall(start, zone).toPlainDate())}, ${formatTimeRange(start, at(event.endDate), zone)}`,
      where: event.location,
      description: event.description,
      source: part.content,
    },
  };
}

function kilobytes(bytes: number): string {
  return `${grouped(Math.ceil(bytes / 1000))} kB`;
}
