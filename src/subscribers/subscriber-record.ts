import { and, asc, desc, eq, or, sql } from 'drizzle-orm';
import { formatDateTime } from '../calendar/format.ts';
import { rows, type Tx } from '../db/open.ts';
import {
  announcements,
  attendances,
  auditLog,
  certificates,
  complaints,
  consentEvents,
  consentEvidence,
  consentWordings,
  deliveries,
  importRuns,
  items,
  itemSubmitters,
  joinRequests,
  mailerliteLinks,
  meetings,
  outboxMessages,
  rsvps,
  serviceMails,
  syncDifferences,
  suppressions,
  topicSubscriptions,
} from '../db/schema.ts';
import { deliveryIdsOf } from './delivery-ids.ts';
import { MEMBER_KIND_WORDS } from './members.ts';
import { getSubscriber } from './subscribers.ts';
import { SUPPRESSION_WORDS } from './suppressions.ts';

/** Everything that is kept about one person. As JSON it is the copy that the person may ask for. */
export type SubscriberRecord = Awaited<ReturnType<typeof subscriberRecord>>;

/**
 * Reads the whole record of a person, the newest first within each part.
 *
 * @param idOrEmail a UUID, or an address in any spelling.
 * @throws ConvenorError `not_found`.
 */
export async function subscriberRecord(tx: Tx, idOrEmail: string) {
  const { suppressed: _, topics: __, ...person } = await getSubscriber(tx, idOrEmail);
  const { id, emailNormalised } = person;
  return {
    person,
    declaration: await declarationOf(tx, person.declarationWording),
    topics: await tx
      .select({
        topic: topicSubscriptions.topic,
        subscribed: topicSubscriptions.subscribed,
        changedAt: topicSubscriptions.changedAt,
      })
      .from(topicSubscriptions)
      .where(eq(topicSubscriptions.subscriberId, id))
      .orderBy(asc(topicSubscriptions.topic)),
    consent: await consentOf(tx, id),
    doNotMail: await tx
      .select({ reason: suppressions.reason, detail: suppressions.detail, at: suppressions.at })
      .from(suppressions)
      .where(eq(suppressions.emailNormalised, emailNormalised)),
    joinRequests: await tx
      .select({
        requestedAt: joinRequests.requestedAt,
        confirmedAt: joinRequests.confirmedAt,
        topics: joinRequests.topics,
        memberKind: joinRequests.memberKind,
        declarationWording: joinRequests.declarationWording,
        ip: joinRequests.ip,
        userAgent: joinRequests.userAgent,
      })
      .from(joinRequests)
      .where(eq(joinRequests.subscriberId, id))
      .orderBy(desc(joinRequests.requestedAt)),
    messages: await tx
      .select({
        announcementId: deliveries.announcementId,
        title: announcements.title,
        kind: announcements.kind,
        topic: announcements.topic,
        state: deliveries.state,
        reason: deliveries.reason,
        plannedFor: announcements.sendAt,
        settledAt: deliveries.settledAt,
      })
      .from(deliveries)
      .innerJoin(announcements, eq(announcements.id, deliveries.announcementId))
      .where(and(sql`${deliveries.id} in ${deliveryIdsOf(id)}`, eq(deliveries.subscriberId, id)))
      .orderBy(desc(announcements.sendAt), asc(announcements.id)),
    serviceMails: await tx
      .select({
        kind: serviceMails.kind,
        state: serviceMails.state,
        createdAt: serviceMails.createdAt,
        settledAt: serviceMails.settledAt,
      })
      .from(serviceMails)
      .where(and(eq(serviceMails.recipientKind, 'subscriber'), eq(serviceMails.recipient, id)))
      .orderBy(desc(serviceMails.createdAt)),
    keptMails: await tx
      .select({ at: outboxMessages.at, subject: outboxMessages.subject })
      .from(outboxMessages)
      .where(sql`lower(${outboxMessages.recipient}) in (${emailNormalised}, ${person.email.toLowerCase()})`)
      .orderBy(desc(outboxMessages.at)),
    mailerlite: await tx
      .select({
        id: mailerliteLinks.mailerliteId,
        status: mailerliteLinks.status,
        topics: mailerliteLinks.topics,
        email: mailerliteLinks.email,
        emailThere: mailerliteLinks.emailThere,
        optedOutAt: mailerliteLinks.optedOutAt,
        seenAt: mailerliteLinks.seenAt,
        toldAt: mailerliteLinks.doneAt,
      })
      .from(mailerliteLinks)
      .where(eq(mailerliteLinks.subscriberId, id)),
    differences: await tx
      .select({
        kind: syncDifferences.kind,
        foundAt: syncDifferences.foundAt,
        resolvedAt: syncDifferences.resolvedAt,
      })
      .from(syncDifferences)
      .where(eq(syncDifferences.subscriberId, id))
      .orderBy(desc(syncDifferences.foundAt)),
    answers: await tx
      .select({
        meeting: meetings.title,
        startsAt: meetings.startsAt,
        answer: rsvps.answer,
        question: rsvps.question,
        answeredAt: rsvps.answeredAt,
      })
      .from(rsvps)
      .innerJoin(meetings, eq(meetings.id, rsvps.meetingId))
      .where(eq(rsvps.subscriberId, id))
      .orderBy(desc(rsvps.answeredAt)),
    attendance: await tx
      .select({
        meeting: meetings.title,
        startsAt: meetings.startsAt,
        names: attendances.names,
        email: attendances.emailNormalised,
        byPhone: attendances.byPhone,
        seconds: attendances.seconds,
        firstJoinedAt: attendances.firstJoinedAt,
        lastLeftAt: attendances.lastLeftAt,
        recognisedBy: attendances.matchedBy,
      })
      .from(attendances)
      .innerJoin(meetings, eq(meetings.id, attendances.meetingId))
      .where(or(eq(attendances.subscriberId, id), eq(attendances.emailNormalised, emailNormalised)))
      .orderBy(desc(meetings.startsAt)),
    certificates: await tx
      .select({
        title: certificates.title,
        name: certificates.name,
        heldAt: certificates.heldAt,
        minutes: certificates.minutes,
        checkCode: certificates.checkCode,
        issuedAt: certificates.issuedAt,
        revokedAt: certificates.revokedAt,
        revokeReason: certificates.revokeReason,
      })
      .from(certificates)
      .where(eq(certificates.subscriberId, id))
      .orderBy(desc(certificates.issuedAt)),
    items: await itemsOf(tx, emailNormalised),
    imports: await importsOf(tx, [emailNormalised, person.email.toLowerCase()]),
    complaints: await tx
      .select({
        reference: complaints.reference,
        receivedAt: complaints.receivedAt,
        state: complaints.state,
        text: complaints.text,
      })
      .from(complaints)
      .where(eq(sql`lower(${complaints.email})`, emailNormalised))
      .orderBy(desc(complaints.receivedAt)),
    administration: await tx
      .select({ at: auditLog.at, action: auditLog.action })
      .from(auditLog)
      .where(eq(auditLog.subject, id))
      .orderBy(desc(auditLog.id)),
  };
}

