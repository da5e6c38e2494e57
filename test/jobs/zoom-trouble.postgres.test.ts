/** Each kind of trouble at each step of a room's life. What the database is asked, the tests beside this ask of both. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { zoomMeetings as zoomMeetingsJob } from '../../jobs/zoom-meetings.ts';
import { addMeeting, cancelMeeting, moveMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import type { Services } from '../../src/process/app.ts';
import { roomView } from '../../src/rooms/view.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { joinUrl } from '../support/fake-zoom/account.ts';
import { connectToFake } from '../support/fake-zoom/connect.ts';
import { ERRORS, type Fault } from '../support/fake-zoom/faults.ts';
import { startFakeZoom, type FakeZoom } from '../support/fake-zoom/server.ts';
import { planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

const BEGIN = '2027-05-25T09:00:00Z';
const clock = new ManualClock(BEGIN);
const context = planning(clock);
let database: OpenDatabase;
let zoom: FakeZoom;
let services: Services;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set(BEGIN);
  zoom = await startFakeZoom({ account: { clock } });
  services = { ...testServices(database, clock, {}), zoom: connectToFake(zoom, clock) };
  await setUpOrganisation(services);
  await changeSetting(database.db, 'zoomHost', 'host@example.org', { clock, actor: 'test' });
});
afterEach(() => zoom.stop());

const atZoom = () => [...zoom.account.meetings.values()];

const FAULTS: [string, Fault][] = [
  ['429 in seconds', { kind: 'rate_limited', form: 'seconds', seconds: 20 }],
  ['429 with a date', { kind: 'rate_limited', form: 'date', seconds: 1800 }],
  ['429 without a word', { kind: 'rate_limited', form: 'none', seconds: 0 }],
  ['401', ERRORS.expiredToken],
  ['3001', ERRORS.meetingUnknown],
  ['4711', ERRORS.scopeMissing],
  ['500', ERRORS.serverError],
  ['a slow answer', { kind: 'slow', milliseconds: 1000 }],
  ['silence after it was done', { kind: 'silent', after: true }],
  ['a cut before', { kind: 'drop' }],
  ['a cut after it was done', { kind: 'drop', after: true }],
  ['a gateway’s page after it was done', { kind: 'page', status: 504, after: true }],
];

const STEPS: [string, { method: string; path: string }][] = [
  ['the token', { method: 'POST', path: '/oauth/token' }],
  ['the look', { method: 'GET', path: '/users/' }],
  ['the creation', { method: 'POST', path: '/meetings' }],
  ['the comparison', { method: 'GET', path: '/v2/meetings/' }],
  ['the change', { method: 'PATCH', path: '/v2/meetings/' }],
  ['the removal', { method: 'DELETE', path: '/v2/meetings/' }],
];

describe.each(STEPS)('trouble at %s', (_, step) => {
  it.each(FAULTS)('of the kind “%s” never gives two rooms, and everything settles', async (__, fault) => {
    const isLate = fault.kind === 'silent' || fault.kind === 'slow';
    if (isLate) services = { ...services, zoom: connectToFake(zoom, clock, { timeoutMs: 500 }) };
    // An unknown meeting at its removal counts as removed, so here it would be a wrong answer for good.
    const times = fault === ERRORS.meetingUnknown ? (step.method === 'DELETE' ? 0 : 1) : 2;
    zoom.faults.add({ ...step, fault, times });
    const input = singleMeeting('2027-06-02T19:00', { link: 'zoom', remind: ['1d@09:00'] });
    const meeting = await addMeeting(database.db, input, context);
    const settle = async () => {
      for (const minutes of [0, 1, 1, 2, 10, 60, 24 * 60, 24 * 60]) {
        clock.advance({ minutes });
        await runDueWork([zoomMeetingsJob], services);
        expect(atZoom().length).toBeLessThanOrEqual(1);
      }
    };
    await settle();
    const change = parseMeetingChange({ start: '2027-06-02T18:00' }, 'Europe/London');
    await moveMeeting(database.db, meeting.id, change, context);
    await settle();
    expect(atZoom()).toMatchObject([{ startsAt: Temporal.Instant.from('2027-06-02T17:00:00Z') }]);
    expect(await roomView(database.db, { id: meeting.id, link: 'zoom' })).toMatchObject({
      state: 'ready',
      link: joinUrl(atZoom()[0]!),
      differences: [],
    });
    await cancelMeeting(database.db, meeting.id, null, context);
    await settle();
    expect(atZoom()).toEqual([]);
  });
});
