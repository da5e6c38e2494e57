import fc from 'fast-check';
import ICAL from 'ical.js';
import { describe, expect, it } from 'vitest';
import { addToCalendarLinks, buildFeed, buildInvite } from '../../src/calendar/icalendar.ts';
import type { Invite } from '../../src/calendar/icalendar.ts';
import { contentLines, propertyCounts, wireLines } from './icalendar-reading.ts';

const at = (text: string): Temporal.Instant => Temporal.Instant.from(text);

const INVITE: Invite = {
  method: 'PUBLISH',
  uid: '0190b5d2-0000-7000-8000-000000000001@example.org',
  sequence: 0,
  stamp: at('2027-05-26T08:00:00Z'),
  start: at('2027-06-02T18:00:00Z'),
  durationMinutes: 60,
  title: 'Monthly meeting',
  description: 'Café talk: hands; feet, and more \\ all.\nBring tea.',
  link: 'https://example.org/m/abc/join',
  organiser: { name: 'OT Network: "North"', email: 'chair@example.org' },
};

function parsed(content: string): { calendar: ICAL.Component; events: ICAL.Event[] } {
  const calendar = ICAL.Component.fromString(content);
  return { calendar, events: calendar.getAllSubcomponents('vevent').map((c) => new ICAL.Event(c)) };
}

function theEvent(content: string): ICAL.Event {
  const { events } = parsed(content);
  expect(events).toHaveLength(1);
  return events[0] as ICAL.Event;
}

describe('an invitation', () => {
  const content = buildInvite(INVITE);

  it('names the meeting to a parser as it was given', () => {
    const event = theEvent(content);
    expect(event.uid).toBe(INVITE.uid);
    expect(event.summary).toBe('Monthly meeting');
    expect(event.description).toBe(`${INVITE.description}\n\nJoin online: ${INVITE.link ?? ''}`);
    expect(event.location).toBe(INVITE.link);
    expect(event.sequence).toBe(0);
    expect(event.startDate.toString()).toBe('2027-06-02T18:00:00Z');
    expect(event.endDate.toString()).toBe('2027-06-02T19:00:00Z');
    expect(event.organizer).toBe('mailto:chair@example.org');
    expect(event.component.getFirstProperty('organizer')?.getFirstParameter('cn')).toBe(
      "OT Network: 'North'",
    );
    expect(event.component.getFirstPropertyValue('conference')?.toString()).toBe(INVITE.link);
  });

  it('has the properties that PUBLISH asks for and none that it forbids', () => {
    const counts = propertyCounts(content);
    for (const name of [
      'VERSION',
      'PRODID',
      'METHOD',
      'UID',
      'DTSTAMP',
      'DTSTART',
      'DTEND',
      'SUMMARY',
      'SEQUENCE',
      'ORGANIZER',
      'STATUS',
      'CONFERENCE',
      'URL',
    ]) {
      expect([name, counts[name]]).toEqual([name, 1]);
    }
    for (const name of ['ATTENDEE', 'RRULE', 'TZID', 'X-PUBLISHED-TTL', 'REFRESH-INTERVAL', 'X-WR-CALNAME']) {
      expect([name, counts[name]]).toEqual([name, undefined]);
    }
    const lines = contentLines(content);
    expect(lines.slice(0, 2)).toEqual(['BEGIN:VCALENDAR', 'VERSION:2.0']);
    expect(lines).toContain('METHOD:PUBLISH');
    expect(lines).toContain('STATUS:CONFIRMED');
    expect(lines).toContain('DTSTAMP:20270526T080000Z');
    expect(lines).toContain('DTSTART:20270602T180000Z');
    expect(lines).toContain('DTEND:20270602T190000Z');
    expect(lines.find((line) => line.startsWith('CONFERENCE'))).toContain('VALUE=URI');
    expect(content).not.toContain('TZID');
  });

  it('can hold one alarm, before the start', () => {
    const alarmed = buildInvite({ ...INVITE, alarmMinutes: 1440 });
    const lines = contentLines(alarmed);
    expect(lines.filter((line) => line === 'BEGIN:VALARM')).toHaveLength(1);
    expect(lines.find((line) => line.startsWith('TRIGGER'))).toBe('TRIGGER:-P1D');
    expect(content).not.toContain('VALARM');
  });

  it('is called off by CANCEL with the same UID, a higher SEQUENCE and no alarm', () => {
    const cancelled = buildInvite({
      ...INVITE,
      method: 'CANCEL',
      sequence: 3,
      status: 'CONFIRMED',
      alarmMinutes: 10,
    });
    const lines = contentLines(cancelled);
    expect(lines).toContain('METHOD:CANCEL');
    expect(lines).toContain('STATUS:CANCELLED');
    expect(lines).toContain('SEQUENCE:3');
    expect(lines).toContain(`UID:${INVITE.uid}`);
    expect(cancelled).not.toMatch(/VALARM|ATTENDEE/);
    expect(propertyCounts(cancelled)).toMatchObject({ DTSTAMP: 1, ORGANIZER: 1, UID: 1 });
  });

  it('is the same text for the same input, and moves with the clocks of its date', () => {
    expect(buildInvite(INVITE)).toBe(content);
    expect(buildInvite({ ...INVITE, start: at('2027-01-06T19:00:00Z') })).toContain(
      'DTSTART:20270106T190000Z',
    );
    expect(buildInvite({ ...INVITE, start: at('2027-03-28T00:30:00Z'), durationMinutes: 90 })).toContain(
      'DTEND:20270328T020000Z',
    );
  });

  it('takes a place beside the link, and leaves a link in the text alone', () => {
    const event = theEvent(
      buildInvite({ ...INVITE, location: 'Room 4, Leeds', description: `Join at ${INVITE.link ?? ''}` }),
    );
    expect(event.location).toBe('Room 4, Leeds');
    expect(event.description).toBe(`Join at ${INVITE.link ?? ''}`);
    const plain = buildInvite({ ...INVITE, link: undefined, description: '' });
    expect(plain).not.toMatch(/LOCATION|URL|CONFERENCE|DESCRIPTION/);
  });

  it.each([
    [{ title: ' \r\n ' }, 'title'],
    [{ durationMinutes: 0 }, 'durationMinutes'],
    [{ durationMinutes: 1.5 }, 'durationMinutes'],
    [{ sequence: -1 }, 'sequence'],
    [{ link: 'javascript:alert(1)' }, 'link'],
    [{ link: 'not a link' }, 'link'],
    [{ organiser: { name: 'A', email: 'a b@example.org' } }, 'organiser'],
    [{ organiser: { name: 'A', email: 'a@example.org\r\nATTENDEE:mailto:x@example.org' } }, 'organiser'],
  ])('%j is refused', (change, field) => {
    expect(() => buildInvite({ ...INVITE, ...change })).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ field })] }),
    );
  });
});

