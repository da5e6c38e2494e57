import type { Clock } from '../../../src/kernel/clock.ts';
import { createZoomClient, type ZoomClient } from '../../../src/zoom/client.ts';
import type { MeetingRequest } from '../../../src/zoom/meetings.ts';
import { createMemoryTokenCache, type TokenCache } from '../../../src/zoom/token-cache.ts';
import type { FakeZoom } from './server.ts';

/** A client of the fake. Tests of silence give it a short time-out; the others are patient with a busy machine. */
export function connectToFake(
  zoom: FakeZoom,
  clock: Clock,
  options: { tokens?: TokenCache; timeoutMs?: number; clientSecret?: string } = {},
): ZoomClient {
  const { accountId, clientId, clientSecret } = zoom.account;
  return createZoomClient({
    account: {
      accountId,
      clientId,
      clientSecret: options.clientSecret ?? clientSecret,
      apiUrl: zoom.apiUrl,
      oauthUrl: zoom.oauthUrl,
    },
    tokens: options.tokens ?? createMemoryTokenCache(clock),
    clock,
    timeoutMs: options.timeoutMs ?? 20_000,
  });
}

/** A meeting on the first Wednesday of June 2027, 7 pm UK time. */
export function aMeeting(changes: Partial<MeetingRequest> = {}): MeetingRequest {
  return {
    topic: 'Monthly network meeting',
    agenda: 'Reference: convenor-0001\n\nSplinting after stroke',
    startsAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
    zone: 'Europe/London',
    durationMinutes: 60,
    passcode: 'k7Qm2x-9',
    waitingRoom: true,
    joinBeforeHost: false,
    muteUponEntry: true,
    alternativeHosts: ['second@example.org'],
    registration: false,
    ...changes,
  };
}
