import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import ICAL from 'ical.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import {
  addSeries,
  cancelMeeting,
  decideMeeting,
  moveMeeting,
} from '../../src/announcements/meeting-changes.ts';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { announcements, meetings, subscribers } from '../../src/db/schema.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import type { Meeting } from '../../src/meetings/occurrences.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import type { Services } from '../../src/process/app.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { addSubscriber } from '../../src/subscribers/subscribers.ts';
import { ManualClock } from '../support/clock.ts';
import { openTestDatabase } from '../support/database.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { monthlySeries, planning } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

/**
 * Two years of the group's life, with the clock in our hand: meetings on bank holidays, moved and cancelled, people
 * who join and leave, both changes of the clocks twice. A simple model written here, which knows nothing of the
 * planner, says after each day what people must have got.
 */
const SEED = 20_261_101;
const START = Temporal.PlainDate.from('2026-11-01');
const END = Temporal.PlainDate.from('2028-11-01');
const ZONE = 'Europe/London';

interface Sent {
  readonly to: string;
  readonly at: Temporal.Instant;
  readonly method: string;
  readonly uid: string;
  readonly sequence: number;
  readonly start: string;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const clock = new ManualClock('2026-11-01T10:00:00Z');
const context = planning(clock);
let database: OpenDatabase;
let server: MailServer;
let services: Services;
const sent: Sent[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  server = await startMailServer();
  services = testServices(database, clock, { smtpUrl: server.url });
  await setUpOrganisation(services);
  await changeSetting(database.db, 'bankHolidays', 'england-and-wales', context);
  const settings = await services.settings();
  services = { ...services, settings: () => Promise.resolve(settings) };
});
afterAll(async () => {
  await services.mailer.close();
  await server.close();
  await database.close();
});

async function work(): Promise<void> {
  await runDueWork(jobs, services);
  for (const mail of server.mails.splice(0)) {
    const parsed = await server.parse(mail);
    const part = parsed.attachments.find((file) => file.mimeType === 'text/calendar');
    if (!part) continue;
    const text = new TextDecoder().decode(part.content as ArrayBuffer);
    const event = new ICAL.Event(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent('vevent')!);
    sent.push({
      to: mail.to,
      at: clock.now(),
      method: /^METHOD:(\w+)/m.exec(text)![1]!,
      uid: event.uid,
      sequence: event.sequence,
      start: event.startDate.toJSDate().toISOString(),
    });
  }
}

/**
 * Goes through one day of the clock, stopping at each minute at which a notice is planned or closes, and at noon when
 * something happens. On a day without either the program would find nothing to do but its rounds, which one day a
 * week shows as well.
 */
async function liveThrough(day: Temporal.PlainDate, atNoon: () => Promise<boolean>): Promise<void> {
  const noon = day.toZonedDateTime({ timeZone: ZONE, plainTime: '12:00' }).toInstant();
  const end = day.add({ days: 1 }).toZonedDateTime(ZONE).toInstant();
  let acted = false;
  for (;;) {
    const planned = await nextPlanned();
    const next = [...(planned ? [planned] : []), ...(acted ? [] : [noon]), end].sort((a, b) =>
      Temporal.Instant.compare(a, b),
    )[0]!;
    if (Temporal.Instant.compare(next, end) >= 0) break;
    clock.set(next);
    let worth = planned?.equals(next) === true;
    if (!acted && next.equals(noon)) {
      acted = true;
      worth = (await atNoon()) || day.dayOfWeek === 1 || worth;
    }
    if (worth) await work();
  }
  clock.set(end);
}

/** The next instant at which an announcement is to go out or is of no use any more. */
async function nextPlanned(): Promise<Temporal.Instant | undefined> {
  const [row] = await rows<{ at: string | null }>(
    database.db,
    sql`select to_json(min(at)) #>> '{}' as at from (
      select unnest(array[send_at, late_after]) as at from announcements
      where state in ('approved', 'awaiting_approval')
    ) m where at > ${clock.now().toString()}::timestamptz`,
  );
  return row?.at ? Temporal.Instant.from(row.at) : undefined;
}

