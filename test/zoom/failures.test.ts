import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ZoomClient } from '../../src/zoom/client.ts';
import { ZoomError } from '../../src/zoom/errors.ts';
import { comeBackAt } from '../../src/zoom/refusals.ts';
import { createMemoryTokenCache } from '../../src/zoom/token-cache.ts';
import { ManualClock } from '../support/clock.ts';
import { aMeeting, connectToFake } from '../support/fake-zoom/connect.ts';
import { ERRORS, type Fault } from '../support/fake-zoom/faults.ts';
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

const create = (by = client) => by.createMeeting('host@example.org', aMeeting());

async function failure(work: Promise<unknown>): Promise<ZoomError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ZoomError);
  return error as ZoomError;
}

describe('the token', () => {
  it('is asked for once, also by many calls at the same time, and renewed in its last minute', async () => {
    await Promise.all(Array.from({ length: 8 }, () => client.checkHost('host@example.org')));
    expect(zoom.account.tokenRequests).toBe(1);
    clock.advance({ minutes: 58, seconds: 59 });
    await client.checkHost('host@example.org');
    expect(zoom.account.tokenRequests).toBe(1);
    clock.advance({ seconds: 1 });
    await client.checkHost('host@example.org');
    expect(zoom.account.tokenRequests).toBe(2);
  });

  it.each([
    ['expired', ERRORS.expiredToken],
    ['invalid', ERRORS.invalidToken],
  ])('is renewed once when Zoom calls it %s, by one of many callers', async (_, fault) => {
    await client.checkHost('host@example.org');
    zoom.faults.add({ fault, path: '/users/', times: 4 });
    await Promise.all(Array.from({ length: 4 }, () => client.checkHost('host@example.org')));
    expect(zoom.account.tokenRequests).toBe(2);
  });

  it('is not asked for without end when every token is refused', async () => {
    zoom.faults.add({ fault: ERRORS.invalidToken, path: '/users/', times: 100 });
    const error = await failure(create());
    expect(error).toMatchObject({ fault: 'credentials', mayHaveHappened: false, retryAt: undefined });
    expect(zoom.account.tokenRequests).toBe(2);
  });

  it('is replaced when a scope was added after it had been issued', async () => {
    const scopes = zoom.account.scopes;
    zoom.account.scopes = ['user:read:user:admin'];
    await client.checkHost('host@example.org');
    const error = await failure(create());
    expect(error).toMatchObject({ fault: 'scope_missing', retryAt: undefined });
    expect(error.message).toContain('meeting:write:meeting:admin');
    zoom.account.scopes = scopes;
    await create();
    expect(zoom.account.created).toHaveLength(1);
  });

  it('is refused for wrong credentials with a message that repeats none of them', async () => {
    const wrong = connectToFake(zoom, clock, { clientSecret: 'not-the-secret' });
    const error = await failure(wrong.checkHost('host@example.org'));
    expect(error.fault).toBe('credentials');
    expect(error.message).toContain('ZOOM_CLIENT_SECRET');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(
      /not-the-secret|fake-account|Basic /,
    );
  });

  it('works through trouble at the token endpoint as trouble that passes', async () => {
    zoom.faults.add({ fault: { kind: 'page', status: 503 }, path: '/oauth/token' });
    const error = await failure(create());
    expect(error).toMatchObject({ fault: 'unavailable', mayHaveHappened: false });
    expect(error.retryAt?.toString()).toBe('2027-05-01T09:01:00Z');
  });
});

describe('too many requests', () => {
  it.each([
    ['seconds', 30, '2027-05-01T09:00:30Z'],
    ['date', 3600, '2027-05-01T10:00:00Z'],
    ['none', 0, '2027-05-02T00:00:00Z'],
  ] as const)('tells when to come back: %s', async (form, seconds, expected) => {
    zoom.faults.add({ fault: { kind: 'rate_limited', form, seconds }, method: 'POST', path: '/meetings' });
    const error = await failure(create());
    expect(error).toMatchObject({ fault: 'rate_limited', mayHaveHappened: false });
    expect(error.retryAt?.toString()).toBe(expected);
    expect(zoom.account.created).toEqual([]);
  });

  it('reads HTTP dates, and does not trust a moment that has passed', () => {
    const now = clock.now();
    const at = (headers: Record<string, string>) => comeBackAt(new Headers(headers), now).toString();
    expect(at({ 'retry-after': 'Sat, 01 May 2027 12:00:00 GMT' })).toBe('2027-05-01T12:00:00Z');
    expect(at({ 'retry-after': '0', 'x-ratelimit-type': 'QPS' })).toBe('2027-05-01T09:00:01Z');
    expect(at({ 'retry-after': 'soon' })).toBe('2027-05-02T00:00:00Z');
    expect(at({ 'x-ratelimit-reset': String(now.epochMilliseconds / 1000 + 3) })).toBe(
      '2027-05-01T09:00:03Z',
    );
  });

  it('ends a host’s day after 100 creations and changes, and only that host’s', async () => {
    for (let i = 0; i < 100; i++) await create();
    const error = await failure(create());
    expect(error.retryAt?.toString()).toBe('2027-05-02T00:00:00Z');
    await client.createMeeting('second@example.org', aMeeting({ alternativeHosts: [] }));
    clock.set('2027-05-02T00:00:00Z');
    await create();
    expect(zoom.account.created).toHaveLength(102);
  });
});

