import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import ICAL from 'ical.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliver } from '../../jobs/deliver.ts';
import { jobs } from '../../jobs/index.ts';
import { readBooks } from '../../src/announcements/books.ts';
import { holdAnnouncement, resumeAnnouncement } from '../../src/announcements/life-cycle.ts';
import { addMeeting, cancelMeeting, moveMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, deliveries, subscribers, suppressions } from '../../src/db/schema.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import type { Services } from '../../src/process/app.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const context = planning(clock);
let database: OpenDatabase;
let server: MailServer;
let services: Services;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
  server = await startMailServer();
  services = testServices(database, clock, { smtpUrl: server.url });
  await setUpOrganisation(services);
});
afterEach(async () => {
  await services.mailer.close();
  await server.close();
});

const work = () => runDueWork(jobs, services);

/** A meeting on Wednesday 2 June 2027 at 19:00 UK time (18:00 UTC), with a reminder an hour before. */
async function meetingTomorrow(changes: object = {}) {
  return addMeeting(
    database.db,
    singleMeeting('2027-06-02T19:00', { title: 'Monthly meeting', remind: ['1h'], ...changes }),
    context,
  );
}

async function notices(meetingId: string) {
  return database.db
    .select()
    .from(announcements)
    .where(eq(announcements.meetingId, meetingId))
    .orderBy(announcements.sendAt);
}

async function books(id: string) {
  return (await readBooks(database.db, [id])).get(id)!;
}

