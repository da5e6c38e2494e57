/**
 * Links that open a web calendar with the entry filled in. The vendors document none of them; the forms are
 * those collected at https://github.com/InteractionDesignFoundation/add-event-to-calendar-docs. What a reader
 * adds this way is a private copy that never updates.
 */
import { oneLine, textWithLink } from './icalendar-text.ts';

export interface LinkedEvent {
  readonly start: Temporal.Instant;
  readonly durationMinutes: number;
  readonly title: string;
  readonly description: string;
  readonly link?: string | undefined;
  readonly location?: string | undefined;
}

export interface CalendarLinks {
  readonly google: string;
  readonly outlook: string;
  readonly office: string;
  readonly yahoo: string;
}

/** Longer addresses are cut off by some servers and mail programs. */
const MAX_LENGTH = 2000;
const MAX_TITLE = 120;

type Values = readonly (readonly [string, string])[];

function withQuery(base: string, values: Values): string {
  // encodeURIComponent, as some of these pages show the "+" that URLSearchParams writes for a space.
  const query = values
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join('&');
  return `${base}?${query}`;
}

function clip(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length).join('').trimEnd()}\u2026`;
}

/** The address with as much of the text as fits. */
function fitted(text: string, build: (text: string) => string): string {
  let length = Array.from(text).length;
  let address = build(text);
  while (address.length > MAX_LENGTH && length > 0) {
    // A character takes at most twelve places, "%F0%9F%98%80".
    length = Math.max(0, length - Math.ceil((address.length - MAX_LENGTH) / 12));
    address = build(length === 0 ? '' : clip(text, length));
  }
  return address;
}

/** One link per service; the title and the text are shortened so that a link stays below 2,000 characters. */
export function addToCalendarLinks(event: LinkedEvent): CalendarLinks {
  const start = event.start.round('second');
  const end = start.add({ minutes: event.durationMinutes });
  const iso = (instant: Temporal.Instant): string => instant.toString({ smallestUnit: 'second' });
  const basic = (instant: Temporal.Instant): string => iso(instant).replace(/[-:]/g, '');
  const title = clip(oneLine(event.title), MAX_TITLE);
  const location = oneLine(event.location ?? '') || (event.link ?? '');
  const microsoft = (host: string, body: string): string =>
    withQuery(`https://${host}/calendar/deeplink/compose`, [
      ['path', '/calendar/action/compose'],
      ['rru', 'addevent'],
      ['subject', title],
      ['startdt', iso(start)],
      ['enddt', iso(end)],
      ['body', body],
      ['location', location],
    ]);
  const text = textWithLink(event.description, event.link);
  return {
    google: fitted(text, (details) =>
      withQuery('https://calendar.google.com/calendar/render', [
        ['action', 'TEMPLATE'],
        ['text', title],
        ['dates', `${basic(start)}/${basic(end)}`],
        ['details', details],
        ['location', location],
      ]),
    ),
    outlook: fitted(text, (body) => microsoft('outlook.live.com', body)),
    office: fitted(text, (body) => microsoft('outlook.office.com', body)),
    yahoo: fitted(text, (desc) =>
      withQuery('https://calendar.yahoo.com/', [
        ['v', '60'],
        ['TITLE', title],
        ['ST', basic(start)],
        ['ET', basic(end)],
        ['DESC', desc],
        ['in_loc', location],
      ]),
    ),
  };
}
