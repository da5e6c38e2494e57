import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { TOPICS } from '../../src/db/schema.ts';
import { newId } from '../../src/kernel/ids.ts';
import { ledgerHead, recordConsent, type ConsentAct } from '../../src/subscribers/consent-ledger.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { someone } from './people.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

/** Changes the ledger as somebody with full power over the database could. */
async function tamper(statement: ReturnType<typeof sql>): Promise<void> {
  await database.db.execute(sql`alter table consent_events disable trigger user`);
  await database.db.execute(statement);
  await database.db.execute(sql`alter table consent_events enable trigger user`);
}

const folded = (subscriberId: string) =>
  rows<{ topic: string; subscribed: boolean }>(
    database.db,
    sql`select topic, subscribed from topic_subscriptions where subscriber_id = ${subscriberId} order by topic`,
  );

describe('the ledger', () => {
  it('is empty and sound at first', async () => {
    expect(await verifyLedger(database.db)).toEqual({ ok: true, events: 0, head: '0'.repeat(64) });
  });

  it('refuses to change, remove or empty what is written', async () => {
    await someone(database.db, clock);
    for (const statement of [
      sql`update consent_events set act = 'withdrawn'`,
      sql`delete from consent_events`,
      sql`truncate consent_events cascade`,
    ]) {
      await expect(database.db.execute(statement)).rejects.toThrow();
    }
    expect((await verifyLedger(database.db)).events).toBe(1);
  });

  it('takes thousands of acts at once, in order, and folds the last word on each topic', async () => {
    const anna = await someone(database.db, clock);
    const acts = Array.from({ length: 5_001 }, (_, index): ConsentAct => ({
      subscriberId: anna.id,
      topic: 'news',
      act: index % 2 === 0 ? 'given' : 'withdrawn',
      source: 'preferences',
      note: `№ ${index}`,
    }));
    await recordConsent(database.db, acts, { clock });
    expect((await ledgerHead(database.db)).seq).toBe(5_002);
    expect(await folded(anna.id)).toContainEqual({ topic: 'news', subscribed: true });
    expect((await verifyLedger(database.db)).ok).toBe(true);
  });

  it('keeps writers that come at once in one chain', async () => {
    const people = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => someone(database.db, clock, `${name}@example.org`)),
    );
    await Promise.all(
      people.flatMap(({ id }) =>
        TOPICS.map((topic) =>
          recordConsent(database.db, [{ subscriberId: id, topic, act: 'withdrawn', source: 'one_click' }], {
            clock,
          }),
        ),
      ),
    );
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true, events: 20 });
  });

  it('keeps what the browser told apart from the chain, which holds without it', async () => {
    const anna = await someone(database.db, clock);
    const evidence = { ip: '192.0.2.7', userAgent: 'Browser/1.0' };
    await recordConsent(
      database.db,
      [{ subscriberId: anna.id, topic: 'news', act: 'given', source: 'form', wording: 'news@1', evidence }],
      { clock },
    );
    const ledger = JSON.stringify(await rows(database.db, sql`select * from consent_events`));
    expect(ledger).not.toContain('192.0.2.7');
    expect((await verifyLedger(database.db)).ok).toBe(true);
    await database.db.execute(sql`update consent_evidence set ip = '198.51.100.1'`);
    expect(await verifyLedger(database.db)).toMatchObject({
      ok: false,
      fault: { seq: 2, problem: expect.stringContaining('evidence') },
    });
    await database.db.execute(sql`delete from consent_evidence`);
    expect((await verifyLedger(database.db)).ok).toBe(true);
  });
});

describe('verification names the first row that does not agree', () => {
  let ids: string[];
  beforeEach(async () => {
    ids = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      ids.push((await someone(database.db, clock, `${name}@example.org`)).id);
      clock.advance({ minutes: 1 });
    }
  });

  it.each([
    ['act', sql`update consent_events set act = 'withdrawn' where seq = 3`],
    ['time', sql`update consent_events set at = at - interval '1 day' where seq = 3`],
    [
      'person',
      sql`update consent_events set subscriber_id = ${newId(Temporal.Instant.fromEpochMilliseconds(1))} where seq = 3`,
    ],
    ['wording', sql`update consent_events set wording = 'meetings@9' where seq = 3`],
    ['source', sql`update consent_events set source = 'form' where seq = 3`],
    ['hash', sql`update consent_events set hash = repeat('a', 64) where seq = 3`],
  ])('after a change of its %s', async (_, statement) => {
    await tamper(statement);
    expect(await verifyLedger(database.db)).toMatchObject({ ok: false, fault: { seq: 3 } });
  });

  it('after a row was taken out', async () => {
    await tamper(sql`delete from topic_subscriptions where event_seq = 3`);
    await tamper(sql`delete from consent_events where seq = 3`);
    expect(await verifyLedger(database.db)).toMatchObject({
      ok: false,
      fault: { seq: 4, problem: expect.stringContaining('missing') },
    });
  });

  it('after the list was changed past the ledger', async () => {
    await database.db.execute(
      sql`update topic_subscriptions set subscribed = false where subscriber_id = ${ids[1]!}`,
    );
    expect(await verifyLedger(database.db)).toMatchObject({
      ok: false,
      fault: { seq: 2, subscriberId: ids[1]!, problem: expect.stringContaining('not subscribed') },
    });
    await database.db.execute(sql`delete from topic_subscriptions where subscriber_id = ${ids[0]!}`);
    expect(await verifyLedger(database.db)).toMatchObject({ fault: { seq: 1, subscriberId: ids[0]! } });
  });
});

describe('for any acts in any batches', () => {
  it('the folded state is the last word on each topic and the chain is sound', async () => {
    const people = [
      await someone(database.db, clock, 'a@example.org'),
      await someone(database.db, clock, 'b@example.org'),
    ].map(({ id }) => id);
    const act = fc.record({
      subscriberId: fc.constantFrom(...people),
      topic: fc.constantFrom(...TOPICS),
      act: fc.constantFrom('given' as const, 'withdrawn' as const, 'lapsed' as const),
      source: fc.constantFrom('form' as const, 'one_click' as const, 'mailerlite_sync' as const),
      note: fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'é', '😀', ' ') }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(act, { maxLength: 6 }), { maxLength: 4 }), async (batches) => {
        for (const batch of batches) {
          await recordConsent(database.db, batch, { clock });
          clock.advance({ milliseconds: 1 });
        }
        const last = new Map(batches.flat().map((each) => [`${each.subscriberId} ${each.topic}`, each.act]));
        for (const [key, lastAct] of last) {
          const [id, topic] = key.split(' ') as [string, string];
          expect(await folded(id)).toContainEqual({ topic, subscribed: lastAct === 'given' });
        }
        expect(await verifyLedger(database.db)).toMatchObject({ ok: true });
      }),
      { numRuns: 30 },
    );
  });
});