async function tableSizes(): Promise<Map<string, number>> {
  const sizes = await rows<{ name: string; n: number }>(
    database.db,
    sql`select table_name as name, (xpath('/row/n/text()', query_to_xml(
        format('select count(*) as n from %I', table_name), false, true, '')))[1]::text::int as n
      from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  return new Map(sizes.map(({ name, n }) => [name, n]));
}

describe('two years of the group', () => {
  it('go right to the minute, to the person and to the version', { timeout: 600_000 }, async () => {
    const random = fc.sample(fc.noBias(fc.integer({ min: 0, max: 999_999 })), {
      numRuns: 20_000,
      seed: SEED,
    });
    let drawn = 0;
    const chance = (probability: number) => random[drawn++ % random.length]! < probability * 1_000_000;
    const members = new Map<
      string,
      { id: string; since: Temporal.Instant; until: Temporal.Instant | null }
    >();
    const versions = new Map<string, { from: Temporal.Instant; meeting: Meeting }[]>();
    const heap: number[] = [];

    const note = (meeting: Meeting) => {
      versions.set(meeting.uid, [...(versions.get(meeting.uid) ?? []), { from: clock.now(), meeting }]);
    };
    const join = async () => {
      const email = `person${members.size}@example.org`;
      const subscriber = await addSubscriber(
        database.db,
        { email, name: `Person ${members.size}`, topics: ['meetings'] },
        { clock, actor: 'test', addressHash: services.addressHash },
      );
      members.set(email, { id: subscriber.id, since: clock.now(), until: null });
    };
    for (let n = 0; n < 6; n++) await join();
    // The first Monday falls on a bank holiday in January (sometimes) and in May (always).
    const series = monthlySeries(clock, { rule: 'FREQ=MONTHLY;BYDAY=1MO' });
    for (const meeting of (await addSeries(database.db, series, context)).meetings) note(meeting);

    for (let day = START; Temporal.PlainDate.compare(day, END) < 0; day = day.add({ days: 1 })) {
      await liveThrough(day, async () => {
        let happened = false;
        if (chance(0.02)) {
          await join();
          happened = true;
        }
        const staying = [...members.values()].filter((member) => member.until === null);
        if (staying.length > 3 && chance(0.015)) {
          const [leaver] = staying;
          await unsubscribe(
            database.db,
            { subscriberId: leaver!.id, topic: 'all', source: 'one_click' },
            { clock },
          );
          leaver!.until = clock.now();
          happened = true;
        }
        const soon = clock.now().add({ hours: 72 });
        for (const meeting of await database.db.select().from(meetings)) {
          if (!versions.has(meeting.uid)) note(meeting);
          const known = versions.get(meeting.uid)!.length;
          if (Temporal.Instant.compare(meeting.startsAt, soon) < 0) continue;
          if (meeting.status === 'undecided' && chance(0.2)) {
            note(await decideMeeting(database.db, meeting.id, chance(0.5) ? 'keep' : 'skip', context));
          } else if (meeting.status === 'scheduled' && chance(0.004)) {
            const start = meeting.startsAt
              .toZonedDateTimeISO(ZONE)
              .add({ days: 3 })
              .with({ hour: 18, minute: 30 });
            const change = parseMeetingChange({ start: start.toPlainDateTime().toString() }, ZONE);
            note(await moveMeeting(database.db, meeting.id, change, context));
          } else if (meeting.status === 'scheduled' && chance(0.002)) {
            note(await cancelMeeting(database.db, meeting.id, null, context));
          }
          happened ||= versions.get(meeting.uid)!.length > known;
        }
        return happened;
      });
      if (day.day === 1) {
        collectGarbage();
        heap.push(process.memoryUsage().heapUsed);
      }
    }

    const versionAt = (uid: string, at: Temporal.Instant) =>
      versions.get(uid)!.findLast(({ from }) => Temporal.Instant.compare(from, at) <= 0)!.meeting;
    const wrong: string[] = [];
    for (const mail of sent) {
      const wall = mail.at.toZonedDateTimeISO(ZONE);
      const meeting = versionAt(mail.uid, mail.at);
      const member = members.get(mail.to)!;
      if (wall.hour >= 22 || wall.hour < 8) wrong.push(`in the quiet hours: ${wall.toString()}`);
      if (mail.start !== meeting.startsAt.toString({ fractionalSecondDigits: 3 }))
        wrong.push(`wrong hour: ${mail.start}`);
      if (mail.sequence !== meeting.sequence) wrong.push(`wrong version: ${mail.uid}`);
      if ((mail.method === 'CANCEL') !== (meeting.status === 'cancelled'))
        wrong.push(`wrong method: ${mail.uid}`);
      if (member.until && Temporal.Instant.compare(member.until, mail.at) < 0)
        wrong.push(`left before: ${mail.to}`);
    }
    const once = new Set(sent.map((mail) => `${mail.to} ${mail.uid} ${mail.at.toString()}`));
    expect(once.size).toBe(sent.length);
    expect(wrong).toEqual([]);

    let reminded = 0;
    for (const [uid, history] of versions) {
      const { meeting } = history.at(-1)!;
      if (meeting.status !== 'scheduled' || Temporal.Instant.compare(meeting.startsAt, clock.now()) > 0)
        continue;
      const start = meeting.startsAt.toZonedDateTimeISO(ZONE);
      const expected = [
        start.subtract({ days: 7 }).with({ hour: 9, minute: 0 }),
        start.subtract({ days: 1 }).with({ hour: 9, minute: 0 }),
        start.subtract({ hours: 1 }),
      ].map((at) => at.toInstant());
      const changedAt = history.at(-1)!.from;
      for (const at of expected.filter((moment) => Temporal.Instant.compare(moment, changedAt) > 0)) {
        const audience = [...members].filter(
          ([, member]) =>
            Temporal.Instant.compare(member.since, at) <= 0 &&
            (member.until === null || Temporal.Instant.compare(member.until, at) > 0),
        );
        const got = sent.filter((mail) => mail.uid === uid && mail.at.equals(at)).map((mail) => mail.to);
        const alreadySent = sent.some(
          (mail) => mail.uid === uid && Temporal.Instant.compare(mail.at, changedAt) < 0,
        );
        if (got.length === 0 && alreadySent) continue;
        expect(got.sort(), `${uid} at ${at.toString()}`).toEqual(audience.map(([email]) => email).sort());
        reminded += 1;
      }
    }
    expect(reminded).toBeGreaterThan(40);
    const open = (await database.db.select().from(announcements)).filter(
      (row) =>
        Temporal.Instant.compare(row.lateAfter, clock.now()) < 0 &&
        ['approved', 'sending'].includes(row.state),
    );
    expect(open).toEqual([]);
    // Those who left longer ago than the group keeps them have been let go.
    const keptSince = END.subtract({ months: 12 }).toZonedDateTime(ZONE).toInstant();
    const kept = [...members.values()].filter(
      ({ until }) => until === null || Temporal.Instant.compare(until, keptSince) >= 0,
    );
    const still = await database.db.select({ id: subscribers.id }).from(subscribers);
    expect(still.map(({ id }) => id).sort()).toEqual(kept.map(({ id }) => id).sort());
    // Other files may have left something in this process, so what counts is what came on top.
    expect((heap.at(-1)! - heap[2]!) / 2 ** 20).toBeLessThan(30);

    // What the second year added to the tables is what happened in it, and nothing that only piles up.
    const growth = await tableSizes();
    const keptFor = {
      job_failures: 0,
      leases: 0,
      heartbeats: 10,
      sessions: 0,
      service_mails: 60,
    } as const;
    for (const [table, most] of Object.entries(keptFor)) {
      expect(growth.get(table) ?? 0, `rows of ${table}`).toBeLessThanOrEqual(most);
    }
    expect(growth.get('meetings')).toBeLessThan(24 + 12);
    expect(growth.get('announcements')).toBeLessThan(36 * 5);
  });
});
