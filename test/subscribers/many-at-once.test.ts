import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'drizzle-orm';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { ConvenorError } from '../../src/kernel/errors.ts';
import { eraseSubscriber } from '../../src/subscribers/erasure.ts';
import { importSubscribers } from '../../src/subscribers/import.ts';
import { startJoining } from '../../src/subscribers/joining.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import { applyRetention } from '../../src/subscribers/retention.ts';
import { findSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { changeWording } from '../../src/subscribers/wordings.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { addressHash } from './people.ts';

let database: OpenDatabase;
const clock = new ManualClock('2026-11-01T12:00:00Z');
const context = () => ({ clock, actor: 'cli', addressHash });
const ADDRESSES = Array.from({ length: 12 }, (_, index) => `p${index}@example.org`);

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => emptyDatabase(database));

const load = (addresses: readonly string[]) =>
  importSubscribers(
    database.db,
    {
      name: 'list.csv',
      async *open() {
        yield new TextEncoder().encode(`email\n${addresses.join('\n')}\n`);
      },
    },
    { topics: ['meetings', 'news'] },
    context(),
  );

/** Something that is done to somebody, whoever else does what at that moment. */
const ACTS = {
  import: () => load([...ADDRESSES].reverse()),
  wording: () =>
    changeWording(
      database.db,
      { key: 'news', text: `text ${crypto.randomUUID()}`, coversEarlier: false },
      { clock, actor: 'cli' },
    ),
  retention: () => applyRetention(database.db, { clock, addressHash }),
  join: (_id: string, address: string) =>
    startJoining(
      database.db,
      { form: { email: address, memberKind: 'OT', topics: ['meetings'], declaration: true } },
      context(),
    ),
  leave: (id: string) =>
    unsubscribe(database.db, { subscriberId: id, topic: 'all', source: 'one_click' }, { clock }),
  choose: (id: string) =>
    changePreferences(
      database.db,
      { subscriberId: id, topics: { training: true, news: false }, source: 'preferences' },
      context(),
    ),
  remove: (id: string) => removeSubscriber(database.db, { id, reason: 'test' }, context()),
  erase: (id: string) => eraseSubscriber(database.db, { id, by: 'preferences' }, context()),
};

describe('many acts at once', () => {
  it(
    'never wait for each other in a circle, and leave list and ledger in agreement',
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.constantFrom(...(Object.keys(ACTS) as (keyof typeof ACTS)[])), fc.nat(11)), {
            minLength: 8,
            maxLength: 30,
          }),
          async (plan) => {
            await emptyDatabase(database);
            await load(ADDRESSES);
            const ids = await Promise.all(
              ADDRESSES.map(async (address) => (await findSubscriber(database.db, address))!.id),
            );
            const outcomes = await Promise.allSettled(
              plan.map(([act, index]) => ACTS[act](ids[index]!, ADDRESSES[index]!)),
            );
            for (const outcome of outcomes) {
              if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ConvenorError);
            }
            expect(await verifyLedger(database.db)).toMatchObject({ ok: true });
            const optedOut = plan.filter(([act]) => act === 'leave' || act === 'remove' || act === 'erase');
            for (const [act, index] of optedOut) {
              const found = await findSubscriber(database.db, ADDRESSES[index]!);
              const cameBack = plan.some(([other, at]) => other === 'choose' && at === index);
              if (act !== 'leave' || !cameBack) expect(found?.state).not.toBe('active');
            }
            const wrong = await rows(
              database.db,
              sql`select s.id from subscribers s where (s.state = 'left') and exists (
              select 1 from topic_subscriptions t where t.subscriber_id = s.id and t.subscribed
            )`,
            );
            expect(wrong).toEqual([]);
          },
        ),
        { numRuns: 12, endOnFailure: true },
      );
    },
  );
});
