/**
 * Calendar files (RFC 5545) for meetings: one entry per meeting, in UTC, without a recurrence rule, so that no
 * calendar program has to know our time zone. `ics` writes the core of an event, ical.js reads that back,
 * takes the parts that `ics` cannot write (RFC 7986, organiser, alarm) and puts it out again. The same input
 * gives the same text on every machine.
 */
import ICAL from 'ical.js';
import { createEvents } from 'ics';
import type { DateTime, EventAttributes } from 'ics';
import { invalidInput } from '../kernel/errors.ts';
import { escapeText, oneLine, parameterText, refold, textWithLink } from './icalendar-text.ts';

export { addToCalendarLinks } from './add-to-calendar.ts';

const PRODUCT = '-//Convenor//Convenor//EN';

export interface CalendarEvent {
  /** One per meeting, for ever: every version of the entry carries it. No personal data. */
  readonly uid: string;
  /** Starts at 0 and rises with every change that people are told of (RFC 5546 section 2.1.4). */
  readonly sequence: number;
  readonly start: Temporal.Instant;
  readonly durationMinutes: number;
  /** For an entry of whole days, the first and the last of them; start and length are then left out. */
  readonly days?: { readonly from: Temporal.PlainDate; readonly to: Temporal.PlainDate } | undefined;
  readonly title: string;
  /** Plain text, lines separated by `\n`. */
  readonly description: string;
  /** Where to join online, http or https. It is also the location when there is no other. */
  readonly link?: string | undefined;
  readonly location?: string | undefined;
  readonly organiser: { readonly name: string; readonly email: string };
  /** Confirmed unless said otherwise; a CANCEL is always cancelled. */
  readonly status?: 'CONFIRMED' | 'TENTATIVE' | 'CANCELLED' | undefined;
}

export interface Invite extends CalendarEvent {
  readonly method: 'PUBLISH' | 'CANCEL';
  /** When the entry is sent (DTSTAMP). */
  readonly stamp: Temporal.Instant;
  /** Reminds the reader so many minutes before the start; a CANCEL never does. */
  readonly alarmMinutes?: number | undefined;
}

interface FeedEvent extends CalendarEvent {
  /** When the meeting was last changed; the feed's `stamp` if left out. */
  readonly changedAt?: Temporal.Instant | undefined;
}

export interface Feed {
  readonly name: string;
  /** The zone in which the group reads its calendar; the events themselves are in UTC. */
  readonly zone: string;
  readonly events: readonly FeedEvent[];
  readonly stamp: Temporal.Instant;
  /** How often a subscribed program should ask again, in hours; 6 if left out. A hint, which some ignore. */
  readonly refreshHours?: number | undefined;
}

/**
 * The file for one meeting, to be attached to a mail: PUBLISH announces or changes it, CANCEL takes it back.
 * As RFC 5546 sections 3.2.1 and 3.2.5 ask: an organiser, no attendee, and no alarm in a CANCEL.
 *
 * @throws invalidInput on `title`, `link`, `durationMinutes`, `sequence` or `organiser`
 */
export function buildInvite(invite: Invite): string {
  const cancelled = invite.method === 'CANCEL';
  const calendar = writeCore([invite], invite.method, () => invite.stamp, cancelled);
  for (const event of calendar.getAllSubcomponents('vevent')) {
    if (!cancelled && invite.alarmMinutes !== undefined) addAlarm(event, invite.alarmMinutes, invite.title);
  }
  return refold(calendar.toString());
}

/**
 * The file that calendar programs subscribe to: one entry per meeting, cancelled ones included, each with its
 * own UID. Without METHOD, hence DTSTAMP says when the entry last changed (RFC 5545 section 3.8.7.2).
 *
 * @throws invalidInput as `buildInvite`
 */
export function buildFeed(feed: Feed): string {
  const calendar = writeCore(feed.events, undefined, (event) => event.changedAt ?? feed.stamp, false);
  const name = escapeText(oneLine(feed.name));
  calendar.addPropertyWithValue('name', name);
  calendar.addPropertyWithValue('x-wr-calname', name);
  calendar.addPropertyWithValue('x-wr-timezone', feed.zone);
  const refresh = new ICAL.Property('refresh-interval');
  refresh.resetType('duration');
  refresh.setValue(ICAL.Duration.fromSeconds((feed.refreshHours ?? 6) * 3600));
  calendar.addProperty(refresh);
  calendar.addPropertyWithValue('x-published-ttl', refresh.getFirstValue()?.toString() ?? '');
  return refold(calendar.toString());
}

