import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { zoomMeetings as zoomMeetingsJob } from '../../jobs/zoom-meetings.ts';
import { addMeeting, cancelMeeting, moveMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, deliveries, zoomHostDays, zoomMeetings } from '../../src/db/schema.ts';
import type { OutgoingMail } from '../../src/mail/types.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import type { Services } from '../../src/process/app.ts';
import { receiveRoomEvent } from '../../src/rooms/events.ts';
import { makeRoomNow, settleDifferences } from '../../src/rooms/settle.ts';
import { joinLink, roomsNeedingAttention, roomView } from '../../src/rooms/view.ts';
import { createWebhookReader } from '../../src/zoom/webhook.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { joinUrl } from '../support/fake-zoom/account.ts';
import { connectToFake } from '../support/fake-zoom/connect.ts';
import { ERRORS } from '../support/fake-zoom/faults.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

const clock = new ManualClock('2027-05-20T09:00:00Z');
const context = planning(clock);
let database: OpenDatabase;
let zoom: FakeZoom;
let services: Services;
let sent: { at: Temporal.Instant; mail: OutgoingMail }[];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-05-20T09:00:00Z');
  sent = [];
  zoom = await startFakeZoom({ account: { clock } });
  services = {
    ...testServices(database, clock, {
      mailer: {
        kind: 'smtp',
        send: async (mail) => {
          sent.push({ at: clock.now(), mail });
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
});
afterEach(() => zoom.stop());

const work = () => runDueWork(jobs, services);

/** Wednesday 2 June 2027, 19:00 UK time (18:00 UTC), announced at 09:00 UK time a day before. */
async function meetingInJune(changes: object = {}) {
  return addMeeting(
    database.db,
    singleMeeting('2027-06-02T19:00', { link: 'zoom', remind: ['1d@09:00'], ...changes }),
    context,
  );
}

const view = async (id: string) => roomView(database.db, { id, link: 'zoom' });
const atZoom = () => [...zoom.account.meetings.values()];

/** Lets the time pass in steps of five minutes, with all due work after each. */
async function liveUntil(end: string, each: () => Promise<void> = async () => undefined) {
  while (Temporal.Instant.compare(clock.now(), Temporal.Instant.from(end)) < 0) {
    clock.advance({ minutes: 5 });
    await work();
    await each();
  }
}

describe('the room of a meeting', () => {
  it('is made a week before the first notice, as the settings say, and its link is where people join', async () => {
    await changeSetting(database.db, 'zoomAlternativeHosts', 'second@example.org', { clock, actor: 'test' });
    const meeting = await meetingInJune({ description: 'Splinting after stroke' });
    await work();
    expect(atZoom()).toEqual([]);
    expect(await joinLink(database.db, meeting)).toBeNull();
    clock.set('2027-05-25T08:00:00Z');
    await work();
    await work();
    const [room] = atZoom();
    expect(zoom.account.created).toHaveLength(1);
    expect(room).toMatchObject({
      topic: 'Extra meeting',
      agenda: `Reference: convenor-${meeting.id}\n\nSplinting after stroke`,
      startsAt: meeting.startsAt,
      timezone: 'Europe/London',
      duration: 60,
      settings: { waiting_room: true, approval_type: 2, alternative_hosts: 'second@example.org' },
    });
    expect(room!.password).toMatch(/^(?=.*[a-zA-Z])(?=.*\d)[A-Za-z0-9@\-_*]{10}$/);
    expect(await joinLink(database.db, meeting)).toBe(joinUrl(room!));
    const stored = JSON.stringify(await database.db.select().from(zoomMeetings));
    expect(stored).not.toMatch(/zak=|HOST-PRIVILEGE|start_url/);
  });

  it('follows the meeting and goes when the meeting is cancelled', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const meeting = await meetingInJune();
    await work();
    const link = await joinLink(database.db, meeting);
    const change = parseMeetingChange({ start: '2027-06-09T18:30', title: 'Moved' }, 'Europe/London');
    await moveMeeting(database.db, meeting.id, change, context);
    await work();
    expect(atZoom()).toMatchObject([
      { topic: 'Moved', startsAt: Temporal.Instant.from('2027-06-09T17:30:00Z'), timezone: 'Europe/London' },
    ]);
    expect(await joinLink(database.db, meeting)).toBe(link);
    await cancelMeeting(database.db, meeting.id, null, context);
    await work();
    expect(atZoom()).toEqual([]);
    expect(await joinLink(database.db, meeting)).toBeNull();
    expect(zoom.account.created).toHaveLength(1);
  });

  it('goes when the administrator pastes a link, and is made again when it is wanted again', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const meeting = await meetingInJune();
    await work();
    const paste = parseMeetingChange({ link: 'https://example.org/our-own-room' }, 'Europe/London');
    const pasted = await moveMeeting(database.db, meeting.id, paste, context);
    await work();
    expect(atZoom()).toEqual([]);
    expect(await joinLink(database.db, pasted)).toBe('https://example.org/our-own-room');
    await moveMeeting(
      database.db,
      meeting.id,
      parseMeetingChange({ link: 'Zoom' }, 'Europe/London'),
      context,
    );
    await work();
    expect(atZoom()).toHaveLength(1);
  });

  it('is left alone once the meeting has begun', async () => {
    clock.set('2027-06-01T09:00:00Z');
    await meetingInJune();
    await work();
    clock.set('2027-06-02T18:00:00Z');
    const before = zoom.seen.length;
    await work();
    expect(zoom.seen).toHaveLength(before);
    expect(atZoom()).toHaveLength(1);
  });

  it('asks for registration only where the settings say so, and then leads there', async () => {
    clock.set('2027-05-27T09:00:00Z');
    await changeSetting(database.db, 'zoomRegistration', 'yes', { clock, actor: 'test' });
    const meeting = await meetingInJune();
    await work();
    expect(await joinLink(database.db, meeting)).toContain('/meeting/register/');
  });

  it('is found by its mark when our record of it is lost', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const meeting = await meetingInJune();
    await work();
    await database.db.delete(zoomMeetings);
    await work();
    expect(zoom.account.created).toHaveLength(1);
    const { link, differences } = await view(meeting.id);
    expect(link).toBe(joinUrl(atZoom()[0]!));
    expect(differences).toEqual([]);
  });

  it('is not made without a host, nor where nobody configured Zoom', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const { zoom: _, ...without } = services;
    await meetingInJune();
    await runDueWork(jobs, without);
    await changeSetting(database.db, 'zoomHost', '', { clock, actor: 'test' });
    await work();
    expect(zoom.account.created).toEqual([]);
  });
});

