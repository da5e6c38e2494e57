import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareMeeting } from '../../src/zoom/differences.ts';
import type { ZoomClient } from '../../src/zoom/client.ts';
import { ManualClock } from '../support/clock.ts';
import { aMeeting, connectToFake } from '../support/fake-zoom/connect.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';

const clock = new ManualClock('2027-05-01T09:00:00Z');
let zoom: FakeZoom;
let client: ZoomClient;

beforeEach(async () => {
  clock.set('2027-05-01T09:00:00Z');
  zoom = await startFakeZoom({ account: { clock } });
  client = connectToFake(zoom, clock);
});
afterEach(() => zoom.stop());

describe('a meeting at Zoom', () => {
  it('is created as asked, and its host link never comes in', async () => {
    const wanted = aMeeting();
    const meeting = await client.createMeeting('host@example.org', wanted);
    expect(compareMeeting(wanted, meeting)).toEqual([]);
    expect(meeting.id).toMatch(/^\d{11}$/);
    expect(meeting.joinUrl).toContain(`/j/${meeting.id}?pwd=`);
    expect(JSON.stringify(meeting)).not.toMatch(/zak=|start_url|HOST-PRIVILEGE/);
    const sent = zoom.seen.find((request) => request.method === 'POST' && request.path.includes('/meetings'));
    expect(sent?.body).toMatchObject({
      type: 2,
      start_time: '2027-06-02T18:00:00Z',
      timezone: 'Europe/London',
      settings: { approval_type: 2, email_notification: false, use_pmi: false, auto_recording: 'none' },
    });
  });

  it('names one instant in the hour that the clock change repeats', async () => {
    const startsAt = Temporal.Instant.from('2027-10-31T01:30:00Z');
    const meeting = await client.createMeeting('host@example.org', aMeeting({ startsAt }));
    expect(meeting.startsAt.equals(startsAt)).toBe(true);
  });

  it('is found by its marker over several pages, oldest first, and only for its host', async () => {
    const agenda = `Reference: convenor-0042\n${'x'.repeat(500)}`;
    const first = await client.createMeeting('host@example.org', aMeeting({ agenda }));
    clock.advance({ minutes: 1 });
    const second = await client.createMeeting('host@example.org', aMeeting({ agenda }));
    const host = zoom.account.findUser('host@example.org')!;
    const template = zoom.account.meetings.get(Number(first.id))!;
    for (let i = 0; i < 310; i++) zoom.account.addMeeting(host, { ...template, agenda: 'another one' });
    await client.createMeeting('second@example.org', aMeeting({ agenda, alternativeHosts: [] }));
    const found = await client.findMeetings('host@example.org', 'convenor-0042');
    expect(found.map((meeting) => meeting.id)).toEqual([first.id, second.id]);
    expect(await client.findMeetings('host@example.org', 'convenor-0043')).toEqual([]);
    expect(zoom.seen.filter((request) => request.path.includes('type=upcoming'))).toHaveLength(4);
  });

  it('changes only the given values, and another passcode makes another link', async () => {
    const before = await client.createMeeting('host@example.org', aMeeting());
    const moved = await client.updateMeeting(before.id, {
      startsAt: Temporal.Instant.from('2027-06-09T18:00:00Z'),
      zone: 'Europe/London',
    });
    expect(moved).toMatchObject({ topic: before.topic, joinUrl: before.joinUrl, waitingRoom: true });
    expect(zoom.seen.find((request) => request.method === 'PATCH')?.body).toEqual({
      start_time: '2027-06-09T18:00:00Z',
      timezone: 'Europe/London',
      settings: {},
    });
    const locked = await client.updateMeeting(before.id, { passcode: 'other-1' });
    expect(locked.joinUrl).not.toBe(before.joinUrl);
  });

  it('shows what the account’s settings overrule', async () => {
    zoom.account.locked = { waiting_room: false, mute_upon_entry: false };
    const wanted = aMeeting();
    const meeting = await client.createMeeting('host@example.org', wanted);
    expect(compareMeeting(wanted, meeting)).toEqual([
      { field: 'waitingRoom', wanted: 'true', found: 'false' },
      { field: 'muteUponEntry', wanted: 'true', found: 'false' },
    ]);
  });

  it('counts as removed when it is removed, unknown or over', async () => {
    const meeting = await client.createMeeting('host@example.org', aMeeting());
    await client.deleteMeeting(meeting.id);
    await client.deleteMeeting(meeting.id);
    const over = await client.createMeeting('host@example.org', aMeeting());
    zoom.account.runMeeting({
      meetingId: Number(over.id),
      startedAt: clock.now(),
      endedAt: clock.now(),
      participants: [],
    });
    await client.deleteMeeting(over.id);
    const removal = zoom.seen.find((request) => request.method === 'DELETE');
    expect(removal?.path).toContain('schedule_for_reminder=false&cancel_meeting_reminder=false');
  });

  it('is unknown 30 days after its date', async () => {
    const meeting = await client.createMeeting('host@example.org', aMeeting());
    clock.set('2027-07-03T18:00:00Z');
    await expect(client.getMeeting(meeting.id)).rejects.toMatchObject({ fault: 'meeting_unknown' });
  });

  it('has a long topic and agenda cut, never within a character', async () => {
    const meeting = await client.createMeeting(
      'host@example.org',
      aMeeting({ topic: `${'a'.repeat(199)}🦊`, agenda: 'b'.repeat(2500) }),
    );
    expect(meeting.topic).toBe('a'.repeat(199));
    expect(meeting.agenda).toHaveLength(2000);
  });
});

describe('a host', () => {
  it('is checked together with the credentials', async () => {
    expect(await client.checkHost('host@example.org')).toEqual({
      id: 'hostUserId1',
      licensed: true,
      active: true,
    });
    expect(await client.checkHost('basic@example.org')).toMatchObject({ licensed: false });
    await expect(client.checkHost('nobody@example.org')).rejects.toMatchObject({ fault: 'host_unknown' });
  });

  it('may only be helped by licensed people of the account, and no address comes back in the refusal', async () => {
    const wanted = aMeeting({ alternativeHosts: ['stranger@example.com'] });
    const refused = client.createMeeting('host@example.org', wanted);
    await expect(refused).rejects.toMatchObject({ fault: 'invalid', mayHaveHappened: false });
    await expect(refused).rejects.not.toThrow(/stranger@/);
  });
});