describe('a request whose end is not known', () => {
  const halfDone: [string, Fault][] = [
    ['the connection is cut after the meeting was made', { kind: 'drop', after: true }],
    ['no answer comes', { kind: 'silent', after: true }],
    ['the answer is late', { kind: 'slow', milliseconds: 1500 }],
    ['a gateway gives up', { kind: 'page', status: 504, after: true }],
    ['the answer is no JSON', { kind: 'page', status: 200, after: true }],
  ];
  it.each(halfDone)('says that it may have happened when %s', async (_, fault) => {
    zoom.faults.add({ fault, method: 'POST', path: '/meetings' });
    const isLate = fault.kind === 'silent' || fault.kind === 'slow';
    const by = isLate ? connectToFake(zoom, clock, { timeoutMs: 700 }) : client;
    expect(await failure(create(by))).toMatchObject({ mayHaveHappened: true });
    expect(await client.findMeetings('host@example.org', 'convenor-0001')).toHaveLength(1);
  });

  it('says that it did not happen when nobody listens', async () => {
    const gone = await startFakeZoom({ account: { clock } });
    const tokens = createMemoryTokenCache(clock);
    await tokens.write(gone.account.issueToken().token, 60_000);
    await gone.stop();
    const patient = connectToFake(gone, clock, { tokens });
    const work = () => patient.createMeeting('host@example.org', aMeeting());
    expect(await failure(work())).toMatchObject({ fault: 'unavailable', mayHaveHappened: false });
    const back = await startFakeZoom({ account: gone.account, port: gone.port });
    await work();
    expect(gone.account.created).toHaveLength(1);
    await back.stop();
  });

  it('never says so of a reading', async () => {
    zoom.faults.add({ fault: { kind: 'drop' }, method: 'GET' });
    expect(await failure(client.checkHost('host@example.org'))).toMatchObject({
      fault: 'unavailable',
      mayHaveHappened: false,
    });
  });

  it('ends when the caller stops', async () => {
    const tokens = createMemoryTokenCache(clock);
    const patient = connectToFake(zoom, clock, { tokens, timeoutMs: 60_000 });
    await patient.checkHost('host@example.org');
    zoom.faults.add({ fault: { kind: 'silent', after: true }, method: 'POST', path: '/meetings' });
    const stop = new AbortController();
    const work = failure(patient.createMeeting('host@example.org', aMeeting(), stop.signal));
    stop.abort();
    expect(await work).toMatchObject({ fault: 'unavailable', mayHaveHappened: true });
  });
});

describe('a refusal', () => {
  it.each([
    [ERRORS.featureRefused, 'not_allowed'],
    [ERRORS.meetingUnknown, 'meeting_unknown'],
    [{ kind: 'error', status: 400, code: 300, message: 'Validation Failed.' }, 'invalid'],
    [{ kind: 'error', status: 400, code: 3002, message: 'Meeting is in progress.' }, 'meeting_running'],
    [{ kind: 'error', status: 418, code: 0, message: '' }, 'unexpected_answer'],
  ] as [Fault, string][])('%o is told as %s, for a person to settle', async (fault, expected) => {
    zoom.faults.add({ fault, path: '/meetings' });
    expect(await failure(create())).toMatchObject({
      fault: expected,
      retryAt: undefined,
      mayHaveHappened: false,
    });
  });

  it('carries Zoom’s id of the request for its support', async () => {
    zoom.faults.add({ fault: ERRORS.serverError, path: '/meetings' });
    const error = await failure(create());
    expect(error).toMatchObject({ fault: 'unavailable', mayHaveHappened: true });
    expect(error.trackingId).toMatch(/^FAKE_/);
  });
});