describe('a reminder that is due', () => {
  it('reaches everybody once, at its minute and not before', async () => {
    await addPeople(database.db, clock, 60);
    const meeting = await meetingTomorrow();
    await work();
    expect(server.mails).toEqual([]);
    clock.set('2027-06-02T16:59:59Z');
    await work();
    expect(server.mails).toEqual([]);
    clock.set('2027-06-02T17:00:00Z');
    await work();
    await work();
    expect(server.recipients().sort()).toEqual(
      Array.from({ length: 60 }, (_, n) => `person${n}@example.org`).sort(),
    );
    const [notice] = await notices(meeting.id);
    expect(notice!.state).toBe('sent');
    expect(await books(notice!.id)).toMatchObject({ audience: 60, sent: 60, pending: 0 });
  });

  it('says the same hour in its words and in its calendar part, with everything that list mail needs', async () => {
    await addPeople(database.db, clock, 1);
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    await work();
    const mail = await server.parse(server.mails[0]!);
    expect(mail.subject).toContain('Monthly meeting');
    for (const part of [mail.html!, mail.text!]) {
      expect(part).toContain('Wednesday 2 June 2027');
      expect(part).toContain('7 pm');
      expect(part).toContain(`https://network.example.org/m/${meeting.id}/join`);
      expect(part).toContain('Hello Person,');
      expect(part).toContain('https://network.example.org/u/');
    }
    const header = (key: string) => mail.headers.find((entry) => entry.key === key)?.value;
    const [delivery] = await database.db.select().from(deliveries);
    expect(mail.messageId).toBe(`<${delivery!.messageId}>`);
    expect(header('list-id')).toContain('announcements.example.org');
    expect(header('list-unsubscribe')).toMatch(/^<https:\/\/network\.example\.org\/u\/[\w-]+>/);
    expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    expect(header('auto-submitted')).toBe('auto-generated');
    const part = mail.attachments.find((attachment) => attachment.mimeType === 'text/calendar')!;
    const text = new TextDecoder().decode(part.content as ArrayBuffer);
    const event = new ICAL.Event(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent('vevent')!);
    expect(event.uid).toBe(meeting.uid);
    expect(event.startDate.toJSDate().toISOString()).toBe('2027-06-02T18:00:00.000Z');
    expect(text).toContain('METHOD:PUBLISH');
  });

  it('stopped two hundred times over at any recipient is finished, once for each', async () => {
    await addPeople(database.db, clock, 400);
    const meeting = await meetingTomorrow();
    const got: string[] = [];
    let stop = new AbortController();
    let left = 0;
    const mailer: Services['mailer'] = {
      ...services.mailer,
      send: async ({ to }) => {
        got.push(to.address);
        if (--left <= 0) stop.abort();
        await Promise.resolve();
        return { result: 'accepted', response: '250 OK' };
      },
    };
    const quick = { ...services, mailer };
    clock.set('2027-06-02T17:00:00Z');
    await runDueWork(
      jobs.filter(({ name }) => name !== 'deliver'),
      quick,
    );
    const [notice] = await notices(meeting.id);
    for (const places of fc.sample(fc.integer({ min: 1, max: 8 }), { numRuns: 200, seed: 3 })) {
      stop = new AbortController();
      left = places;
      await deliver.run({ announcementId: notice!.id, chunk: 0 }, { ...quick, signal: stop.signal });
    }
    await runDueWork(jobs, quick);
    expect(got).toHaveLength(400);
    expect(new Set(got).size).toBe(400);
    expect(await books(notice!.id)).toMatchObject({ audience: 400, sent: 400, pending: 0 });
  });

  it('is sent late, after an outage, as long as it is of use, and is missed after that', async () => {
    await addPeople(database.db, clock, 2);
    await createAdmin(
      database.db,
      { email: 'admin@example.org', name: 'Admin', password: 'correct horse battery', role: 'administrator' },
      { clock, actor: 'test' },
    );
    const first = await meetingTomorrow();
    const second = await meetingTomorrow({ start: '2027-06-02T20:00' });
    const late = await addMeeting(
      database.db,
      singleMeeting('2027-06-02T18:00', { remind: ['1h'] }),
      context,
    );
    clock.set('2027-06-02T17:40:00Z');
    await work();
    expect((await notices(first.id))[0]!.state).toBe('sent');
    expect((await notices(second.id))[0]!.state).toBe('approved');
    expect((await notices(late.id))[0]!.state).toBe('missed');
    expect(server.recipients().sort()).toEqual([
      'admin@example.org',
      'person0@example.org',
      'person1@example.org',
    ]);
    const toAdmin = await server.parse(server.mails.find((mail) => mail.to === 'admin@example.org')!);
    expect(toAdmin.text).toContain('Extra meeting');
    expect(toAdmin.text).not.toMatch(/[\ue000\ue001]/);
  });

  it('stops for somebody who leaves while it is going out', async () => {
    const people = await addPeople(database.db, clock, 20);
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    let left = 0;
    server.judge = () => {
      if (left === 0) {
        left = 1;
        void unsubscribe(
          database.db,
          { subscriberId: people[19]!, topic: 'all', source: 'one_click' },
          { clock },
        ).then(() => (left = 2));
      }
      return undefined;
    };
    await work();
    expect(left).toBe(2);
    const [notice] = await notices(meeting.id);
    const kept = await books(notice!.id);
    expect(kept.sent + kept.excluded).toBe(20);
    expect(server.mails).toHaveLength(kept.sent);
    const [row] = await database.db.select().from(deliveries).where(eq(deliveries.subscriberId, people[19]!));
    expect(server.recipients().includes('person19@example.org')).toBe(row!.state === 'sent');
  });

  it('sets a recipient who does not exist aside and suppresses the address, and serves the others', async () => {
    await addPeople(database.db, clock, 12);
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    server.judge = (recipient) =>
      recipient === 'person3@example.org' ? { code: 550, text: '5.1.1 no such user' } : undefined;
    await work();
    const [notice] = await notices(meeting.id);
    expect(notice!.state).toBe('sent');
    expect(await books(notice!.id)).toMatchObject({ sent: 11, failed: 1 });
    expect((await database.db.select().from(suppressions)).map((row) => row.emailNormalised)).toEqual([
      'person3@example.org',
    ]);
  });

  it('tries again what was put off, until it is too late', async () => {
    await addPeople(database.db, clock, 3);
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    server.judge = (recipient) =>
      recipient === 'person0@example.org' ? { code: 451, text: '4.3.0 try later' } : undefined;
    await work();
    expect(server.mails).toHaveLength(2);
    clock.set('2027-06-02T17:02:00Z');
    await work();
    clock.set('2027-06-02T17:20:00Z');
    server.judge = () => undefined;
    await work();
    expect(server.mails).toHaveLength(3);
    const [notice] = await notices(meeting.id);
    expect(notice!.state).toBe('sent');
  });

  it('gives up what never got through when the meeting begins, with the reason', async () => {
    await addPeople(database.db, clock, 2);
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    server.judge = (recipient) =>
      recipient === 'person0@example.org' ? { code: 451, text: '4.3.0 try later' } : undefined;
    await work();
    clock.set('2027-06-02T18:00:00Z');
    await work();
    const [notice] = await notices(meeting.id);
    expect(notice!.state).toBe('sent');
    expect(await books(notice!.id)).toMatchObject({ sent: 1, failed: 1 });
    const [failed] = await database.db.select().from(deliveries).where(eq(deliveries.state, 'failed'));
    expect(failed!.reason).toContain('Too late to be of use.');
  });

  it('pauses itself when the mail server refuses us, and burns through nobody', async () => {
    await addPeople(database.db, clock, 40);
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    server.judge = () => ({ code: 550, text: '5.7.1 not from you' });
    await work();
    const [notice] = await notices(meeting.id);
    expect(notice).toMatchObject({ state: 'held' });
    expect(notice!.stateReason).toMatch(/^Paused after \d+ refusals in a row\. /);
    expect(await books(notice!.id)).toMatchObject({ pending: 40, failed: 0 });
    expect(await database.db.select().from(suppressions)).toEqual([]);
    server.judge = () => undefined;
    await resumeAnnouncement(database.db, notice!.id, context);
    await work();
    expect(await books(notice!.id)).toMatchObject({ sent: 40 });
  });

  it('pauses itself within a minute when the mail server is away', async () => {
    await addPeople(database.db, clock, 12);
    const meeting = await meetingTomorrow();
    await server.close();
    clock.set('2027-06-02T17:00:00Z');
    for (let tick = 0; tick < 6; tick++) {
      await work();
      clock.advance({ seconds: 10 });
    }
    const [notice] = await notices(meeting.id);
    expect(notice!.state).toBe('held');
    expect(await books(notice!.id)).toMatchObject({ pending: 12 });
    server = await startMailServer(server.port);
    await resumeAnnouncement(database.db, notice!.id, context);
    await work();
    expect(await books(notice!.id)).toMatchObject({ sent: 12 });
  });

  it('whose name breaks the message is set aside alone', async () => {
    const people = await addPeople(database.db, clock, 5);
    await database.db
      .update(subscribers)
      .set({ email: 'not an address', name: 'Bad\r\nBcc: all@example.org' })
      .where(eq(subscribers.id, people[2]!));
    const meeting = await meetingTomorrow();
    clock.set('2027-06-02T17:00:00Z');
    await work();
    const [notice] = await notices(meeting.id);
    expect(notice!.state).toBe('sent');
    expect(await books(notice!.id)).toMatchObject({ sent: 4, failed: 1 });
  });

  it('does not go on while it is held', async () => {
    await addPeople(database.db, clock, 3);
    const meeting = await meetingTomorrow();
    const [notice] = await notices(meeting.id);
    await holdAnnouncement(database.db, notice!.id, 'Wait for the speaker', context);
    clock.set('2027-06-02T17:30:00Z');
    await work();
    expect(server.mails).toEqual([]);
    await resumeAnnouncement(database.db, notice!.id, context);
    await work();
    expect(server.mails).toHaveLength(3);
  });
});

