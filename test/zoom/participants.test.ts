import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ZoomClient } from '../../src/zoom/client.ts';
import { encodeUuid } from '../../src/zoom/participants.ts';
import { ManualClock } from '../support/clock.ts';
import type { FakeParticipant } from '../support/fake-zoom/account.ts';
import { aMeeting, connectToFake } from '../support/fake-zoom/connect.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';

const clock = new ManualClock('2027-06-02T17:00:00Z');
let zoom: FakeZoom;
let client: ZoomClient;

beforeEach(async () => {
  zoom = await startFakeZoom({ account: { clock } });
  client = connectToFake(zoom, clock);
});
afterEach(() => zoom.stop());

const row = (name: string, extra: Partial<FakeParticipant> = {}): FakeParticipant => ({
  name,
  join_time: '2027-06-02T18:00:00Z',
  leave_time: '2027-06-02T19:00:00Z',
  ...extra,
});

async function run(host: string, uuid: string, participants: FakeParticipant[]) {
  const meeting = await client.createMeeting(host, aMeeting({ alternativeHosts: [] }));
  zoom.account.runMeeting({
    uuid,
    meetingId: Number(meeting.id),
    startedAt: Temporal.Instant.from('2027-06-02T17:55:00Z'),
    endedAt: Temporal.Instant.from('2027-06-02T19:05:00Z'),
    participants,
  });
  return meeting;
}

describe('participants', () => {
  it.each(['plainUuid==', '/abc+d==', 'ab//cd==', 'ab/cd==', '/a//b/=='])(
    'of the run %s are read under its own UUID',
    async (uuid) => {
      const meeting = await run('host@example.org', uuid, [row('Ada', { user_email: 'ada@example.org' })]);
      const [instance] = await client.listInstances(meeting.id);
      expect(instance?.uuid).toBe(uuid);
      expect(await client.listParticipants(uuid)).toEqual([
        {
          name: 'Ada',
          email: 'ada@example.org',
          joinedAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
          leftAt: Temporal.Instant.from('2027-06-02T19:00:00Z'),
          inWaitingRoom: false,
        },
      ]);
    },
  );

  it('encodes a UUID twice only where Zoom asks for it', () => {
    expect(encodeUuid('/ab==')).toBe('%252Fab%253D%253D');
    expect(encodeUuid('a//b')).toBe('a%252F%252Fb');
    expect(encodeUuid('a/b==')).toBe('a%2Fb%3D%3D');
  });

  it('come complete over several pages', async () => {
    const everybody = Array.from({ length: 725 }, (_, i) => row(`Person ${i}`));
    await run('host@example.org', 'many==', everybody);
    const rows = await client.listParticipants('many==');
    expect(rows.map((person) => person.name)).toEqual(everybody.map((person) => person.name));
    expect(zoom.seen.filter((request) => request.path.includes('/participants'))).toHaveLength(3);
  });

  it('keep the waiting room, the registration and blank mails apart', async () => {
    await run('host@example.org', 'w==', [
      row('Ada', { status: 'in_waiting_room', user_email: '' }),
      row('Ben', { registrant_id: 'r1', id: 'p1' }),
    ]);
    const [ada, ben] = await client.listParticipants('w==');
    expect(ada).toMatchObject({ inWaitingRoom: true });
    expect(ada).not.toHaveProperty('email');
    expect(ben).toMatchObject({ registrantId: 'r1', personId: 'p1', inWaitingRoom: false });
  });

  it('are read from the report where the account only has that scope', async () => {
    await run('host@example.org', 'r==', [row('Ada')]);
    zoom.account.scopes = zoom.account.scopes.filter((scope) => !scope.includes('past_participants'));
    zoom.account.revokeTokens();
    expect(await client.listParticipants('r==')).toHaveLength(1);
    expect(zoom.seen.at(-1)?.path).toContain(
      '/report/meetings/r%3D%3D/participants?page_size=300&include_fields=',
    );
  });

  it('are refused in words when neither list is open to the account', async () => {
    await run('basic@example.org', 'n==', [row('Ada')]);
    zoom.account.scopes = zoom.account.scopes.filter((scope) => !scope.includes('past_participants'));
    zoom.account.revokeTokens();
    await expect(client.listParticipants('n==')).rejects.toMatchObject({ fault: 'not_allowed' });
    await expect(client.listParticipants('unknown==')).rejects.toMatchObject({ fault: 'meeting_unknown' });
  });
});
