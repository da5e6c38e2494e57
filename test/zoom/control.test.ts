import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../support/clock.ts';
import { aMeeting, connectToFake } from '../support/fake-zoom/connect.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';

const clock = new ManualClock('2027-05-01T09:00:00Z');
let zoom: FakeZoom;

beforeEach(async () => {
  zoom = await startFakeZoom({ account: { clock } });
});
afterEach(() => zoom.stop());

async function control(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${zoom.controlUrl}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.status === 204 ? undefined : response.json();
}

describe('the control interface of the fake', () => {
  it('orders faults, edits meetings as the portal does, and runs them', async () => {
    const client = connectToFake(zoom, clock);
    await control('POST', '/faults', {
      fault: { kind: 'rate_limited', form: 'seconds', seconds: 5 },
      method: 'POST',
      path: '/meetings',
    });
    await expect(client.createMeeting('host@example.org', aMeeting())).rejects.toMatchObject({
      fault: 'rate_limited',
    });
    const meeting = await client.createMeeting('host@example.org', aMeeting());
    await control('POST', `/meetings/${meeting.id}/edit`, { topic: 'Changed by hand' });
    expect(await client.getMeeting(meeting.id)).toMatchObject({ topic: 'Changed by hand' });
    await control('POST', `/meetings/${meeting.id}/run`, {
      startedAt: '2027-06-02T18:00:00Z',
      endedAt: '2027-06-02T19:00:00Z',
      participants: [{ name: 'Ada', join_time: '2027-06-02T18:00:00Z', leave_time: '2027-06-02T19:00:00Z' }],
    });
    const [instance] = await client.listInstances(meeting.id);
    expect(await client.listParticipants(instance!.uuid)).toHaveLength(1);
    await control('POST', `/meetings/${meeting.id}/delete`);
    await expect(client.getMeeting(meeting.id)).rejects.toMatchObject({ fault: 'meeting_unknown' });
    expect(await control('GET', '/state')).toMatchObject({ created: 1, meetings: [] });
  });
});