describe('quiet hours', () => {
  it('stop a run at 22:00 and let it go on at 08:00', async () => {
    await addPeople(database.db, clock, 4);
    const meeting = await meetingTomorrow({ remind: ['1d@21:59'], start: '2027-06-04T12:00' });
    clock.set('2027-06-03T20:59:00Z');
    server.judge = (recipient) => {
      if (recipient === 'person1@example.org') return { code: 451, text: '4.3.0 try later' };
      return undefined;
    };
    await work();
    expect(server.mails).toHaveLength(3);
    server.judge = () => undefined;
    for (const quiet of ['2027-06-03T21:00:00Z', '2027-06-04T03:00:00Z', '2027-06-04T06:59:59Z']) {
      clock.set(quiet);
      await work();
      expect(server.mails).toHaveLength(3);
    }
    clock.set('2027-06-04T07:00:00Z');
    await work();
    expect(server.mails).toHaveLength(4);
    expect((await notices(meeting.id))[0]!.state).toBe('sent');
  });
});

describe('quiet hours that begin while a refusal is written down', () => {
  it('are kept: nothing is claimed after it', async () => {
    await addPeople(database.db, clock, 20);
    const meeting = await meetingTomorrow({ remind: ['1d@21:59'], start: '2027-06-04T12:00' });
    clock.set('2027-06-03T20:59:55Z');
    let refused: string | undefined;
    server.judge = (recipient) => {
      refused ??= recipient;
      return recipient === refused ? { code: 550, text: '5.1.1 no such user' } : undefined;
    };
    const slowly: Services['addressHash'] = (address) => {
      clock.set('2027-06-03T21:00:01Z');
      return services.addressHash(address);
    };
    await runDueWork(jobs, { ...services, addressHash: slowly });
    const { id } = (await notices(meeting.id))[0]!;
    expect(await books(id)).toMatchObject({ sent: 4, failed: 1, pending: 15 });
    clock.set('2027-06-04T07:00:00Z');
    await work();
    expect(await books(id)).toMatchObject({ sent: 19, failed: 1, pending: 0 });
  });
});

