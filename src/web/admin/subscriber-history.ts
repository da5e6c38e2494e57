import { attendanceOfPerson } from '../../attendance/report.ts';
import { formatDate, formatDateTime, formatShortDateTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import type { Tx } from '../../db/open.ts';
import type { ConsentSource } from '../../db/schema.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Settings } from '../../organisation/settings.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import { subscriberRecord } from '../../subscribers/subscriber-record.ts';
import { findSubscriber, getSubscriber } from '../../subscribers/subscribers.ts';
import { SUPPRESSION_WORDS } from '../../subscribers/suppressions.ts';
import { topicChoices } from '../topic-choices.ts';
import { capital } from '../views.ts';
import { counted, DELIVERY_WORDS, SOURCE_WORDS, SUBSCRIBER_WORDS, TOPIC_WORDS } from '../words.ts';

/**
 * Everything that is known of one person, as their page shows it.
 *
 * @throws ConvenorError `not_found`.
 */
export async function personModel(
  db: Tx,
  id: string,
  { clock, settings: { timeZone } }: { clock: Clock; settings: Settings },
) {
  const subscriber = await getSubscriber(db, id);
  const record = await subscriberRecord(db, id);
  const time = (at: Temporal.Instant) => formatDateTime(at, timeZone);
  const day = (at: Temporal.Instant) => formatDate(toWall(at, timeZone).toPlainDate());
  const inviter = subscriber.invitedBy === null ? undefined : await findSubscriber(db, subscriber.invitedBy);
  return {
    title: subscriber.name ?? subscriber.email,
    section: 'subscribers',
    back: { href: '/admin/subscribers', label: 'Subscribers' },
    person: {
      id: subscriber.id,
      email: subscriber.email,
      ...SUBSCRIBER_WORDS[subscriber.state],
      since: day(subscriber.createdAt),
      declared: subscriber.declaredAt === null ? undefined : day(subscriber.declaredAt),
      declaration: record.declaration ?? undefined,
      inviter: inviter && { id: inviter.id, name: inviter.name ?? inviter.email },
      kind: subscriber.memberKind === null ? undefined : capital(MEMBER_KIND_WORDS[subscriber.memberKind]),
      hcpcNumber: subscriber.hcpcNumber ?? undefined,
      paused:
        subscriber.pausedUntil !== null && Temporal.Instant.compare(subscriber.pausedUntil, clock.now()) > 0
          ? time(subscriber.pausedUntil)
          : undefined,
      suppressed:
        subscriber.suppressed === null ? undefined : `${capital(SUPPRESSION_WORDS[subscriber.suppressed])}.`,
      noted: record.doNotMail[0]?.detail ?? undefined,
      canAllow: subscriber.suppressed === 'removed' || subscriber.suppressed === 'bounced',
      canRemove: subscriber.state !== 'removed',
      onList: subscriber.state === 'active',
    },
    topics: topicChoices(subscriber.topics),
    consent: record.consent.map((event) => ({
      when: time(event.at),
      given: event.act === 'given',
      what: `${event.act === 'given' ? 'Agreed to' : event.act === 'withdrawn' ? 'Turned off' : 'Lapsed:'} ${TOPIC_WORDS[event.topic].toLowerCase()}`,
      ...howOf(event),
      wording: event.wordingText ?? undefined,
      from: event.ip ?? undefined,
    })),
    messages: record.messages.map((message) => ({
      href: `/admin/announcements/${message.announcementId}`,
      title: message.title,
      when: formatShortDateTime(message.settledAt ?? message.plannedFor, timeZone),
      reason: message.reason ?? '',
      ...DELIVERY_WORDS[message.state],
    })),
    serviceMails: record.serviceMails.map((mail) => ({
      kind: SERVICE_MAIL_WORDS[mail.kind] ?? capital(mail.kind.replaceAll('-', ' ')),
      when: time(mail.createdAt),
      ...DELIVERY_WORDS[mail.state],
    })),
    meetings: (await attendanceOfPerson(db, id)).map((meeting) => ({
      href: `/admin/meetings/${meeting.meetingId}`,
      title: meeting.title,
      when: formatDateTime(meeting.startsAt, meeting.zone),
      answer: meeting.answer === null ? '' : ANSWER_WORDS[meeting.answer],
      came:
        meeting.minutes === null
          ? ''
          : meeting.minutes === 0
            ? 'came for less than a minute'
            : `came for ${counted(meeting.minutes, 'minute')}`,
      certificate: meeting.checkCode ?? '',
    })),
    complaints: record.complaints.map((complaint) => ({
      reference: complaint.reference,
      when: time(complaint.receivedAt),
      ...COMPLAINT_WORDS[complaint.state],
    })),
    acts: record.administration.map(({ at, action }) => ({
      when: time(at),
      what: capital(action.replace(/^[a-z]+\./, '').replaceAll('_', ' ')),
    })),
  };
}

/** How somebody agreed; the note of an import says so itself. */
function howOf({ source, note }: { readonly source: ConsentSource; readonly note: string | null }) {
  if (source === 'import' && note?.startsWith('imported from ')) return { how: capital(note) };
  return { how: capital(SOURCE_WORDS[source]), note: note ?? undefined };
}

const ANSWER_WORDS: Readonly<Record<string, string>> = {
  yes: 'said yes',
  no: 'said no',
  maybe: 'said maybe',
};

const SERVICE_MAIL_WORDS: Readonly<Record<string, string>> = {
  'confirm-subscription': 'Asked to confirm the address',
  welcome: 'Welcome',
};

const COMPLAINT_WORDS = {
  open: { state: 'waits', tone: 'warn' },
  acknowledged: { state: 'acknowledged', tone: 'info' },
  closed: { state: 'closed', tone: '' },
} as const;
