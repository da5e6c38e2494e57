import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { TOPICS, type ConsentSource, type Topic } from '../db/schema.ts';
import type { SubscriberState } from '../subscribers/consent-state.ts';
import type { Base, Here, TopicHere } from './decide.ts';
import type { ThereStatus, TopicGroups } from './types.ts';

/** A person of ours, with what is known of them in MailerLite. */
export interface Person {
  readonly subscriberId: string;
  readonly email: string;
  readonly emailNormalised: string;
  readonly name: string | null;
  readonly state: SubscriberState;
  readonly createdAt: Temporal.Instant;
  readonly pausedUntil: Temporal.Instant | null;
  readonly suppressed: boolean;
  readonly topics: ReadonlyMap<Topic, TopicHere & { readonly lapsed: boolean }>;
  readonly link: Link | undefined;
}

export interface Link {
  readonly mailerliteId: string | null;
  readonly wantedVersion: number;
  readonly doneVersion: number;
  /** The address that both sides last agreed on. */
  readonly email: string | null;
  /** MailerLite's address, where it is another one. */
  readonly emailThere: string | null;
  readonly status: ThereStatus | 'gone' | null;
  readonly topics: ReadonlySet<Topic>;
  readonly seenAt: Temporal.Instant | null;
  readonly doneAt: Temporal.Instant | null;
  readonly attempts: number;
  /** When they left here once more, having left before. */
  readonly leftAgainAt: Temporal.Instant | null;
  /** When we took them out of a group although they still want the mail, the last few times. */
  readonly takenOutAt: readonly Temporal.Instant[];
}

interface Row {
  id: string;
  email: string;
  emailNormalised: string;
  name: string | null;
  state: SubscriberState;
  createdAt: string;
  pausedUntil: string | null;
  suppressed: boolean;
  topics: { topic: Topic; subscribed: boolean; at: string; act: string; source: ConsentSource }[];
  link: {
    mailerlite_id: string | null;
    wanted_version: number;
    done_version: number;
    email: string | null;
    email_there: string | null;
    status: ThereStatus | 'gone' | null;
    topics: Topic[];
    opted_out_at: string | null;
    seen_at: string | null;
    done_at: string | null;
    attempts: number;
    left_again_at: string | null;
    taken_out_at: string[];
  } | null;
}

/** The people whose id `ids` selects, in the order of their ids. */
export async function readPeople(tx: Tx, ids: SQL): Promise<Person[]> {
  const found = await rows<Row>(
    tx,
    sql`select s.id, s.email, s.email_normalised as "emailNormalised", s.name, s.state,
        to_jsonb(s.created_at) #>> '{}' as "createdAt", to_jsonb(s.paused_until) #>> '{}' as "pausedUntil",
        exists (select 1 from suppressions x where x.email_normalised = s.email_normalised) as suppressed,
        coalesce((
          select jsonb_agg(jsonb_build_object(
            'topic', t.topic, 'subscribed', t.subscribed, 'at', t.changed_at, 'act', e.act,
            'source', e.source))
          from topic_subscriptions t join consent_events e on e.seq = t.event_seq
          where t.subscriber_id = s.id
        ), '[]'::jsonb) as topics,
        (select to_jsonb(l) from mailerlite_links l where l.subscriber_id = s.id) as link
      from subscribers s
      where s.id in (${ids})
      order by s.id`,
  );
  return found.map(personOf);
}

/** Selects the ids of those who are known by one of these MailerLite ids or addresses. */
export function knownBy(mailerliteIds: readonly string[], addresses: readonly string[]): SQL {
  return sql`select l.subscriber_id from mailerlite_links l
      where l.mailerlite_id in (select jsonb_array_elements_text(${JSON.stringify(mailerliteIds)}::text::jsonb))
    union
    select k.id from subscribers k
      where k.email_normalised in (select jsonb_array_elements_text(${JSON.stringify(addresses)}::text::jsonb))`;
}