describe('a meeting that changes after its reminder', () => {
  it('is corrected and then cancelled under one UID with a rising SEQUENCE', async () => {
    await addPeople(database.db, clock, 1);
    const meeting = await meetingTomorrow({ remind: ['1d@14:00'] });
    clock.set('2027-06-01T13:00:00Z');
    await work();
    await moveMeeting(
      database.db,
      meeting.id,
      parseMeetingChange({ start: '2027-06-03T18:30' }, 'Europe/London'),
      context,
    );
    clock.set('2027-06-01T13:01:00Z');
    await work();
    await cancelMeeting(database.db, meeting.id, 'The speaker is ill.', context);
    await work();
    const calendars = await Promise.all(
      server.mails.map(async (mail) => {
        const part = (await server.parse(mail)).attachments.find(
          (file) => file.mimeType === 'text/calendar',
        )!;
        const text = new TextDecoder().decode(part.content as ArrayBuffer);
        return {
          method: /^METHOD:(\w+)/m.exec(text)![1],
          uid: /^UID:(\S+)/m.exec(text)![1],
          sequence: Number(/^SEQUENCE:(\d+)/m.exec(text)![1]),
          start: /^DTSTART:(\w+)/m.exec(text)![1],
        };
      }),
    );
    expect(calendars).toEqual([
      { method: 'PUBLISH', uid: meeting.uid, sequence: 0, start: '20270602T180000Z' },
      { method: 'PUBLISH', uid: meeting.uid, sequence: 1, start: '20270603T173000Z' },
      { method: 'CANCEL', uid: meeting.uid, sequence: 2, start: '20270603T173000Z' },
    ]);
    const [, changed, cancelled] = await Promise.all(server.mails.map((mail) => server.parse(mail)));
    expect(changed!.text).toContain('Wednesday 2 June 2027, 7 pm');
    expect(changed!.text).toContain('Thursday 3 June 2027, 6.30 pm');
    expect(cancelled!.text).toContain('The speaker is ill.');
  });
});