describe('hostile text', () => {
  const nasty = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '\r\n',
          '\r',
          '\n',
          '\u2028',
          '\u0085',
          '"',
          '\\',
          '\\n',
          ';',
          ',',
          ':',
          '^',
          '👩\u200d⚕️',
          'é',
          '\ud800',
          '\ufeff',
          '\u0000',
          '\r\nATTENDEE:mailto:x@example.org',
          '\r\nEND:VEVENT\r\nBEGIN:VEVENT',
          'x'.repeat(80),
        ),
      ),
      { maxLength: 40 },
    )
    // By U+FFFD the reader knows a character that was torn apart: nothing that is given may hold one.
    .map((parts) => parts.join('').replaceAll('\ufffd', ''));

  it('breaks neither the lines nor the structure', () => {
    const shape = propertyCounts(buildInvite({ ...INVITE, alarmMinutes: 5, location: 'x' }));
    fc.assert(
      fc.property(nasty, nasty, nasty, nasty, (title, description, name, location) => {
        const content = buildInvite({
          ...INVITE,
          title: `T${title}`,
          description: `D${description}`,
          location: `L${location}`,
          organiser: { name: `N${name}`, email: 'chair@example.org' },
          alarmMinutes: 5,
        });
        expect(propertyCounts(content)).toEqual(shape);
        const event = theEvent(content);
        expect(event.summary).toMatch(/^T/);
        expect(event.summary).not.toContain('\n');
        expect(event.description).toMatch(/^D/);
        expect(event.organizer).toBe('mailto:chair@example.org');
      }),
      { numRuns: 150 },
    );
  });

  it('of 300 characters comes through whole', () => {
    for (const unit of ['é', '漢', '👩\u200d⚕️', 'a,b;c\\ ', '– ']) {
      const title = `A${unit.repeat(Math.ceil(300 / unit.length))}B`;
      const content = buildInvite({ ...INVITE, title });
      expect(wireLines(content).length).toBeGreaterThan(10);
      expect(theEvent(content).summary).toBe(title);
    }
  });

  it('of every length folds at 75 octets', () => {
    for (let length = 1; length < 160; length += 1) {
      for (const unit of ['a', 'é', '😀']) {
        expect(theEvent(buildInvite({ ...INVITE, title: unit.repeat(length) })).summary).toBe(
          unit.repeat(length),
        );
        wireLines(buildInvite({ ...INVITE, title: unit.repeat(length) }));
      }
    }
  });

  it('in the name of the calendar is harmless too', () => {
    const content = buildFeed({
      name: 'A, "B"; C\\\r\nMETHOD:CANCEL',
      zone: 'Europe/London',
      events: [],
      stamp: INVITE.stamp,
    });
    expect(contentLines(content)).toContain("X-WR-CALNAME:A\\, 'B'\\; C\\\\ METHOD:CANCEL");
    expect(propertyCounts(content)['METHOD']).toBeUndefined();
  });
});

