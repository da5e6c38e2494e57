import { createHmac } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { meetings, zoomEvents, zoomInstances, zoomMeetings } from '../../src/db/schema.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { createWebhookReader } from '../../src/zoom/webhook.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { Webhooks } from '../support/fake-zoom/webhooks.ts';
import { planning, singleMeeting } from '../support/meetings.ts';
import { steadyTime } from '../support/steady-time.ts';
import { Browser, NOW, openSite, setUpGroup, type Site } from './site.ts';

const SECRET = 'webhook-secret';
const START = 'https://us06web.zoom.us/s/84512300001?zak=HOST-PRIVILEGE';
const zoomClock = new ManualClock(NOW);
const sender = new Webhooks(zoomClock, 'fake-account');
let database: OpenDatabase;
let site: Site;
let meetingId: string;

beforeAll(async () => {
  database = await openTestDatabase();
  const { webhooks } = (await openSite(database)).deps;
  site = await openSite(
    database,
    {},
    {
      webhooks: { ...webhooks, zoom: createWebhookReader({ secret: SECRET, clock: zoomClock }) },
      zoomStartLink: async () => START,
    },
  );
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  await setUpGroup(site);
  const { id } = await addMeeting(
    database.db,
    singleMeeting('2027-01-12T21:00', { link: 'zoom' }),
    planning(site.clock),
  );
  meetingId = id;
});

async function makeRoom(changes: Partial<typeof zoomMeetings.$inferInsert> = {}): Promise<void> {
  const at = site.clock.now();
  await database.db.insert(zoomMeetings).values({
    meetingId,
    host: 'host@example.org',
    marker: `convenor-${meetingId}`,
    passcode: 'abcd12-ef3',
    zoomId: '84512300001',
    joinUrl: 'https://us06web.zoom.us/j/84512300001?pwd=abc.1',
    checkedAt: at,
    createdAt: at,
    updatedAt: at,
    ...changes,
  });
}

function report(event: string, object: Record<string, unknown> = {}, secret = SECRET) {
  const { body, headers } = sender.sign(
    secret,
    sender.envelope(event, { id: '84512300001', uuid: '/a==', ...object }),
  );
  return site.app.inject({ method: 'POST', url: '/hooks/zoom', headers: { ...headers }, payload: body });
}

describe('the link to join', () => {
  it('leads to the room, and before there is one to the page that says so', async () => {
    const waiting = await site.app.inject(`/m/${meetingId}/join`);
    expect([waiting.statusCode, waiting.headers.location]).toEqual([302, `/m/${meetingId}`]);
    expect((await site.app.inject(`/m/${meetingId}`)).body).toContain('is not ready yet');
    await makeRoom();
    const ready = await site.app.inject(`/m/${meetingId}/join`);
    expect(ready.headers.location).toBe('https://us06web.zoom.us/j/84512300001?pwd=abc.1');
    const page = (await site.app.inject(`/m/${meetingId}`)).body;
    expect(page).not.toContain('is not ready yet');
    expect(page).not.toContain('us06web');
  });
});

