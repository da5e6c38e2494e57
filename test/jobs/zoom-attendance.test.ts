import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { checkCertificate, issueCertificates, listCertificates } from '../../src/attendance/certificates.ts';
import { attendanceReport } from '../../src/attendance/report.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { attendances } from '../../src/db/schema.ts';
import type { OutgoingMail } from '../../src/mail/types.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import { receiveRoomEvent, type RoomEvent } from '../../src/rooms/events.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import type { FakeParticipant } from '../support/fake-zoom/account.ts';
import { connectToFake } from '../support/fake-zoom/connect.ts';
import { ERRORS, type Fault } from '../support/fake-zoom/faults.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';
import type { Services } from '../../jobs/services.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
let database: OpenDatabase;
let zoom: FakeZoom;
let services: Services;
let sent: OutgoingMail[];
let people: string[];
let meetingId: string;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
  sent = [];
  zoom = await startFakeZoom({ account: { clock } });
  services = {
    ...testServices(database, clock, {
      mailer: {
        kind: 'smtp',
        send: async (mail) => {
          sent.push(mail);
          return { result: 'accepted', response: '250 ok' };
        },
        check: async () => ({ ok: true, detail: '' }),
        close: async () => undefined,
      },
    }),
    zoom: connectToFake(zoom, clock),
  };
  await setUpOrganisation(services);
  await changeSetting(database.db, 'zoomHost', 'host@example.org', { clock, actor: 'test' });
  people = await addPeople(database.db, clock, 2);
  const { id } = await addMeeting(
    database.db,
    singleMeeting('2027-06-02T19:00', { title: 'Splinting', link: 'zoom', remind: [] }),
    planning(clock),
  );
  meetingId = id;
  await work();
});
afterEach(() => zoom.stop());

const work = () => runDueWork(jobs, services);
const report = () => attendanceReport(database.db, meetingId);
const room = () => [...zoom.account.meetings.values()][0]!;

function came(name: string, from: string, to: string, more: Partial<FakeParticipant> = {}): FakeParticipant {
  return { name, join_time: `2027-06-02T${from}Z`, leave_time: `2027-06-02T${to}Z`, ...more };
}

/** The evening: 19:00–20:00 UK time is 18:00–19:00 UTC. Person 0 is known by address, person 1 only by name. */
function takesPlace(uuid = '/a//b+c=='): void {
  zoom.account.runMeeting({
    uuid,
    meetingId: room().id,
    startedAt: Temporal.Instant.from('2027-06-02T17:55:00Z'),
    endedAt: Temporal.Instant.from('2027-06-02T19:00:00Z'),
    participants: [
      came('Hilary Host', '17:55:00', '19:00:00', { id: 'h', user_email: 'host@example.org' }),
      came('Person 0', '17:58:00', '18:00:30', {
        user_email: 'person0@example.org',
        status: 'in_waiting_room',
      }),
      came('Person 0', '18:00:30', '18:20:00', { user_email: 'person0@example.org' }),
      came('Person 0', '18:25:00', '19:00:00', { user_email: 'Person0@example.org' }),
      came('Person 1', '18:00:00', '19:00:00'),
    ],
  });
}

function event(kind: 'meeting_started' | 'meeting_ended', at: string, uuid = '/a//b+c=='): RoomEvent {
  const moment = Temporal.Instant.from(at);
  const ended = kind === 'meeting_ended';
  return {
    event: ended
      ? {
          kind,
          meetingId: String(room().id),
          uuid,
          startedAt: Temporal.Instant.from('2027-06-02T17:55:00Z'),
          endedAt: moment,
        }
      : { kind: 'meeting_started', meetingId: String(room().id), uuid },
    at: moment,
    dedupeKey: `${kind} ${at}`,
  };
}