function writeCore<E extends CalendarEvent>(
  events: readonly E[],
  method: Invite['method'] | undefined,
  stampOf: (event: E) => Temporal.Instant,
  cancelled: boolean,
): InstanceType<typeof ICAL.Component> {
  const attributes = events.map((event) => coreOf(event, stampOf(event), cancelled));
  const { error, value } = createEvents(attributes, { productId: PRODUCT, method: method ?? '' });
  if (error !== null || value === null) {
    throw new Error('The calendar entry could not be written', { cause: error });
  }
  const calendar = ICAL.Component.fromString(value);
  // ics puts one hour here whatever the file is for.
  calendar.removeAllProperties('x-published-ttl');
  calendar.getAllSubcomponents('vevent').forEach((component, i) => {
    const event = events[i];
    if (event !== undefined) complete(component, event);
  });
  return calendar;
}

function coreOf(event: CalendarEvent, stamp: Temporal.Instant, cancelled: boolean): EventAttributes {
  check(event);
  const status = cancelled ? 'CANCELLED' : (event.status ?? 'CONFIRMED');
  const attributes: EventAttributes & { timestamp: number } = {
    uid: oneLine(event.uid),
    sequence: event.sequence,
    timestamp: stamp.epochMilliseconds,
    lastModified: stamp.epochMilliseconds,
    ...spanOf(event),
    title: oneLine(event.title),
    status,
    // A day on which something closes does not make its reader busy.
    transp: status === 'CANCELLED' || event.days ? 'TRANSPARENT' : 'OPAQUE',
    ...optional('description', textWithLink(event.description, linkOf(event))),
    ...optional('location', oneLine(event.location ?? '') || (linkOf(event) ?? '')),
  };
  return attributes;
}

/** The end of whole days is the day after the last (RFC 5545 section 3.6.1). */
function spanOf({ start, durationMinutes, days }: CalendarEvent): { start: DateTime; end: DateTime } {
  if (days === undefined) {
    return {
      start: start.epochMilliseconds,
      end: start.add({ minutes: durationMinutes }).epochMilliseconds,
    };
  }
  const parts = ({ year, month, day }: Temporal.PlainDate): [number, number, number] => [year, month, day];
  return { start: parts(days.from), end: parts(days.to.add({ days: 1 })) };
}

function optional<K extends string>(key: K, value: string): Partial<Record<K, string>> {
  return value === '' ? {} : ({ [key]: value } as Record<K, string>);
}

function linkOf(event: CalendarEvent): string | undefined {
  return event.link === undefined ? undefined : new URL(event.link).href;
}

function check(event: CalendarEvent): void {
  const fail = (field: string, message: string): never => {
    throw invalidInput({ field, message });
  };
  if (oneLine(event.title) === '') fail('title', 'must not be empty');
  if (oneLine(event.uid) === '') fail('uid', 'must not be empty');
  if (!Number.isInteger(event.durationMinutes) || event.durationMinutes < 1) {
    fail('durationMinutes', 'must be a whole number of minutes, at least 1');
  }
  if (!Number.isInteger(event.sequence) || event.sequence < 0)
    fail('sequence', 'must be a whole number from 0');
  if (
    event.link !== undefined &&
    !(URL.canParse(event.link) && /^https?:$/.test(new URL(event.link).protocol))
  ) {
    fail('link', 'must be a web address such as https://example.org/join');
  }
  if (!/^[^\s\p{Cc}"<>,;:\\]+@[^\s\p{Cc}"<>,;:\\@]+$/u.test(event.organiser.email)) {
    fail('organiser', 'must have an e-mail address such as chair@example.org');
  }
}

function complete(component: InstanceType<typeof ICAL.Component>, event: CalendarEvent): void {
  const organiser = new ICAL.Property('organizer');
  const name = parameterText(event.organiser.name);
  if (name !== '') organiser.setParameter('cn', name);
  organiser.setValue(`mailto:${event.organiser.email}`);
  component.addProperty(organiser);
  const link = linkOf(event);
  if (link === undefined) return;
  component.addPropertyWithValue('url', link);
  // RFC 7986 section 5.11.
  const conference = new ICAL.Property('conference');
  conference.resetType('uri');
  conference.setParameter('feature', 'VIDEO');
  conference.setParameter('label', 'Join online');
  conference.setValue(link);
  component.addProperty(conference);
}

/** RFC 5545 section 3.6.6. */
function addAlarm(event: InstanceType<typeof ICAL.Component>, minutes: number, title: string): void {
  const alarm = new ICAL.Component('valarm');
  alarm.addPropertyWithValue('action', 'DISPLAY');
  alarm.addPropertyWithValue('trigger', ICAL.Duration.fromSeconds(-60 * minutes));
  alarm.addPropertyWithValue('description', oneLine(title));
  event.addSubcomponent(alarm);
}