/** The text that they declared to be true when they joined; null for somebody who came to the list in another way. */
async function declarationOf(tx: Tx, wording: string | null): Promise<string | null> {
  if (wording === null) return null;
  const [found] = await tx
    .select({ text: consentWordings.text })
    .from(consentWordings)
    .where(eq(sql`${consentWordings.key} || '@' || ${consentWordings.version}`, wording));
  return found?.text ?? null;
}

/** What they handed in for the noticeboard, as long as it is known who did. */
function itemsOf(tx: Tx, emailNormalised: string) {
  return tx
    .select({
      kind: items.kind,
      title: items.title,
      organisation: items.organisation,
      place: items.place,
      link: items.link,
      contact: items.contact,
      text: items.text,
      state: items.state,
      stateReason: items.stateReason,
      submitterName: itemSubmitters.name,
      termsAcceptedAt: items.termsAcceptedAt,
      handedInAt: items.createdAt,
    })
    .from(itemSubmitters)
    .innerJoin(items, eq(items.id, itemSubmitters.itemId))
    .where(eq(itemSubmitters.emailNormalised, emailNormalised))
    .orderBy(desc(items.createdAt));
}

/** Imports that named them among those who were not taken. */
function importsOf(tx: Tx, addresses: readonly string[]) {
  return rows<{ at: string; fileName: string; reason: string | null }>(
    tx,
    sql`select to_jsonb(r.started_at) #>> '{}' as at, r.file_name as "fileName", x ->> 'reason' as reason
      from ${importRuns} r, jsonb_array_elements(r.result -> 'rejected') x
      where lower(x ->> 'email') in (select jsonb_array_elements_text(${JSON.stringify(addresses)}::text::jsonb))
      order by r.started_at desc`,
  );
}