describe('two workers at once', () => {
  it('make one room', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const meeting = await meetingInJune();
    const run = () =>
      zoomMeetingsJob.run({ meetingId: meeting.id }, { ...services, signal: new AbortController().signal });
    await Promise.all([run(), run(), run()]);
    expect(zoom.account.created).toHaveLength(1);
    expect((await view(meeting.id)).state).toBe('ready');
  });

  it('remove the room that one of them made after it had stood still', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const meeting = await meetingInJune();
    const client = services.zoom!;
    const stopped = {
      ...services,
      zoom: {
        ...client,
        createMeeting: async (...call: Parameters<typeof client.createMeeting>) => {
          // The other worker takes over while this one stands still between claim and call.
          clock.advance({ minutes: 3 });
          await work();
          return client.createMeeting(...call);
        },
      },
    };
    await zoomMeetingsJob.run(
      { meetingId: meeting.id },
      { ...stopped, signal: new AbortController().signal },
    );
    expect(zoom.account.created).toHaveLength(2);
    expect(atZoom()).toHaveLength(1);
    expect(await joinLink(database.db, meeting)).toBe(joinUrl(atZoom()[0]!));
  });
});

describe('a notice', () => {
  const notice = async (meetingId: string) =>
    (await database.db.select().from(announcements).where(eq(announcements.meetingId, meetingId)))[0]!;

  it('waits for the room for half an hour, tells the administrators, then goes out with the redirect', async () => {
    await createAdmin(
      database.db,
      { email: 'admin@example.org', name: 'Ada', password: 'a long enough password', role: 'administrator' },
      { clock, actor: 'test' },
    );
    await addPeople(database.db, clock, 2);
    clock.set('2027-06-01T07:30:00Z');
    zoom.faults.add({ fault: ERRORS.featureRefused, path: '/meetings', times: 100 });
    const meeting = await meetingInJune();
    await liveUntil('2027-06-01T08:25:00Z');
    expect(await notice(meeting.id)).toMatchObject({ state: 'approved', frozenAt: null });
    expect(sent.map(({ mail }) => mail.subject)).toEqual([expect.stringContaining('no room at Zoom')]);
    expect(sent[0]!.mail.text).toContain('The Zoom account does not allow this');
    await liveUntil('2027-06-01T08:35:00Z');
    expect((await notice(meeting.id)).state).toBe('sent');
    const mails = sent.slice(1);
    expect(mails).toHaveLength(2);
    for (const { mail } of mails) expect(mail.text).toContain(`/m/${meeting.id}/join`);
    zoom.faults.clear();
    await liveUntil('2027-06-01T09:40:00Z');
    expect(await joinLink(database.db, meeting)).toBe(joinUrl(atZoom()[0]!));
  });

  it('goes out as soon as the room is there, with nobody missed and nobody twice', async () => {
    await addPeople(database.db, clock, 3);
    clock.set('2027-06-01T07:55:00Z');
    const port = zoom.port;
    await zoom.stop();
    const meeting = await meetingInJune();
    await liveUntil('2027-06-01T08:10:00Z');
    expect(sent).toEqual([]);
    zoom = await startFakeZoom({ account: zoom.account, port });
    await liveUntil('2027-06-01T08:20:00Z', async () => {
      for (const { at } of sent) expect(Temporal.Instant.compare(at, clock.now())).toBeLessThanOrEqual(0);
    });
    expect(sent).toHaveLength(3);
    expect(zoom.account.created).toHaveLength(1);
    expect(await database.db.select().from(deliveries).where(eq(deliveries.state, 'sent'))).toHaveLength(3);
    expect(await joinLink(database.db, meeting)).not.toBeNull();
  });

  it('with a link of its own waits for nothing', async () => {
    await addPeople(database.db, clock, 1);
    clock.set('2027-06-01T07:30:00Z');
    await zoom.stop();
    const meeting = await meetingInJune({ link: 'https://zoom.us/j/123456789' });
    await liveUntil('2027-06-01T08:00:00Z');
    expect((await notice(meeting.id)).state).toBe('sent');
    zoom = await startFakeZoom({ account: zoom.account });
  });
});

