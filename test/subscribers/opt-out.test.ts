import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { TOPICS, type Topic } from '../../src/db/schema.ts';
import { audienceCount } from '../../src/subscribers/audience.ts';
import { ledgerHead } from '../../src/subscribers/consent-ledger.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { undoUnsubscribe, unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import { findSubscriber, getSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { suppressAddress } from '../../src/subscribers/suppressions.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addressHash, pendingDelivery, someone } from './people.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const context = () => ({ clock, addressHash });
const deliveryOf = async (id: string) =>
  (
    await rows<{ state: string; reason: string | null }>(
      database.db,
      sql`select state, reason from deliveries where id = ${id}`,
    )
  )[0]!;
const linkOf = async (id: string) =>
  (
    await rows<{ wanted: number; urgent: boolean }>(
      database.db,
      sql`select wanted_version as wanted, urgent from mailerlite_links where subscriber_id = ${id}`,
    )
  )[0];
const leave = (subscriberId: string, topic: Topic | 'all' = 'all') =>
  unsubscribe(
    database.db,
    { subscriberId, topic, source: 'one_click', evidence: { ip: '192.0.2.1', userAgent: 'Mail' } },
    { clock },
  );

describe('leaving everything', () => {
  it('is in the ledger, ends the membership, stops what is under way and goes to MailerLite first', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org', ['meetings', 'news']);
    const delivery = await pendingDelivery(database.db, anna);
    const before = await linkOf(anna.id);
    expect(await leave(anna.id)).toEqual({ withdrawn: ['meetings', 'news'], remaining: [], excluded: 1 });
    expect(await getSubscriber(database.db, anna.id)).toMatchObject({ state: 'left', topics: [] });
    expect(await deliveryOf(delivery)).toEqual({ state: 'excluded', reason: 'Has left the list.' });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(0);
    expect(await linkOf(anna.id)).toEqual({ wanted: before!.wanted + 1, urgent: true });
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true, events: 4 });
  });

  it('twice writes nothing more', async () => {
    const anna = await someone(database.db, clock);
    await leave(anna.id);
    const head = await ledgerHead(database.db);
    clock.advance({ hours: 24 });
    expect(await leave(anna.id)).toEqual({ withdrawn: [], remaining: [], excluded: 0 });
    expect(await ledgerHead(database.db)).toEqual(head);
  });

  it('at the same moment from two places writes one act', async () => {
    const anna = await someone(database.db, clock);
    await Promise.all([leave(anna.id), leave(anna.id), leave(anna.id, 'meetings')]);
    expect((await ledgerHead(database.db)).seq).toBe(2);
  });

  it('is no error for somebody who is not there any more', async () => {
    expect(await leave('01930000-0000-7000-8000-000000000000')).toEqual({
      withdrawn: [],
      remaining: [],
      excluded: 0,
    });
  });
});

describe('leaving one topic', () => {
  it('keeps the others and stops only that topic’s messages', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org', ['meetings', 'news']);
    const meeting = await pendingDelivery(database.db, anna, 'meetings');
    const news = await pendingDelivery(database.db, anna, 'news');
    expect(await leave(anna.id, 'news')).toEqual({
      withdrawn: ['news'],
      remaining: ['meetings'],
      excluded: 1,
    });
    expect((await getSubscriber(database.db, anna.id)).state).toBe('active');
    expect((await deliveryOf(meeting)).state).toBe('pending');
    expect(await deliveryOf(news)).toEqual({
      state: 'excluded',
      reason: 'Does not get mail about this topic.',
    });
  });

  it('ends the membership when it was the last one', async () => {
    const anna = await someone(database.db, clock);
    await leave(anna.id, 'meetings');
    expect((await getSubscriber(database.db, anna.id)).state).toBe('left');
  });

  it('puts a refusal on record for a topic never spoken of', async () => {
    const anna = await someone(database.db, clock);
    expect((await leave(anna.id, 'vacancies')).withdrawn).toEqual(['vacancies']);
    expect((await getSubscriber(database.db, anna.id)).topics).toEqual(['meetings']);
  });
});

describe('undo', () => {
  it('turns on again what the last act turned off, and only that', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org', ['meetings', 'training', 'news']);
    await leave(anna.id, 'news');
    clock.advance({ minutes: 1 });
    await leave(anna.id);
    const undo = () =>
      undoUnsubscribe(database.db, { subscriberId: anna.id, source: 'unsubscribe_page' }, { clock });
    expect(await undo()).toEqual(['meetings', 'training']);
    expect(await undo()).toEqual([]);
    expect(await getSubscriber(database.db, anna.id)).toMatchObject({
      state: 'active',
      leftAt: null,
      topics: ['meetings', 'training'],
    });
  });

  it('is not possible after a day, for an administrator’s act, or for who never agreed', async () => {
    const undo = (subscriberId: string) =>
      undoUnsubscribe(database.db, { subscriberId, source: 'unsubscribe_page' }, { clock });
    const anna = await someone(database.db, clock);
    await expect(undo(anna.id)).rejects.toMatchObject({ code: 'wrong_state' });
    await leave(anna.id);
    clock.advance({ hours: 25 });
    await expect(undo(anna.id)).rejects.toMatchObject({ code: 'wrong_state' });
    const ben = await someone(database.db, clock, 'ben@example.org');
    await removeSubscriber(
      database.db,
      { id: ben.id, reason: 'asked by phone' },
      { ...context(), actor: 'cli' },
    );
    await expect(undo(ben.id)).rejects.toMatchObject({ code: 'wrong_state' });
  });
});