function consentOf(tx: Tx, subscriberId: string) {
  return tx
    .select({
      seq: consentEvents.seq,
      at: consentEvents.at,
      topic: consentEvents.topic,
      act: consentEvents.act,
      source: consentEvents.source,
      wording: consentEvents.wording,
      wordingText: consentWordings.text,
      note: consentEvents.note,
      ip: consentEvidence.ip,
      userAgent: consentEvidence.userAgent,
    })
    .from(consentEvents)
    .leftJoin(consentEvidence, eq(consentEvidence.seq, consentEvents.seq))
    .leftJoin(
      consentWordings,
      eq(consentEvents.wording, sql`${consentWordings.key} || '@' || ${consentWordings.version}`),
    )
    .where(eq(consentEvents.subscriberId, subscriberId))
    .orderBy(desc(consentEvents.seq));
}

/** A part of the record for people: what it is about, and a line for each thing. A line may go on below. */
export interface RecordPart {
  readonly title: string;
  readonly lines: readonly string[];
}

/** The record as text that anybody can read, with times in the group's zone. */
export function recordAsText(record: SubscriberRecord, { zone }: { zone: string }): string {
  return recordParts(record, { zone })
    .map(({ title, lines }) =>
      [title, '-'.repeat(title.length), ...(lines.length === 0 ? ['Nothing.'] : lines), ''].join('\n'),
    )
    .join('\n');
}