/** Selects exactly these ids. */
export function theseIds(subscriberIds: readonly string[]): SQL {
  return sql`select jsonb_array_elements_text(${JSON.stringify(subscriberIds)}::text::jsonb)::uuid`;
}

function personOf({ id, createdAt, pausedUntil, topics, link, ...row }: Row): Person {
  return {
    ...row,
    subscriberId: id,
    createdAt: Temporal.Instant.from(createdAt),
    pausedUntil: instantOrNull(pausedUntil),
    topics: new Map(topics.map((row) => [row.topic, topicOf(row, link)])),
    link:
      link === null
        ? undefined
        : {
            mailerliteId: link.mailerlite_id,
            wantedVersion: link.wanted_version,
            doneVersion: link.done_version,
            email: link.email,
            emailThere: link.email_there,
            status: link.status,
            topics: new Set(link.topics),
            seenAt: instantOrNull(link.seen_at),
            doneAt: instantOrNull(link.done_at),
            attempts: link.attempts,
            leftAgainAt: instantOrNull(link.left_again_at),
            takenOutAt: link.taken_out_at.map((at) => Temporal.Instant.from(at)),
          },
  };
}

/** Where people act for themselves. */
const BY_PERSON: ReadonlySet<ConsentSource> = new Set([
  'form',
  'one_click',
  'unsubscribe_page',
  'preferences',
]);

function topicOf({ subscribed, at, act, source }: Row['topics'][number], link: Row['link']) {
  const fromThere = source === 'mailerlite_sync' || source === 'mailerlite_webhook';
  const heard = Temporal.Instant.from(at);
  const optedOut = instantOrNull(link?.opted_out_at ?? null);
  const earlier =
    !subscribed && fromThere && optedOut !== null && Temporal.Instant.compare(optedOut, heard) < 0;
  return {
    subscribed,
    at: earlier ? optedOut : heard,
    fromThere,
    byPerson: BY_PERSON.has(source),
    lapsed: act === 'lapsed',
  };
}

function instantOrNull(text: string | null): Temporal.Instant | null {
  return text === null ? null : Temporal.Instant.from(text);
}

/** Whether nothing may be mailed to them at present although they agreed: a pause, or the do-not-mail list. */
export function isSilent(person: Person, now: Temporal.Instant): boolean {
  return (
    person.suppressed ||
    (person.pausedUntil !== null && Temporal.Instant.compare(person.pausedUntil, now) > 0)
  );
}

/** The topics that they are to get mail about at present. */
export function topicsToMail(person: Person, now: Temporal.Instant): Topic[] {
  if (person.state !== 'active' || isSilent(person, now)) return [];
  return TOPICS.filter((topic) => person.topics.get(topic)?.subscribed === true);
}

/** The person as the comparison takes them. */
export function hereOf(person: Person, now: Temporal.Instant): Here {
  const { state, topics, suppressed, link } = person;
  return {
    state,
    leftAgainAt: link?.leftAgainAt ?? null,
    topics,
    suppressed,
    silent: isSilent(person, now),
    pushPending: link !== undefined && link.wantedVersion > link.doneVersion,
  };
}

/** What both sides last agreed on; undefined before the first look. */
export function baseOf(person: Person, groups: TopicGroups): Base | undefined {
  const { link } = person;
  if (link === undefined || link.status === null || link.status === 'gone') return undefined;
  const seenAt = later(link.seenAt, link.doneAt);
  if (seenAt === null) return undefined;
  const unknown = [...groups.groupOf].filter(
    ([, { mappedAt }]) => Temporal.Instant.compare(mappedAt, seenAt) > 0,
  );
  return {
    status: link.status,
    topics: link.topics,
    seenAt,
    unknown: new Set(unknown.map(([topic]) => topic)),
  };
}

function later(a: Temporal.Instant | null, b: Temporal.Instant | null): Temporal.Instant | null {
  if (a === null || b === null) return a ?? b;
  return Temporal.Instant.compare(a, b) > 0 ? a : b;
}