describe('preferences', () => {
  const change = (subscriberId: string, topics: Partial<Record<Topic, boolean>>, more = {}) =>
    changePreferences(database.db, { subscriberId, topics, source: 'preferences', ...more }, context());

  it('turn topics on and off in one act, and the same choice again writes nothing', async () => {
    const anna = await someone(database.db, clock);
    const choice = { meetings: false, training: true, news: false };
    expect(await change(anna.id, choice)).toEqual({ on: ['training'], off: ['meetings'] });
    const head = await ledgerHead(database.db);
    expect(await change(anna.id, choice)).toEqual({ on: [], off: [] });
    expect(await ledgerHead(database.db)).toEqual(head);
    expect(await getSubscriber(database.db, anna.id)).toMatchObject({
      state: 'active',
      topics: ['training'],
    });
  });

  it('bring back who has left, by their own act', async () => {
    const anna = await someone(database.db, clock);
    await leave(anna.id);
    await change(anna.id, { meetings: true });
    expect(await getSubscriber(database.db, anna.id)).toMatchObject({
      state: 'active',
      topics: ['meetings'],
    });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(1);
  });

  it('make an own act outweigh an earlier spam report, but not a bounce', async () => {
    const anna = await someone(database.db, clock);
    const suppress = (reason: 'complained' | 'bounced') =>
      suppressAddress(database.db, { normalised: anna.emailNormalised, reason }, context());
    await leave(anna.id);
    await suppress('complained');
    await change(anna.id, { meetings: true });
    expect((await findSubscriber(database.db, anna.id))?.suppressed).toBeNull();
    await suppress('bounced');
    await change(anna.id, { news: true });
    expect((await findSubscriber(database.db, anna.id))?.suppressed).toBe('bounced');
  });

  it('pause until a date: nothing meanwhile, everything after', async () => {
    const anna = await someone(database.db, clock);
    const delivery = await pendingDelivery(database.db, anna);
    const pausedUntil = clock.now().add({ hours: 48 });
    await change(anna.id, {}, { pausedUntil });
    expect(await deliveryOf(delivery)).toEqual({ state: 'excluded', reason: 'Has paused mail for a while.' });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(0);
    expect(await audienceCount(database.db, 'meetings', pausedUntil)).toBe(1);
    await change(anna.id, {}, { pausedUntil: null });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(1);
  });

  it.each([{ hours: -1 }, { hours: 0 }, { hours: 24 * 367 }])('refuse a pause of %j', async (duration) => {
    const anna = await someone(database.db, clock);
    await expect(change(anna.id, {}, { pausedUntil: clock.now().add(duration) })).rejects.toMatchObject({
      code: 'invalid_input',
      problems: [{ field: 'pausedUntil' }],
    });
  });

  it('let an administrator turn off, but not turn on what the person turned off', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org', ['meetings', 'news']);
    await change(anna.id, { news: false });
    const byAdministrator = (topics: Partial<Record<Topic, boolean>>) =>
      change(anna.id, topics, { source: 'administrator' });
    await expect(byAdministrator({ news: true })).rejects.toMatchObject({ code: 'conflict' });
    await byAdministrator({ training: true });
    await byAdministrator({ training: false, meetings: false });
    await expect(byAdministrator({ vacancies: true })).rejects.toMatchObject({ code: 'conflict' });
    expect((await getSubscriber(database.db, anna.id)).topics).toEqual([]);
  });
});

describe('whatever a person does, in any order', () => {
  it('list and ledger agree with what they said last, and acts that change nothing write nothing', async () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant('leave' as const), topic: fc.constantFrom('all' as const, ...TOPICS) }),
      fc.record({
        kind: fc.constant('choose' as const),
        topic: fc.constantFrom(...TOPICS),
        on: fc.boolean(),
      }),
    );
    let person = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 8 }), async (acts) => {
        const anna = await someone(database.db, clock, `p${(person += 1)}@example.org`, ['meetings', 'news']);
        const expected = new Set<Topic>(['meetings', 'news']);
        for (const each of acts) {
          clock.advance({ seconds: 1 });
          for (const repeat of [false, true]) {
            const head = await ledgerHead(database.db);
            if (each.kind === 'leave') await leave(anna.id, each.topic);
            else {
              await changePreferences(
                database.db,
                { subscriberId: anna.id, topics: { [each.topic]: each.on }, source: 'preferences' },
                context(),
              );
            }
            if (repeat) expect(await ledgerHead(database.db)).toEqual(head);
          }
          if (each.kind === 'leave' && each.topic === 'all') expected.clear();
          else if (each.kind === 'choose' && each.on) expected.add(each.topic);
          else expected.delete(each.topic as Topic);
        }
        expect(await getSubscriber(database.db, anna.id)).toMatchObject({
          state: expected.size > 0 ? 'active' : 'left',
          topics: TOPICS.filter((topic) => expected.has(topic)),
        });
      }),
      { numRuns: 25 },
    );
    expect((await verifyLedger(database.db)).ok).toBe(true);
  });
});