describe('the list of those who came', () => {
  it('is taken a quarter of an hour after Zoom told that the meeting ended', async () => {
    clock.set('2027-06-02T19:00:05Z');
    takesPlace();
    await receiveRoomEvent(database.db, event('meeting_started', '2027-06-02T17:55:00Z'), { clock });
    await receiveRoomEvent(database.db, event('meeting_ended', '2027-06-02T19:00:00Z'), { clock });
    await work();
    expect((await report()).list).toBe('none');
    clock.set('2027-06-02T19:15:00Z');
    await work();
    const { known, guests, source } = await report();
    expect(source).toBe('zoom');
    // 18:00:30–18:20:00 and 18:25:00–19:00:00: 19:30 + 35:00 = 54:30.
    expect(known).toMatchObject([{ name: 'Person 0', minutes: 54, matchedBy: 'email' }]);
    expect(guests).toMatchObject([
      { name: 'Hilary Host', minutes: 60 },
      { name: 'Person 1', minutes: 60, suggestion: { subscriberId: people[1] } },
    ]);
  });

  it('is taken without any event half an hour after the planned end', async () => {
    takesPlace();
    clock.set('2027-06-02T19:29:00Z');
    await work();
    expect((await report()).list).toBe('none');
    clock.set('2027-06-02T19:30:00Z');
    await work();
    expect((await report()).known).toHaveLength(1);
  });

  it('waits while the meeting runs on', async () => {
    clock.set('2027-06-02T19:45:00Z');
    await receiveRoomEvent(database.db, event('meeting_started', '2027-06-02T17:55:00Z'), { clock });
    await work();
    expect(zoom.seen.filter(({ path }) => path.includes('past_meetings'))).toEqual([]);
    takesPlace();
    clock.set('2027-06-02T20:20:00Z');
    await receiveRoomEvent(database.db, event('meeting_ended', '2027-06-02T20:05:00Z'), { clock });
    await work();
    expect((await report()).list).toBe('taken');
  });

  it('puts the runs of one evening together, and leaves out those of other dates', async () => {
    takesPlace();
    zoom.account.runMeeting({
      uuid: 'second==',
      meetingId: room().id,
      startedAt: Temporal.Instant.from('2027-06-02T19:02:00Z'),
      endedAt: Temporal.Instant.from('2027-06-02T19:10:00Z'),
      participants: [came('Late Guest', '19:02:00', '19:10:00')],
    });
    zoom.account.runMeeting({
      uuid: 'rehearsal==',
      meetingId: room().id,
      startedAt: Temporal.Instant.from('2027-05-30T10:00:00Z'),
      endedAt: Temporal.Instant.from('2027-05-30T10:10:00Z'),
      participants: [came('Rehearsal', '10:00:00', '10:10:00')],
    });
    clock.set('2027-06-02T19:40:00Z');
    await work();
    const names = (await report()).guests.map(({ name }) => name);
    expect(names).toEqual(['Hilary Host', 'Late Guest', 'Person 1']);
  });

  it.each([
    ['429', { kind: 'rate_limited', form: 'seconds', seconds: 5 }],
    ['500', ERRORS.serverError],
    ['3001, as long as the list is not ready', ERRORS.meetingUnknown],
    ['a cut connection', { kind: 'drop' }],
  ] as [string, Fault][])('is taken after %s', async (_, fault) => {
    takesPlace();
    zoom.faults.add({ fault, path: '/participants', times: 2 });
    clock.set('2027-06-02T19:30:00Z');
    await work();
    const { list, problem } = await report();
    expect([list, problem]).toEqual(['none', expect.stringContaining('Zoom')]);
    for (const minutes of [15, 30]) {
      clock.advance({ minutes });
      await work();
    }
    expect(await report()).toMatchObject({ list: 'taken', problem: null });
    expect(await database.db.select().from(attendances)).toHaveLength(3);
  });

  it('is given up after some days, with the reason, for a file to be uploaded', async () => {
    zoom.faults.add({ fault: ERRORS.featureRefused, path: '/participants', times: 100 });
    takesPlace();
    clock.set('2027-06-02T19:30:00Z');
    for (let step = 0; step < 30; step++) {
      await work();
      clock.advance({ hours: 4 });
    }
    expect(await report()).toMatchObject({
      list: 'none',
      problem: expect.stringContaining('does not allow'),
    });
    const asked = zoom.seen.filter(({ path }) => path.includes('/participants')).length;
    expect(asked).toBeLessThanOrEqual(14);
  });

  it('is taken from a pasted Zoom link as well', async () => {
    const host = zoom.account.findUser('host@example.org')!;
    const pasted = zoom.account.addMeeting(host, { ...room(), topic: 'Made by hand' });
    const link = `https://us06web.zoom.us/j/${pasted.id}?pwd=x`;
    const { id } = await addMeeting(
      database.db,
      singleMeeting('2027-06-02T19:00', { link, remind: [] }),
      planning(clock),
    );
    zoom.account.runMeeting({
      meetingId: pasted.id,
      startedAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
      endedAt: Temporal.Instant.from('2027-06-02T19:00:00Z'),
      participants: [came('Person 0', '18:00:00', '19:00:00', { user_email: 'person0@example.org' })],
    });
    clock.set('2027-06-02T19:30:00Z');
    await work();
    expect((await attendanceReport(database.db, id)).known).toHaveLength(1);
  });
});

describe('a certificate', () => {
  it('comes by itself only where that is switched on, as a PDF, and can be checked', async () => {
    takesPlace();
    await changeSetting(database.db, 'certificatesAutomatic', 'yes', { clock, actor: 'test' });
    clock.set('2027-06-02T19:30:00Z');
    await work();
    expect(sent).toHaveLength(1);
    const [mail] = sent;
    expect(mail).toMatchObject({
      to: { address: 'person0@example.org' },
      subject: 'Your certificate of attendance',
    });
    const [file] = mail!.attachments!;
    expect(file).toMatchObject({ contentType: 'application/pdf', filename: expect.stringMatching(/\.pdf$/) });
    expect(Buffer.from(file!.content).subarray(0, 8).toString()).toBe('%PDF-1.7');
    const [certificate] = await listCertificates(database.db, meetingId);
    expect(mail!.text).toContain(`/certificates/${certificate!.checkCode}`);
    expect(await checkCertificate(database.db, certificate!.checkCode)).toMatchObject({
      result: 'valid',
      name: 'Person 0',
      minutes: 54,
      organisation: 'Example OT Ltd',
    });
  });

  it('waits for the administrator otherwise', async () => {
    takesPlace();
    clock.set('2027-06-02T19:30:00Z');
    await work();
    expect(sent).toEqual([]);
    const settings = await services.settings();
    await issueCertificates(database.db, { meetingId, who: 'all' }, settings, { clock, actor: 'admin:test' });
    await work();
    expect(sent.map(({ to }) => to.address)).toEqual(['person0@example.org']);
  });
});