describe('a creation that takes effect late', () => {
  it('is found and removed, whichever room people were told of', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const meeting = await meetingInJune();
    zoom.faults.add({ fault: { kind: 'late' }, method: 'POST', path: '/meetings' });
    await work();
    expect(await view(meeting.id)).toMatchObject({ state: 'trouble' });
    clock.advance({ minutes: 3 });
    await work();
    const link = await joinLink(database.db, meeting);
    zoom.carryOutLate();
    expect(atZoom()).toHaveLength(2);
    await liveUntil('2027-05-27T09:30:00Z');
    expect(atZoom().map(joinUrl)).toEqual([link]);
  });
});

describe('changes made at Zoom', () => {
  const secret = 'webhook-secret';
  let meetingId: string;

  beforeEach(async () => {
    clock.set('2027-05-27T09:00:00Z');
    meetingId = (await meetingInJune()).id;
    await work();
  });

  /** Edits as the portal does and delivers the event, twice and after one that is older. */
  async function edit(change: () => void, event = 'meeting.updated') {
    const room = atZoom()[0]!;
    change();
    const read = createWebhookReader({ secret, clock });
    const { body, headers } = zoom.webhooks.sign(
      secret,
      zoom.webhooks.envelope(event, { id: room.id, uuid: room.uuid }),
    );
    const reading = read({
      body: Buffer.from(body),
      signature: headers['x-zm-signature'],
      timestamp: headers['x-zm-request-timestamp'],
    });
    if (reading.result !== 'event') throw new Error('the event was refused');
    const results = [];
    for (let i = 0; i < 2; i++) {
      results.push(await receiveRoomEvent(database.db, reading.received, { clock }));
    }
    expect(results).toEqual([true, false]);
    await work();
  }

  it('are shown, with the link always the one that works', async () => {
    await edit(() => Object.assign(atZoom()[0]!, { topic: 'By hand', password: 'new-pass1' }));
    const { link, differences } = await view(meetingId);
    expect(link).toBe(joinUrl(atZoom()[0]!));
    expect(differences).toEqual([
      { field: 'topic', wanted: 'Extra meeting', found: 'By hand', cause: 'edited' },
      { field: 'passcode', wanted: expect.any(String), found: 'new-pass1', cause: 'edited' },
    ]);
    expect(await roomsNeedingAttention(database.db, clock.now())).toMatchObject([
      { meetingId, title: 'Extra meeting' },
    ]);
    expect(atZoom()[0]!.topic).toBe('By hand');
  });

  it('are undone by one button', async () => {
    await edit(() => Object.assign(atZoom()[0]!, { topic: 'By hand', duration: 90 }));
    await settleDifferences(database.db, meetingId, 'ours', context);
    await work();
    expect(atZoom()).toMatchObject([{ topic: 'Extra meeting', duration: 60 }]);
    expect((await view(meetingId)).differences).toEqual([]);
  });

  it('are taken over by the other button, with one correction to those who were told', async () => {
    await addPeople(database.db, clock, 1);
    clock.set('2027-06-01T08:00:00Z');
    await work();
    expect(sent).toHaveLength(1);
    await edit(() =>
      Object.assign(atZoom()[0]!, {
        startsAt: Temporal.Instant.from('2027-06-02T19:00:00Z'),
        password: 'new-pass1',
        settings: { ...atZoom()[0]!.settings, waiting_room: false },
      }),
    );
    await settleDifferences(database.db, meetingId, 'theirs', context);
    await work();
    expect(sent.map(({ mail }) => mail.subject)).toEqual([
      expect.any(String),
      expect.stringMatching(/changed|moved|new time/i),
    ]);
    expect(await view(meetingId)).toMatchObject({ differences: [], passcode: 'new-pass1' });
    expect(atZoom()).toMatchObject([{ settings: { waiting_room: false } }]);
    await expect(settleDifferences(database.db, meetingId, 'ours', context)).rejects.toMatchObject({
      code: 'wrong_state',
    });
  });

  it('meet ours: what we change is pushed, what they changed is shown', async () => {
    Object.assign(atZoom()[0]!, { topic: 'By hand' });
    await moveMeeting(database.db, meetingId, parseMeetingChange({ duration: 75 }, 'Europe/London'), context);
    await work();
    expect(atZoom()).toMatchObject([{ topic: 'By hand', duration: 75 }]);
    expect((await view(meetingId)).differences).toMatchObject([{ field: 'topic', cause: 'edited' }]);
  });

  it('by the account’s settings are shown as overruled, and not fought', async () => {
    zoom.account.locked = { waiting_room: false };
    await moveMeeting(database.db, meetingId, parseMeetingChange({ title: 'New' }, 'Europe/London'), context);
    await work();
    expect((await view(meetingId)).differences).toEqual([
      { field: 'waitingRoom', wanted: 'true', found: 'false', cause: 'edited' },
    ]);
    await settleDifferences(database.db, meetingId, 'ours', context);
    await work();
    const patches = () => zoom.seen.filter(({ method }) => method === 'PATCH').length;
    const before = patches();
    expect((await view(meetingId)).differences).toMatchObject([{ field: 'waitingRoom', cause: 'overruled' }]);
    await liveUntil('2027-05-27T10:00:00Z');
    expect(patches()).toBe(before);
  });

  it('such as a removal wait for a person until a notice needs the room', async () => {
    const first = await joinLink(database.db, { id: meetingId, link: 'zoom' });
    await edit(() => zoom.account.meetings.clear(), 'meeting.deleted');
    expect(await view(meetingId)).toMatchObject({ state: 'lost', link: null });
    await liveUntil('2027-05-27T12:00:00Z');
    expect(zoom.account.created).toHaveLength(1);
    clock.set('2027-05-31T08:00:00Z');
    await work();
    expect(await view(meetingId)).toMatchObject({ state: 'ready' });
    expect(await joinLink(database.db, { id: meetingId, link: 'zoom' })).not.toBe(first);
  });

  it('such as a removal are undone at once on request', async () => {
    await edit(() => zoom.account.meetings.clear(), 'meeting.deleted');
    await makeRoomNow(database.db, meetingId, context);
    await work();
    expect(await view(meetingId)).toMatchObject({ state: 'ready' });
    await expect(makeRoomNow(database.db, meetingId, context)).rejects.toMatchObject({ code: 'wrong_state' });
  });

  it('are found without an event, the day after at the latest', async () => {
    Object.assign(atZoom()[0]!, { password: 'new-pass1' });
    clock.advance({ hours: 24 });
    await work();
    expect((await view(meetingId)).link).toBe(joinUrl(atZoom()[0]!));
  });
});

describe('the host’s daily budget', () => {
  it('is kept: what does not fit waits for the next day in UTC', async () => {
    clock.set('2027-05-27T09:00:00Z');
    const day = Temporal.PlainDate.from('2027-05-27');
    await database.db.insert(zoomHostDays).values({ host: 'host@example.org', day, calls: 90 });
    const meeting = await meetingInJune();
    await work();
    expect(zoom.account.created).toEqual([]);
    const { state, retryAt } = await view(meeting.id);
    expect([state, retryAt?.toString()]).toEqual(['trouble', '2027-05-28T00:00:00Z']);
    clock.set('2027-05-28T00:00:00Z');
    await work();
    expect((await view(meeting.id)).state).toBe('ready');
  });
});
