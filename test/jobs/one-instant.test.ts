/**
 * One meeting, told in every output, read back by machine: the mails as a mail server took them, the calendar part,
 * the links into calendars, the WhatsApp text, the feed and the web pages. The process's own zone must not matter, so
 * all of it is repeated under three.
 */
import ICAL from 'ical.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliver } from '../../jobs/deliver.ts';
import { freeze } from '../../jobs/freeze.ts';
import { runAnnouncements } from '../../jobs/run-announcements.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft } from '../../src/announcements/compose.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { approveDraft, prepareDraft } from '../../src/drafts/prepare.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import type { Services } from '../../src/process/app.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';
import { openSite, type Site } from '../web/site.ts';

const jobs = [freeze, runAnnouncements, deliver];
const ownZone = process.env['TZ'];
let database: OpenDatabase;
let site: Site;
let server: MailServer;
let services: Services;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  server = await startMailServer();
  services = testServices(database, site.clock, { smtpUrl: server.url });
});
afterAll(async () => {
  await services.mailer.close();
  await server.close();
  await site.app.close();
  await database.close();
});
beforeEach(async () => {
  await emptyDatabase(database);
  server.mails.length = 0;
});
afterEach(() => {
  if (ownZone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = ownZone;
});

const MONTHS = 'January February March April May June July August September October November December';
const WORDS =
  /(\w+day) (\d+) (\w+) (\d{4}),\s+(\d+)(?:\.(\d\d))? (am|pm)(?: to \d+(?:\.\d\d)? (?:am|pm))? \(UK time\)/g;

/** The instants that a text for people names, in UTC; the weekday must be right too. */
function inWords(text: string): string[] {
  return [...text.matchAll(WORDS)].map(([, weekday, day, month, year, hour, minute = '0', half]) => {
    const wall = Temporal.PlainDateTime.from({
      year: Number(year),
      month: MONTHS.split(' ').indexOf(month!) + 1,
      day: Number(day),
      hour: (Number(hour) % 12) + (half === 'pm' ? 12 : 0),
      minute: Number(minute),
    });
    expect(wall.toLocaleString('en-GB', { weekday: 'long' })).toBe(weekday);
    return wall.toZonedDateTime('Europe/London').toInstant().toString();
  });
}

/** The starts in a calendar file, in UTC. */
function inCalendar(file: string): string[] {
  return new ICAL.Component(ICAL.parse(file) as unknown[])
    .getAllSubcomponents('vevent')
    .map((event) => event.getFirstPropertyValue('dtstart') as ICAL.Time)
    .map((start) => Temporal.Instant.fromEpochMilliseconds(start.toUnixTime() * 1000).toString());
}

/** The instants in links that add the meeting to a calendar, in UTC. */
function inLinks(html: string): string[] {
  const links = html.replaceAll('&#x3D;', '=').replaceAll('&amp;', '&');
  return [...links.matchAll(/[?&](?:dates|startdt|ST)=((?:[\dTZ:-]|%3A)+)/g)].map(([, value]) =>
    Temporal.Instant.from(decodeURIComponent(value!)).toString(),
  );
}

const inTimes = (html: string) => [...html.matchAll(/<time datetime="([^"]+)"/g)].map(([, value]) => value!);
const plain = (html: string) => html.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

describe.each([
  ['UTC', 0, 0],
  ['Europe/London', 0, -60],
  ['America/New_York', 300, 240],
])('a meeting, with the process in %s', (zone, inWinter, inSummer) => {
  it.each([
    ['January', '2027-01-06T19:00', '2027-01-06T19:00:00Z'],
    ['June', '2027-06-02T19:00', '2027-06-02T18:00:00Z'],
  ])(
    'names the same instant in mails, calendar, WhatsApp text, feed and pages in %s',
    async (_, wall, at) => {
      process.env['TZ'] = zone;
      expect([0, 6].map((month) => new Date(2027, month, 1).getTimezoneOffset())).toEqual([
        inWinter,
        inSummer,
      ]);
      const start = Temporal.Instant.from(at);
      site.clock.set(start.subtract({ hours: 30 }));
      await setUpOrganisation(services);
      await addPeople(database.db, site.clock, 1);
      const by = planning(site.clock);
      const meeting = await addMeeting(database.db, singleMeeting(wall, { remind: ['1h'] }), by);
      const input = parseDraftInput(
        {
          kind: 'meeting_invitation',
          meetingId: meeting.id,
          subject: 'Join us on {{meetingWhen}}',
          body: 'Hello {{name|there}}, come on {{meetingWhen}}. [Join us]({{joinUrl}})\n\nPasscode: 123456',
        },
        { zone: 'Europe/London', mailerlite: false },
      );
      const { announcement } = await createDraft(database.db, input, { ...by, zone: 'Europe/London' });
      const { hash, findings, content } = await prepareDraft(services, announcement.id);
      await approveDraft(
        services,
        announcement.id,
        { hash, confirmedWarnings: findings.map(findingKey) },
        'admin:1',
      );
      site.clock.advance({ minutes: 10 });
      await runDueWork(jobs, services);
      const get = async (url: string) => (await site.app.inject({ url })).body;
      const said: Record<string, string[]> = {
        feed: inCalendar(await get('/calendar.ics')),
        'calendar file': inCalendar(await get(`/m/${meeting.id}.ics`)),
        'WhatsApp text': inWords(content.whatsapp!),
      };
      for (const page of [`/m/${meeting.id}`, `/a/${announcement.id}`]) {
        const html = await get(page);
        said[`words of ${page}`] = inWords(plain(html));
        if (page.startsWith('/m/')) {
          said[`times of ${page}`] = inTimes(html);
          said[`links of ${page}`] = inLinks(html);
        }
      }
      site.clock.set(start.subtract({ hours: 1 }));
      await runDueWork(jobs, services);
      expect(server.mails).toHaveLength(2);
      for (const [index, taken] of server.mails.entries()) {
        const mail = await server.parse(taken);
        const part = mail.attachments.find(({ mimeType }) => mimeType === 'text/calendar')!;
        said[`mail ${index}: subject`] = inWords(mail.subject!);
        said[`mail ${index}: HTML`] = inWords(plain(mail.html!));
        said[`mail ${index}: times`] = inTimes(mail.html!);
        said[`mail ${index}: links`] = inLinks(mail.html!);
        said[`mail ${index}: text`] = inWords(mail.text!);
        said[`mail ${index}: calendar`] = inCalendar(new TextDecoder().decode(part.content as ArrayBuffer));
      }
      for (const [where, instants] of Object.entries(said)) {
        expect([where, [...new Set(instants)]]).toEqual([where, [at]]);
      }
      expect(content.whatsapp!.split('\n')[2]).toBe(`https://network.example.org/m/${meeting.id}/join`);
      expect(content.whatsapp!.match(/https?:/g)).toHaveLength(1);
      expect(content.whatsapp).not.toContain('123456');
    },
  );
});