describe('a feed', () => {
  const { method: _method, stamp, ...event } = INVITE;
  const feed = buildFeed({
    name: 'Northern OT Network',
    zone: 'Europe/London',
    stamp,
    events: [
      event,
      {
        ...event,
        uid: 'two@example.org',
        start: at('2027-12-01T19:00Z'),
        changedAt: at('2027-05-01T10:00Z'),
      },
      { ...event, uid: 'three@example.org', sequence: 4, status: 'CANCELLED' },
    ],
  });

  it('holds one entry per meeting, each with its own UID, in UTC', () => {
    const { events } = parsed(feed);
    expect(events.map((e) => e.uid)).toEqual([INVITE.uid, 'two@example.org', 'three@example.org']);
    expect(events.map((e) => e.startDate.toString())).toEqual([
      '2027-06-02T18:00:00Z',
      '2027-12-01T19:00:00Z',
      '2027-06-02T18:00:00Z',
    ]);
    expect(propertyCounts(feed)).not.toHaveProperty('RRULE');
  });

  it('keeps the cancelled ones, marked', () => {
    const statuses = parsed(feed).events.map((e) => e.component.getFirstPropertyValue('status'));
    expect(statuses).toEqual(['CONFIRMED', 'CONFIRMED', 'CANCELLED']);
  });

  it('is named, says how often to ask, and has no METHOD', () => {
    const lines = contentLines(feed);
    for (const line of [
      'NAME:Northern OT Network',
      'X-WR-CALNAME:Northern OT Network',
      'X-WR-TIMEZONE:Europe/London',
      'REFRESH-INTERVAL;VALUE=DURATION:PT6H',
      'X-PUBLISHED-TTL:PT6H',
    ]) {
      expect(lines.filter((l) => l === line)).toHaveLength(1);
    }
    expect(propertyCounts(feed)['METHOD']).toBeUndefined();
  });

  it('stamps an entry with its last change, so that asking again gives the same text', () => {
    const stamps = contentLines(feed).filter((line) => line.startsWith('DTSTAMP'));
    expect(stamps).toEqual([
      'DTSTAMP:20270526T080000Z',
      'DTSTAMP:20270501T100000Z',
      'DTSTAMP:20270526T080000Z',
    ]);
  });

  it('can hold entries of whole days, which make nobody busy', () => {
    const day = Temporal.PlainDate.from('2027-10-31');
    const days = (from: Temporal.PlainDate, to: Temporal.PlainDate) => {
      const content = buildFeed({
        name: 'N',
        zone: 'Europe/London',
        stamp,
        events: [{ ...INVITE, days: { from, to } }],
      });
      expect(theEvent(content).startDate.isDate).toBe(true);
      return contentLines(content);
    };
    expect(days(day, day)).toEqual(
      expect.arrayContaining([
        'DTSTART;VALUE=DATE:20271031',
        'DTEND;VALUE=DATE:20271101',
        'TRANSP:TRANSPARENT',
      ]),
    );
    expect(days(day, day.add({ days: 2 }))).toContain('DTEND;VALUE=DATE:20271103');
  });

  it('may be empty', () => {
    const empty = buildFeed({ name: 'N', zone: 'Europe/London', events: [], stamp });
    expect(parsed(empty).events).toEqual([]);
    wireLines(empty);
  });
});

describe('the links that fill in a web calendar', () => {
  const links = addToCalendarLinks({ ...INVITE, title: 'Talk & tea + more' });

  it('name the same meeting everywhere', () => {
    const google = new URL(links.google).searchParams;
    expect(google.get('dates')).toBe('20270602T180000Z/20270602T190000Z');
    expect(google.get('text')).toBe('Talk & tea + more');
    expect(google.get('location')).toBe(INVITE.link);
    for (const link of [links.outlook, links.office]) {
      const query = new URL(link).searchParams;
      expect(query.get('startdt')).toBe('2027-06-02T18:00:00Z');
      expect(query.get('enddt')).toBe('2027-06-02T19:00:00Z');
      expect(query.get('subject')).toBe('Talk & tea + more');
      expect(query.get('body')).toContain('Bring tea.');
    }
    const yahoo = new URL(links.yahoo).searchParams;
    expect(yahoo.get('ST')).toBe('20270602T180000Z');
    expect(yahoo.get('ET')).toBe('20270602T190000Z');
    expect(links.google).not.toContain('+');
  });

  it('stay short, however long the text', () => {
    const long = addToCalendarLinks({
      ...INVITE,
      title: '👩\u200d⚕️'.repeat(100),
      description: 'é'.repeat(5000),
    });
    for (const link of Object.values(long)) {
      expect(link.length).toBeLessThanOrEqual(2000);
      expect(() => decodeURIComponent(link)).not.toThrow();
    }
    expect(new URL(long.google).searchParams.get('dates')).toBe('20270602T180000Z/20270602T190000Z');
  });
});
