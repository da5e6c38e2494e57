import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseTimestamp } from '../../src/mailerlite/timestamps.ts';
import { parseWebhook, verifySignature } from '../../src/mailerlite/webhook-events.ts';
import { ManualClock } from '../support/clock.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import { clientOf } from './support.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('the signature of a webhook', () => {
  const body = Buffer.from('{"event":"subscriber.updated","name":"é"}');
  const sign = (secret: string) => createHmac('sha256', secret).update(body).digest('hex');

  it('is good over the exact bytes with the right secret', () => {
    expect(verifySignature(body, sign('s3cret'), 's3cret')).toBe(true);
  });

  it.each([
    ['another secret', sign('other')],
    ['a cut signature', sign('s3cret').slice(0, 40)],
    ['text that is no hex', 'not hex'],
    ['nothing', undefined],
    ['an empty text', ''],
  ])('is bad with %s', (_, signature) => {
    expect(verifySignature(body, signature, 's3cret')).toBe(false);
  });

  it('is bad when one byte was changed, and with an empty secret', () => {
    expect(verifySignature(Buffer.concat([body, Buffer.from(' ')]), sign('s3cret'), 's3cret')).toBe(false);
    expect(verifySignature(body, sign(''), '')).toBe(false);
  });
});

describe('a webhook message', () => {
  const person = { id: '129543796651197476', email: 'Ada@Example.org', status: 'unsubscribed' };

  it('is read with the name in `event` and the person around it', () => {
    const [event] = parseWebhook(
      bytes({ ...person, event: 'subscriber.unsubscribed', unsubscribed_at: '2025-01-31T09:00:00.000000Z' }),
    );
    expect(event).toMatchObject({
      name: 'subscriber.unsubscribed',
      subscriber: { id: person.id, email: 'ada@example.org', status: 'unsubscribed' },
    });
    expect(event!.subscriber!.unsubscribedAt!.toString()).toBe('2025-01-31T09:00:00Z');
  });

  it('is read with the name in `type` and the person inside', () => {
    const [event] = parseWebhook(
      bytes({
        type: 'subscriber.added_to_group',
        subscriber: person,
        group: { id: '1', name: 'x' },
        extra: 1,
      }),
    );
    expect(event).toMatchObject({ name: 'subscriber.added_to_group', subscriber: { id: person.id } });
  });

  it('is read in batches, where one odd entry costs only itself', () => {
    const events = parseWebhook(
      bytes({
        events: [{ ...person, event: 'subscriber.updated' }, 5, { neither: 1 }, { event: 'x.y' }],
        total: 4,
      }),
    );
    expect(events.map(({ name }) => name)).toEqual(['subscriber.updated', 'x.y']);
  });

  it('of an unknown kind, about a campaign, or without a readable person is let through', () => {
    const events = parseWebhook(
      bytes({
        events: [
          { event: 'campaign.sent', id: '5', name: 'x' },
          { event: 'subscriber.teleported', ...person },
          { event: 'subscriber.updated', id: 'odd' },
        ],
      }),
    );
    expect(events.map(({ name, subscriber }) => [name, subscriber?.id])).toEqual([
      ['campaign.sent', undefined],
      ['subscriber.teleported', person.id],
      ['subscriber.updated', undefined],
    ]);
  });

  it.each(['', 'not json', '[]', 'null', '{"events":{}}'])('that is %j holds no event', (text) => {
    expect(parseWebhook(Buffer.from(text))).toEqual([]);
  });

  it('keeps its key alone or in a batch, in any order of its fields, and no other event has it', () => {
    const event = { event: 'subscriber.updated', ...person, updated_at: '2025-01-31T09:00:00.000000Z' };
    const turned = Object.fromEntries(Object.entries(event).toReversed());
    const keys = [bytes(event), bytes({ events: [turned] })].map((body) => parseWebhook(body)[0]!.dedupeKey);
    expect(keys[0]).toBe(keys[1]);
    const later = { ...event, updated_at: '2025-01-31T09:00:01.000000Z' };
    expect(parseWebhook(bytes(later))[0]!.dedupeKey).not.toBe(keys[0]);
  });
});

describe('messages of the fake', () => {
  let fake: FakeMailerLite;
  const clock = new ManualClock('2026-02-01T09:00:00Z');

  beforeEach(async () => {
    fake = await startFakeMailerLite({ clock });
  });

  afterEach(() => fake.close());

  it('are signed, in one batch, and tell of every act', async () => {
    const { webhook } = await clientOf(fake).ensureWebhook('http://127.0.0.1:9/hook');
    const group = fake.createGroup({ name: 'Meetings' })['id'] as string;
    const ada = fake.createSubscriber({ email: 'ada@example.org' });
    fake.act({ email: 'ada@example.org', act: 'join', group });
    fake.act({ email: 'ada@example.org', act: 'unsubscribe' });
    fake.act({ email: 'ada@example.org', act: 'delete' });
    const [message, ...others] = fake.takeDeliveries();
    expect(others).toEqual([]);
    expect(verifySignature(Buffer.from(message!.body), message!.headers['signature'], webhook.secret)).toBe(
      true,
    );
    const events = parseWebhook(Buffer.from(message!.body));
    expect(events.map(({ name }) => name)).toEqual([
      'subscriber.added_to_group',
      'subscriber.unsubscribed',
      'subscriber.deleted',
    ]);
    expect(events.every(({ subscriber }) => subscriber?.id === ada['id'])).toBe(true);
  });
});

describe('a time of MailerLite', () => {
  it.each([
    ['2025-01-31 09:00:00', '2025-01-31T09:00:00Z'],
    ['2025-07-31T09:00:00.000000Z', '2025-07-31T09:00:00Z'],
    ['2025-07-31T09:00:00+01:00', '2025-07-31T08:00:00Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseTimestamp(text)?.toString()).toBe(instant);
  });

  it.each(['', '31/01/2025', '2025-02-30 09:00:00', '2025-01-31', 'null'])('%j is none', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});
