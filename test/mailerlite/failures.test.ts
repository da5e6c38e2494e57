import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/kernel/log.ts';
import { createMailerLiteClient, type MailerLiteClient } from '../../src/mailerlite/client.ts';
import { MailerLiteError, refusalOf, toMailerLiteError } from '../../src/mailerlite/errors.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import type { Fault } from '../support/fake-mailerlite/faults.ts';
import { clientOf, openPace } from './support.ts';

const KEY = 'eyJ0eXAiOiJKV1Qi.very-secret-key.x';

/** What the call threw, which must be one of our own. */
async function failureOf(call: Promise<unknown>): Promise<MailerLiteError> {
  const error: unknown = await call.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MailerLiteError);
  return error as MailerLiteError;
}

describe('a failed call to MailerLite', () => {
  let fake: FakeMailerLite;
  let client: MailerLiteClient;
  let pace: ReturnType<typeof openPace>;

  beforeEach(async () => {
    fake = await startFakeMailerLite({ apiKey: KEY });
    pace = openPace();
    client = clientOf(fake, { timeoutMs: 20_000, pace });
  });

  afterEach(() => fake.close());

  const faults: [Fault, Partial<MailerLiteError>][] = [
    [
      { kind: 'rate_limited', retryAfter: 119 },
      { kind: 'rate_limited', retryAfterSeconds: 119 },
    ],
    [{ kind: 'server_error' }, { kind: 'unavailable', status: 500, mayHaveHappened: true }],
    [{ kind: 'unavailable' }, { kind: 'unavailable', status: 503 }],
    [{ kind: 'hang' }, { kind: 'timeout', mayHaveHappened: true }],
    [
      { kind: 'slow', delayMs: 5000 },
      { kind: 'timeout', mayHaveHappened: true },
    ],
    [{ kind: 'dropped' }, { kind: 'unavailable', mayHaveHappened: true }],
    [{ kind: 'dropped_after' }, { kind: 'unavailable', mayHaveHappened: true }],
    [{ kind: 'not_json' }, { kind: 'malformed' }],
  ];

  it.each(faults)('$kind is told as what it is, and never shows the key', async (fault, expected) => {
    const by = expected.kind === 'timeout' ? clientOf(fake, { timeoutMs: 200, pace }) : client;
    const calls = [
      () => by.listSubscribers({ status: 'active', limit: 10 }),
      // Goes past the SDK.
      () => by.listWebhooks(),
      () => by.applyChanges([{ kind: 'count' }]),
    ];
    for (const call of calls) {
      fake.addFault(fault);
      const error = await failureOf(call());
      expect(error).toMatchObject(expected);
      for (const text of [
        JSON.stringify(error),
        inspect(error, { depth: 20, showHidden: true }),
        error.stack!,
      ]) {
        expect(text).not.toContain(KEY);
      }
    }
  });

  it('is tried once and not again', async () => {
    fake.addFault({ kind: 'server_error', times: 3 });
    await failureOf(client.countSubscribers());
    expect(fake.requests()).toHaveLength(1);
  });

  it('with 429 silences all workers for as long as MailerLite asks', async () => {
    fake.addFault({ kind: 'rate_limited', retryAfter: 30 });
    await failureOf(client.countSubscribers());
    expect(pace.blocks).toEqual([30]);
  });

  it('with a wrong key says what to do', async () => {
    const other = createMailerLiteClient({
      apiKey: `${KEY}-old`,
      baseUrl: fake.baseUrl,
      pace,
      log: createLog('silent'),
    });
    const error = await failureOf(other.listGroups());
    expect(error.kind).toBe('unauthenticated');
    expect(error.message).toContain('MAILERLITE_API_KEY');
  });

  it('without a connection says that nothing happened', async () => {
    await fake.close();
    for (const call of [() => client.countSubscribers(), () => client.listWebhooks()]) {
      expect(await failureOf(call())).toMatchObject({ kind: 'unavailable', mayHaveHappened: false });
    }
  });

  it('ends when the caller stops', async () => {
    fake.addFault({ kind: 'hang', times: 2 });
    const stop = new AbortController();
    const call = failureOf(client.countSubscribers({ signal: stop.signal }));
    setImmediate(() => stop.abort());
    expect((await call).kind).toBe('timeout');
  });

  it('by the SDK before a request is made is a rejection like any other', async () => {
    expect(await failureOf(client.getCampaign(''))).toBeInstanceOf(MailerLiteError);
  });

  it.each(['old', 'new'] as const)(
    'for what is gone is known by its status in the %s wording',
    async (wording) => {
      fake.setBehaviour({ notFoundWording: wording });
      expect((await failureOf(client.getGroup('123'))).kind).toBe('not_found');
      expect((await failureOf(client.getCampaign('123'))).kind).toBe('not_found');
      expect(await client.findSubscriber('123')).toBeUndefined();
    },
  );
});

describe('a refusal', () => {
  it('to take somebody back is known by the person it names, whatever the words', () => {
    const body = { message: 'Nope.', errors: { email: ['Not possible'] }, subscriber: '129543796651197476' };
    expect(refusalOf(422, body)).toMatchObject({ kind: 'opted_out', subscriberId: '129543796651197476' });
  });

  it('to take somebody back is known by the words where it names nobody', () => {
    const body = { message: 'x', errors: { email: ['This subscriber is bounced and cannot be imported'] } };
    expect(refusalOf(422, body).kind).toBe('opted_out');
    expect(refusalOf(422, { message: 'x', errors: { email: ['The email must be valid.'] } }).kind).toBe(
      'invalid',
    );
  });

  it('that quotes an address does not hand it on', () => {
    const error = refusalOf(422, {
      message: 'ada@example.org is odd',
      errors: { email: ['ada@example.org'] },
    });
    expect(JSON.stringify(error) + error.message).not.toContain('ada@');
  });

  it.each([
    ['a bare text', '"Campaign is not with status draft"'],
    ['nothing', ''],
    ['a list', [1, 2]],
    ['null', null],
  ])('whose body is %s is still a refusal', (_, body) => {
    expect(refusalOf(422, body).kind).toBe('invalid');
  });

  it('for the plan is known by the field or the word, never by the name of a plan', () => {
    expect(refusalOf(422, { message: 'No.', errors: { 'emails.0.content': ['No.'] } }).kind).toBe(
      'plan_refused',
    );
    expect(refusalOf(422, { message: 'Only on the Premium plan.' }).kind).toBe('plan_refused');
    expect(refusalOf(403, {}).kind).toBe('plan_refused');
  });

  it.each([
    [undefined, 60],
    ['soon', 60],
    ['0', 60],
    ['119', 119],
  ])('for too many calls with Retry-After %s waits %i seconds', (header, seconds) => {
    expect(refusalOf(429, {}, header ?? null).retryAfterSeconds).toBe(seconds);
  });

  it('keeps no trace of what was thrown', () => {
    const original = Object.assign(new Error(`Bearer ${KEY}`), {
      config: { headers: { Authorization: KEY } },
    });
    expect(inspect(toMailerLiteError(original), { depth: 20 })).not.toContain(KEY);
  });
});
