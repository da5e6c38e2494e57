import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createWebhookReader } from '../../src/zoom/webhook.ts';
import { ManualClock } from '../support/clock.ts';
import { startFakeZoom } from '../support/fake-zoom/server.ts';
import { Webhooks } from '../support/fake-zoom/webhooks.ts';

const secret = 'webhook-secret';
const clock = new ManualClock('2027-06-02T19:05:00Z');
const read = createWebhookReader({ secret, clock });
const sender = new Webhooks(clock, 'fake-account');

const ended = {
  id: '84512300001',
  uuid: '/abc==',
  topic: 'Réunion </b>',
  start_time: '2027-06-02T17:55:00Z',
  end_time: '2027-06-02T19:04:30Z',
};

function request(event: unknown) {
  const { body, headers } = sender.sign(secret, event);
  return {
    body: Buffer.from(body),
    signature: headers['x-zm-signature'],
    timestamp: headers['x-zm-request-timestamp'],
  };
}

describe('a webhook request', () => {
  it('is read when its bytes are signed, whatever way its JSON is written', () => {
    const reading = read(request(sender.envelope('meeting.ended', ended)));
    expect(reading).toMatchObject({
      result: 'event',
      received: {
        event: {
          kind: 'meeting_ended',
          meetingId: '84512300001',
          uuid: '/abc==',
          startedAt: Temporal.Instant.from('2027-06-02T17:55:00Z'),
          endedAt: Temporal.Instant.from('2027-06-02T19:04:30Z'),
        },
        at: clock.now(),
      },
    });
  });

  it('is refused when a byte, the time or the signature is not what was signed', () => {
    const good = request(sender.envelope('meeting.ended', ended));
    const refused = { result: 'refused', status: 401 };
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(good.body.toString())));
    expect(rewritten.equals(good.body)).toBe(false);
    expect(read({ ...good, body: rewritten })).toMatchObject(refused);
    expect(read({ ...good, timestamp: String(Number(good.timestamp) + 1) })).toMatchObject(refused);
    expect(read({ ...good, signature: 'v0=00' })).toMatchObject(refused);
    expect(read({ ...good, signature: undefined })).toMatchObject(refused);
    expect(read({ ...good, timestamp: undefined })).toMatchObject(refused);
  });

  it('is refused five minutes after it was signed, in either direction', () => {
    const body = Buffer.from(JSON.stringify(sender.envelope('meeting.ended', ended)));
    const at = (seconds: number) => {
      const timestamp = String(clock.now().epochMilliseconds / 1000 + seconds);
      const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
      return read({ body, timestamp, signature }).result;
    };
    expect([-301, -300, 0, 300, 301].map(at)).toEqual(['refused', 'event', 'event', 'event', 'refused']);
  });

  it('has one key over all its deliveries, and another for another event', () => {
    const key = (event: unknown) => {
      const reading = read(request(event));
      return reading.result === 'event' ? reading.received.dedupeKey : undefined;
    };
    const first = sender.envelope('meeting.ended', ended);
    const joined = (person: string) =>
      sender.envelope('meeting.participant_joined', { ...ended, participant: { participant_uuid: person } });
    expect(key(first)).toBe(key(structuredClone(first)));
    const keys = [first, { ...first, event_ts: first.event_ts + 1 }, joined('a'), joined('b')].map(key);
    expect(new Set(keys).size).toBe(4);
  });

  it('about anything that nothing depends on is named and no more', () => {
    const joined = { ...ended, participant: { user_name: 'Ada', email: 'ada@example.org' } };
    const reading = read(request(sender.envelope('meeting.participant_joined', joined)));
    expect(reading).toMatchObject({
      received: { event: { kind: 'other', name: 'meeting.participant_joined' } },
    });
    expect(JSON.stringify(reading)).not.toContain('Ada');
  });

  it('that is signed but not an event is refused as such', () => {
    expect(read(request({ hello: 1 }))).toMatchObject({ result: 'refused', status: 400 });
    expect(read(request('text'))).toMatchObject({ result: 'refused', status: 400 });
  });

  it('of the handshake is answered so that Zoom accepts the address', async () => {
    const zoom = await startFakeZoom({ account: { clock } });
    const server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const reading = read({
          body: Buffer.concat(chunks),
          signature: incoming.headers['x-zm-signature'] as string,
          timestamp: incoming.headers['x-zm-request-timestamp'] as string,
        });
        response.writeHead(reading.result === 'refused' ? reading.status : 200);
        response.end(reading.result === 'handshake' ? JSON.stringify(reading.answer) : '');
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/zoom`;
    expect(await zoom.webhooks.subscribe({ url, secret })).toBe(true);
    expect(await zoom.webhooks.subscribe({ url, secret: 'another' })).toBe(false);
    zoom.emit('meeting.ended', ended);
    await zoom.webhooks.settled();
    expect(zoom.webhooks.sent).toMatchObject([{ event: 'meeting.ended', status: 200 }]);
    await zoom.stop();
    server.closeAllConnections();
    server.close();
  });
});