describe('the room on the meeting’s page', () => {
  it('shows what differs with a button for each way, and what the account decides', async () => {
    const differences = [
      { field: 'startsAt', wanted: '2027-01-12T21:00:00Z', found: '2027-01-12T21:30:00Z', cause: 'edited' },
      { field: 'waitingRoom', wanted: 'true', found: 'false', cause: 'overruled' },
    ];
    await makeRoom({ differences, pushed: { startsAt: '2027-01-12T21:00:00Z' } });
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    const page = (await browser.get(`/admin/meetings/${meetingId}`)).body;
    expect(page).toMatch(/At Zoom: <strong>Tuesday 12 January 2027.{1,5}9\.30 pm/);
    expect(page).toContain('Your Zoom account’s settings decide this.');
    expect(page).not.toContain('HOST-PRIVILEGE');
    await browser.post(`/admin/meetings/${meetingId}/room`, { act: 'theirs' });
    const [meeting] = await database.db.select().from(meetings).where(eq(meetings.id, meetingId));
    expect(meeting?.wallStart).toBe('2027-01-12T21:30');
    const acts = await listAudit(database.db, { thing: 'room' });
    expect(acts).toMatchObject([{ action: 'room.taken_over', subject: meetingId }]);
    expect(acts[0]!.after).toMatchObject([{ field: 'startsAt' }, { field: 'waitingRoom' }]);
    expect((await browser.get(`/admin/meetings/${meetingId}`)).body).not.toContain('Zoom has something else');
    expect((await browser.post(`/admin/meetings/${meetingId}/room`, { act: 'ours' })).statusCode).toBe(409);
  });

  it('says why there is none and makes it on request', async () => {
    await makeRoom({
      zoomId: null,
      joinUrl: null,
      problem: 'The app lacks the scope meeting:write:meeting:admin.',
    });
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    expect((await browser.get(`/admin/meetings/${meetingId}`)).body).toContain(
      'The app lacks the scope meeting:write:meeting:admin.',
    );
    const before = site.nudges();
    await browser.post(`/admin/meetings/${meetingId}/room`, { act: 'make' });
    expect(site.nudges()).toBe(before + 1);
  });

  it('takes the host to Zoom with a link that is asked for on the spot, and nobody else', async () => {
    await makeRoom();
    const stranger = await site.app.inject(`/admin/meetings/${meetingId}/start`);
    expect(stranger.headers.location).not.toContain('zoom.us');
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    const start = await browser.get(`/admin/meetings/${meetingId}/start`);
    expect(start.headers).toMatchObject({
      location: START,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    expect(JSON.stringify(await database.db.select().from(zoomMeetings))).not.toContain('HOST-PRIVILEGE');
  });
});

describe('the hook for Zoom', () => {
  it('answers the handshake', async () => {
    const { body, headers } = sender.sign(SECRET, {
      event: 'endpoint.url_validation',
      event_ts: 1,
      payload: { plainToken: 'abc' },
    });
    const answer = await site.app.inject({
      method: 'POST',
      url: '/hooks/zoom',
      headers: { ...headers },
      payload: body,
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      plainToken: 'abc',
      encryptedToken: createHmac('sha256', SECRET).update('abc').digest('hex'),
    });
  });

  it('notes a change at Zoom once, asks for a look at it, and answers well before Zoom gives up', async () => {
    await makeRoom();
    const before = site.nudges();
    const took = steadyTime();
    expect((await report('meeting.updated')).statusCode).toBe(204);
    expect(took()).toBeLessThan(2_000);
    expect((await report('meeting.updated')).statusCode).toBe(204);
    expect(site.nudges()).toBe(before + 1);
    expect(await database.db.select().from(zoomEvents)).toHaveLength(1);
    const [room] = await database.db.select().from(zoomMeetings);
    expect(room?.checkedAt).toBeNull();
  });

  it('remembers when a meeting was held', async () => {
    await makeRoom();
    await report('meeting.ended', { start_time: '2027-01-12T20:58:00Z', end_time: '2027-01-12T22:03:00Z' });
    expect(await database.db.select().from(zoomInstances)).toEqual([
      {
        uuid: '/a==',
        meetingId,
        startedAt: Temporal.Instant.from('2027-01-12T20:58:00Z'),
        endedAt: Temporal.Instant.from('2027-01-12T22:03:00Z'),
      },
    ]);
  });

  it('keeps nothing of single participants, nor of meetings that are not ours', async () => {
    const before = site.nudges();
    const joined = await report('meeting.participant_joined', { participant: { user_name: 'Ada' } });
    expect(joined.statusCode).toBe(204);
    expect((await report('meeting.deleted', { id: '99999999999' })).statusCode).toBe(204);
    expect(site.nudges()).toBe(before);
    expect(JSON.stringify(await database.db.select().from(zoomEvents))).not.toContain('Ada');
  });

  it('refuses what is not signed with our secret, is too old or is not an event', async () => {
    await makeRoom();
    expect((await report('meeting.updated', {}, 'another')).statusCode).toBe(401);
    const bare = await site.app.inject({
      method: 'POST',
      url: '/hooks/zoom',
      payload: { event: 'meeting.updated' },
    });
    expect(bare.statusCode).toBe(401);
    const old = sender.sign(SECRET, sender.envelope('meeting.updated', { id: '84512300001' }));
    zoomClock.advance({ minutes: 6 });
    const replayed = await site.app.inject({
      method: 'POST',
      url: '/hooks/zoom',
      headers: { ...old.headers },
      payload: old.body,
    });
    expect(replayed.statusCode).toBe(401);
    expect(await database.db.select().from(zoomEvents)).toEqual([]);
    const closed = await openSite(database);
    const answer = await closed.app.inject({ method: 'POST', url: '/hooks/zoom', payload: {} });
    expect(answer.statusCode).toBe(404);
  });
});