/** The same in its parts. */
export function recordParts(record: SubscriberRecord, { zone }: { zone: string }): RecordPart[] {
  const time = (instant: Temporal.Instant | null) => (instant === null ? '' : formatDateTime(instant, zone));
  const { person } = record;
  const part = (title: string, lines: readonly string[]) => ({ title, lines });
  const fields: [string, string | null][] = [
    ['E-mail address', person.email],
    ['Name', person.name],
    ['Membership', person.memberKind === null ? null : MEMBER_KIND_WORDS[person.memberKind]],
    ['HCPC number', person.hcpcNumber],
    ['Declared on', time(person.declaredAt)],
    ['What you declared', record.declaration],
    ['Invited by', person.invitedBy === null ? null : 'another member'],
    ['State', person.state],
    ['On our list since', time(person.createdAt)],
    ['Left on', time(person.leftAt)],
    ['No mail before', time(person.pausedUntil)],
  ];
  return [
    part(
      'Who you are to us',
      fields.filter(([, value]) => value).map(([label, value]) => `${label}: ${value}`),
    ),
    part(
      'What you get mail about',
      record.topics.map((t) => `${t.topic}: ${t.subscribed ? 'yes' : 'no'}, since ${time(t.changedAt)}`),
    ),
    part(
      'What you agreed to and when',
      record.consent.map((event) =>
        [
          `${time(event.at)}: ${event.act}, ${event.topic}, by ${event.source.replaceAll('_', ' ')}`,
          ...(event.note === null ? [] : [`  ${event.note}`]),
          ...(event.wordingText === null ? [] : [`  You were told: ${event.wordingText}`]),
          ...(event.ip === null ? [] : [`  From ${event.ip}, ${event.userAgent ?? 'unknown program'}`]),
        ].join('\n'),
      ),
    ),
    part(
      'Requests to join',
      record.joinRequests.map(
        (request) =>
          `${time(request.requestedAt)}: ${request.topics.join(', ')}` +
          (request.confirmedAt === null ? ', not confirmed' : `, confirmed ${time(request.confirmedAt)}`),
      ),
    ),
    part(
      'Why we do not mail you',
      record.doNotMail.map(
        ({ reason, detail, at }) =>
          `${SUPPRESSION_WORDS[reason]} (${time(at)})${detail ? `\n  What was noted: ${detail}` : ''}`,
      ),
    ),
    part(
      'Messages',
      record.messages.map((m) => `${time(m.settledAt ?? m.plannedFor)}: ${m.title} (${m.kind}), ${m.state}`),
    ),
    part(
      'Mail about your membership',
      record.serviceMails.map((mail) => `${time(mail.createdAt)}: ${mail.kind}, ${mail.state}`),
    ),
    part(
      'Copies of mail that was not sent',
      record.keptMails.map(({ at, subject }) => `${time(at)}: ${subject}`),
    ),
    part('MailerLite', [
      ...record.mailerlite.map(({ id, status, topics }) =>
        id === null
          ? 'Not known there yet.'
          : `Known there as ${id}${status === null ? '' : `, ${status}`}` +
            `${topics.length === 0 ? '' : `, for ${topics.join(', ')}`}.`,
      ),
      ...record.differences.map(
        ({ kind, foundAt, resolvedAt }) =>
          `${time(foundAt)}: ${kind.replaceAll('_', ' ')}${resolvedAt === null ? '' : ', dealt with'}`,
      ),
    ]),
    part(
      'Your answers to invitations',
      record.answers.map(
        (a) =>
          `${time(a.answeredAt)}: ${a.answer} to ${a.meeting} on ${time(a.startsAt)}` +
          (a.question === '' ? '' : `\n  You asked: ${a.question}`),
      ),
    ),
    part(
      'Meetings that you attended',
      record.attendance.map(
        (a) =>
          `${time(a.startsAt)}: ${a.meeting}, ${Math.round(a.seconds / 60)} minutes` +
          `${a.byPhone ? ', by phone' : ''}${a.names.length === 0 ? '' : `, as ${a.names.join(', ')}`}`,
      ),
    ),
    part(
      'Certificates',
      record.certificates.map(
        (c) =>
          `${time(c.issuedAt)}: ${c.title} on ${time(c.heldAt)}, ${c.minutes} minutes, for ${c.name}, ` +
          `check code ${c.checkCode}` +
          (c.revokedAt === null ? '' : `, taken back on ${time(c.revokedAt)}: ${c.revokeReason ?? ''}`),
      ),
    ),
    part(
      'What you handed in for the noticeboard',
      record.items.map(
        (item) =>
          `${time(item.handedInAt)}: ${item.kind}, ${item.title}, ${item.state.replaceAll('_', ' ')}` +
          [item.organisation, item.place, item.contact, item.link, item.text]
            .filter((text) => text)
            .map((text) => `\n  ${text}`)
            .join(''),
      ),
    ),
    part(
      'Imports that did not take you',
      record.imports.map(
        ({ at, fileName, reason }) => `${time(Temporal.Instant.from(at))}: ${fileName}, ${reason ?? ''}`,
      ),
    ),
    part(
      'Complaints',
      record.complaints.map((c) => `${time(c.receivedAt)}: ${c.reference}, ${c.state}\n  ${c.text}`),
    ),
    part(
      'What administrators did',
      record.administration.map(({ at, action }) => `${time(at)}: ${action}`),
    ),
  ];
}
