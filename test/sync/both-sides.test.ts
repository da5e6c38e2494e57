import { eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { subscribers, type Topic } from '../../src/db/schema.ts';
import { eraseSubscriber } from '../../src/subscribers/erasure.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import { findSubscriber, removeSubscriber, updateSubscriber } from '../../src/subscribers/subscribers.ts';
import { listDifferences, resolveDifference } from '../../src/sync/differences.ts';
import { listRuns, startPull } from '../../src/sync/pull-runs.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import {
  createWorld,
  enrolHere,
  mailableHere,
  mailableThere,
  pull,
  receiveEvents,
  settle,
  type World,
} from './world.ts';

describe('two lists', () => {
  let database: OpenDatabase;
  let world: World;
  const ANNA = 'anna@example.org';

  beforeAll(async () => {
    database = await openTestDatabase();
  });

  afterAll(() => database.close());

  beforeEach(async () => {
    await emptyDatabase(database);
    world = await createWorld(database);
  });

  afterEach(() => world.close());

  const here = async (email = ANNA) => (await mailableHere(world)).get(email);
  const there = (email = ANNA) => mailableThere(world, email);
  const idOf = async (email = ANNA) => (await findSubscriber(world.db, email))!.id;
  const inGroups = (...topics: ('meetings' | 'training')[]) => topics.map((topic) => world.groups[topic]);
  const kinds = async () => (await listDifferences(world.db)).map(({ kind }) => kind);
  const context = () => ({ clock: world.clock, actor: 'admin:1', addressHash: world.services.addressHash });

  async function leaveHere(email = ANNA, topic: Topic | 'all' = 'all'): Promise<void> {
    world.clock.advance({ minutes: 1 });
    await unsubscribe(world.db, { subscriberId: await idOf(email), topic, source: 'one_click' }, world);
  }

  async function chooseHere(topics: Partial<Record<Topic, boolean>>, email = ANNA): Promise<void> {
    world.clock.advance({ minutes: 1 });
    await changePreferences(
      world.db,
      { subscriberId: await idOf(email), topics, source: 'preferences' },
      { clock: world.clock, addressHash: world.services.addressHash },
    );
  }

  async function pauseFor(time: { hours: number }): Promise<void> {
    await changePreferences(
      world.db,
      { subscriberId: await idOf(), pausedUntil: world.clock.now().add(time), source: 'preferences' },
      { clock: world.clock, addressHash: world.services.addressHash },
    );
  }

  function actThere(act: Parameters<World['fake']['act']>[0]): void {
    world.clock.advance({ minutes: 1 });
    world.fake.act(act);
  }

  /** Both lists hold one person in the given topics. */
  async function agreed(...topics: ('meetings' | 'training')[]): Promise<void> {
    world.fake.createSubscriber({ email: ANNA, groups: inGroups(...topics) });
    await pull(world);
    expect(await here()).toEqual(topics);
  }

  async function receive(): Promise<void> {
    await receiveEvents(world);
    await settle(world);
  }

  describe('at the first comparison', () => {
    it('take MailerLite’s people over as they are, and invent nothing', async () => {
      const { fake } = world;
      fake.createSubscriber({
        email: 'Both@Example.org',
        groups: inGroups('meetings', 'training'),
        source: 'webform',
        subscribed_at: '2024-03-01 10:00:00',
        fields: { name: 'Ada', last_name: 'Ash' },
      });
      fake.createSubscriber({ email: 'none@example.org' });
      fake.createSubscriber({
        email: 'left@example.org',
        status: 'unsubscribed',
        unsubscribed_at: '2025-05-05 10:00:00',
        groups: inGroups('meetings'),
      });
      fake.createSubscriber({ email: 'waits@example.org', status: 'unconfirmed' });
      fake.createSubscriber({ email: 'bounced@example.org', status: 'bounced' });
      fake.createSubscriber({ email: 'spam@example.org', status: 'junk' });
      await pull(world);

      expect([...(await mailableHere(world))]).toEqual([
        ['both@example.org', ['meetings', 'training']],
        ['left@example.org', []],
        ['none@example.org', []],
      ]);
      const both = (await findSubscriber(world.db, 'both@example.org'))!;
      expect(both).toMatchObject({ name: 'Ada Ash', state: 'active' });
      expect((await findSubscriber(world.db, 'left@example.org'))!.state).toBe('left');
      const events = await rows<{ note: string; source: string }>(
        world.db,
        sql`select distinct note, source from consent_events order by note`,
      );
      expect(events).toEqual([
        { note: 'held in MailerLite since 2024-03-01, source webform', source: 'mailerlite_sync' },
        { note: 'left the list in MailerLite on 2025-05-05', source: 'mailerlite_sync' },
      ]);
      const suppressed = await rows<{ reason: string }>(
        world.db,
        sql`select reason from suppressions order by reason`,
      );
      expect(suppressed.map(({ reason }) => reason)).toEqual(['bounced', 'complained']);
      expect(await kinds()).toEqual([]);
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ state: 'done', first: true, counts: { added: 3, pages: 5 } });
    });

    it('put our people into MailerLite, with their groups', async () => {
      await enrolHere(world, [ANNA, 'bo@example.org'], ['training']);
      await pull(world);
      expect([there(), there('bo@example.org')]).toEqual([['training'], ['training']]);
      expect(await kinds()).toEqual([]);
    });

    it('join what both know, topic by topic, and let every opt-out stand', async () => {
      await enrolHere(world, [ANNA], ['training']);
      await chooseHere({ training: false, news: true });
      world.fake.createSubscriber({ email: ANNA, groups: inGroups('meetings', 'training') });
      await pull(world);
      expect(await here()).toEqual(['meetings']);
      expect(there()).toEqual(['meetings']);
    });
  });

  describe('after an act here', () => {
    it('follow a choice of topics', async () => {
      await agreed('meetings');
      await chooseHere({ training: true, meetings: false });
      await settle(world);
      expect(there()).toEqual(['training']);
    });

    it('follow an opt-out by one click at once, from everything', async () => {
      await agreed('meetings', 'training');
      await leaveHere();
      await settle(world);
      expect(world.fake.subscriber({ email: ANNA })['status']).toBe('unsubscribed');
    });

    it('follow an opt-out that was made while MailerLite was down', async () => {
      await agreed('meetings');
      world.fake.addFault({ kind: 'unavailable', times: 2 });
      await leaveHere();
      for (let times = 0; times < 2; times++)
        await expect(settle(world)).rejects.toMatchObject({ kind: 'unavailable' });
      await settle(world);
      expect(there()).toEqual([]);
    });

    it('follow a removal and an erasure, after which nothing brings the person back', async () => {
      await agreed('meetings');
      await removeSubscriber(world.db, { id: await idOf(), reason: 'not a therapist' }, context());
      await settle(world);
      expect(there()).toEqual([]);

      world.fake.createSubscriber({ email: 'bo@example.org', groups: inGroups('meetings') });
      await pull(world);
      await eraseSubscriber(world.db, { id: await idOf('bo@example.org'), by: 'administrator' }, context());
      await settle(world);
      expect(() => world.fake.subscriber({ email: 'bo@example.org' })).toThrow('No query results');
      world.fake.createSubscriber({ email: 'bo@EXAMPLE.org', groups: inGroups('meetings') });
      await pull(world);
      expect(await here('bo@example.org')).toBeUndefined();
      expect(there('bo@example.org')).toEqual([]);

      // Nor somebody who was removed and then erased, nor what MailerLite keeps of one whom it was never linked with.
      await eraseSubscriber(world.db, { id: await idOf(), by: 'administrator' }, context());
      await enrolHere(world, ['cy@example.org']);
      await eraseSubscriber(world.db, { id: await idOf('cy@example.org'), by: 'preferences' }, context());
      world.fake.createSubscriber({ email: ANNA, groups: inGroups('meetings') });
      world.fake.act({ email: ANNA, act: 'return', confirmed: true });
      world.fake.createSubscriber({ email: 'cy@example.org', status: 'unsubscribed' });
      await pull(world);
      for (const email of [ANNA, 'cy@example.org']) {
        expect(() => world.fake.subscriber({ email })).toThrow('No query results');
      }
      expect(await kinds()).toEqual([]);
    });

    it('leave the groups for a pause and come back after it', async () => {
      await agreed('meetings');
      await pauseFor({ hours: 48 });
      await pull(world);
      expect([await here(), there()]).toEqual([[], []]);
      world.clock.advance({ hours: 49 });
      await pull(world);
      expect([await here(), there()]).toEqual([['meetings'], ['meetings']]);
    });

    it('give MailerLite a new address and let it forget the old one', async () => {
      await agreed('meetings');
      await updateSubscriber(world.db, { id: await idOf(), email: 'new@example.org' }, context());
      await settle(world);
      expect([there(), there('new@example.org')]).toEqual([[], ['meetings']]);
      await pull(world);
      expect(await kinds()).toEqual([]);
      expect(await here('new@example.org')).toEqual(['meetings']);
      expect(await here()).toBeUndefined();
    });
  });

  describe('after an act in MailerLite', () => {
    it.each(['webhook', 'comparison'])('follow an opt-out heard of by %s', async (way) => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      await agreed('meetings', 'training');
      actThere({ email: ANNA, act: 'unsubscribe' });
      if (way === 'webhook') await receive();
      else await pull(world);
      expect(await here()).toEqual([]);
      expect((await findSubscriber(world.db, ANNA))!.state).toBe('left');
      const [event] = await rows<{ source: string; note: string }>(
        world.db,
        sql`select source, note from consent_events order by consent_events.seq desc limit 1`,
      );
      expect(event!.note).toBe('left the list in MailerLite on 2026-11-02');
      expect(event!.source).toBe(way === 'webhook' ? 'mailerlite_webhook' : 'mailerlite_sync');
    });

    it.each(['webhook', 'comparison'])(
      'follow a group that was left or joined, heard of by %s',
      async (way) => {
        await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
        await agreed('meetings');
        actThere({ email: ANNA, act: 'leave', group: world.groups.meetings });
        actThere({ email: ANNA, act: 'join', group: world.groups.training });
        if (way === 'webhook') await receive();
        else await pull(world);
        expect(await here()).toEqual(['training']);
        expect(there()).toEqual(['training']);
      },
    );

    it('let a bounce stop our mail, and a complaint end every agreement', async () => {
      await agreed('meetings');
      actThere({ email: ANNA, act: 'bounce' });
      await pull(world);
      expect((await findSubscriber(world.db, ANNA))!).toMatchObject({
        suppressed: 'bounced',
        topics: ['meetings'],
      });
      world.fake.createSubscriber({ email: 'bo@example.org', groups: inGroups('meetings') });
      await pull(world);
      actThere({ email: 'bo@example.org', act: 'complain' });
      await pull(world);
      expect((await findSubscriber(world.db, 'bo@example.org'))!).toMatchObject({
        suppressed: 'complained',
        topics: [],
        state: 'left',
      });
    });

    it('take an opt-out from the event itself while MailerLite cannot be asked', async () => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      await agreed('meetings');
      actThere({ email: ANNA, act: 'unsubscribe' });
      world.fake.addFault({ kind: 'dropped', times: 1 });
      await receiveEvents(world);
      await expect(settle(world)).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await here()).toEqual([]);
      await settle(world);
      expect(await kinds()).toEqual([]);
    });

    it('take doubled, late and turned events for what they are', async () => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      await agreed('meetings');
      actThere({ email: ANNA, act: 'unsubscribe' });
      const early = world.fake.takeDeliveries();
      // The person comes back by a form that they confirm.
      actThere({ email: ANNA, act: 'return', confirmed: true });
      const late = world.fake.takeDeliveries();
      await receiveEvents(world, [...late, ...late]);
      await settle(world);
      expect(await here()).toEqual(['meetings']);
      await receiveEvents(world, [...early, ...late, ...early]);
      await settle(world);
      expect(await here()).toEqual(['meetings']);
      expect(there()).toEqual(['meetings']);
    });

    it('take a late report of leaving for more than a return that nobody confirmed', async () => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      await agreed('meetings');
      actThere({ email: ANNA, act: 'unsubscribe' });
      const early = world.fake.takeDeliveries();
      actThere({ email: ANNA, act: 'return' });
      await receiveEvents(world);
      await settle(world);
      await receiveEvents(world, early);
      await settle(world);
      expect([await here(), there()]).toEqual([[], []]);
    });

    it('take a report in the words of an earlier one for news', async () => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      await agreed('meetings');
      const leave = { email: ANNA, act: 'leave', group: world.groups.meetings } as const;
      actThere(leave);
      const words = world.fake.takeDeliveries();
      await receiveEvents(world, words);
      await settle(world);
      expect(await here()).toEqual([]);
      actThere({ email: ANNA, act: 'return', confirmed: true });
      actThere({ email: ANNA, act: 'join', group: world.groups.meetings });
      await receive();
      expect(await here()).toEqual(['meetings']);
      actThere(leave);
      world.fake.takeDeliveries();
      await receiveEvents(world, words);
      await settle(world);
      expect([await here(), there()]).toEqual([[], []]);
    });

    it('do not take a pause, of which MailerLite reports that they left the group, for an opt-out', async () => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      await agreed('meetings');
      await pauseFor({ hours: 30 });
      await settle(world);
      expect(there()).toEqual([]);
      world.clock.advance({ minutes: 17 });
      await receiveEvents(world);
      await settle(world);
      world.clock.advance({ hours: 31 });
      await settle(world);
      expect([await here(), there()]).toEqual([['meetings'], ['meetings']]);
    });
  });

  describe('where they contradict each other', () => {
    it('let nobody come back by being put on the list there, and say so', async () => {
      await agreed('meetings');
      await leaveHere();
      await settle(world);
      world.fake.setBehaviour({ reactivation: 'allow' });
      // Somebody imports an old file into MailerLite.
      actThere({ email: ANNA, act: 'return' });
      await pull(world);
      expect([await here(), there()]).toEqual([[], []]);
      expect(await kinds()).toEqual(['came_back_there']);
    });

    it('let a person come back who confirms a form there', async () => {
      await agreed('meetings');
      await leaveHere();
      await settle(world);
      world.clock.advance({ hours: 1 });
      world.fake.act({ email: ANNA, act: 'return', confirmed: true });
      await pull(world);
      expect([await here(), there()]).toEqual([['meetings'], ['meetings']]);
      expect(await kinds()).toEqual([]);
    });

    it('let the newer act win, in either order', async () => {
      await agreed('meetings', 'training');
      actThere({ email: ANNA, act: 'unsubscribe' });
      await chooseHere({ training: false });
      await chooseHere({ training: true });
      await pull(world);
      // What is older than the opt-out there is off; what the person chose after it is on.
      expect(await here()).toEqual(['training']);
      expect(await kinds()).toEqual(['not_taken_back']);

      world.fake.createSubscriber({ email: 'bo@example.org', groups: inGroups('meetings') });
      await pull(world);
      await chooseHere({ training: true }, 'bo@example.org');
      actThere({ email: 'bo@example.org', act: 'unsubscribe' });
      await pull(world);
      expect(await here('bo@example.org')).toEqual([]);
    });

    it('show the refusal to take somebody back as what it is, and drop it when they come back themselves', async () => {
      await agreed('meetings');
      actThere({ email: ANNA, act: 'unsubscribe' });
      await pull(world);
      await chooseHere({ meetings: true });
      await settle(world);
      expect(await here()).toEqual(['meetings']);
      expect(there()).toEqual([]);
      expect(await kinds()).toEqual(['not_taken_back']);
      const requests = world.fake.requests().length;
      await settle(world);
      expect(world.fake.requests()).toHaveLength(requests);
      actThere({ email: ANNA, act: 'return' });
      await pull(world);
      expect(there()).toEqual(['meetings']);
      expect(await kinds()).toEqual([]);
    });

    it('leave to a person what to do about somebody who was removed there', async () => {
      await agreed('meetings');
      actThere({ email: ANNA, act: 'delete' });
      await pull(world);
      const [difference] = await listDifferences(world.db);
      expect(difference).toMatchObject({ kind: 'gone_there' });
      expect(await here()).toEqual(['meetings']);
      await resolveDifference(world.db, { id: difference!.id, action: 'put_back' }, context());
      await settle(world);
      expect(there()).toEqual(['meetings']);
      expect(await kinds()).toEqual([]);
      await expect(
        resolveDifference(world.db, { id: difference!.id, action: 'put_back' }, context()),
      ).rejects.toMatchObject({ code: 'wrong_state' });

      actThere({ email: ANNA, act: 'delete' });
      await pull(world);
      const [again] = await listDifferences(world.db);
      await resolveDifference(world.db, { id: again!.id, action: 'remove_here' }, context());
      expect((await findSubscriber(world.db, ANNA))!.state).toBe('removed');
    });

    it('ask which address is right when MailerLite has another', async () => {
      await agreed('meetings');
      await world.client.listGroups();
      await fetch(`${world.fake.baseUrl}/api/subscribers/${ANNA}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${world.fake.apiKey}` },
        body: JSON.stringify({ email: 'anna.new@example.org' }),
      });
      await pull(world);
      const [difference] = await listDifferences(world.db);
      expect(difference).toMatchObject({ kind: 'address_differs' });
      expect(await here()).toEqual(['meetings']);
      await resolveDifference(world.db, { id: difference!.id, action: 'use_theirs' }, context());
      await pull(world);
      expect(await here('anna.new@example.org')).toEqual(['meetings']);
      expect(there('anna.new@example.org')).toEqual(['meetings']);
      expect(await kinds()).toEqual([]);
    });

    it('say so when MailerLite wants a confirmation of its own', async () => {
      world.fake.setBehaviour({ doubleOptIn: true });
      await enrolHere(world, [ANNA]);
      await settle(world);
      expect(await kinds()).toEqual(['unconfirmed_there']);
      actThere({ email: ANNA, act: 'confirm' });
      await pull(world);
      expect(there()).toEqual(['meetings']);
      expect(await kinds()).toEqual([]);
    });
  });

  describe('are safe from a mistake', () => {
    it('that removes a group in MailerLite: nobody leaves by it', async () => {
      world.fake.createSubscribers({ count: 15, groups: inGroups('meetings') });
      await pull(world);
      await fetch(`${world.fake.baseUrl}/api/groups/${world.groups.meetings}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${world.fake.apiKey}` },
      });
      await pull(world);
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ state: 'failed' });
      expect(run!.reason).toContain('no longer exists');
      expect(await here('person3@example.org')).toEqual(['meetings']);
    });

    it('that removes a group in the middle of a comparison or before its events are dealt with', async () => {
      await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
      world.fake.createSubscribers({ count: 15, groups: inGroups('meetings') });
      await pull(world);
      for (let number = 1; number <= 15; number++) {
        world.fake.act({ email: `person${number}@example.org`, act: 'leave', group: world.groups.meetings });
      }
      await fetch(`${world.fake.baseUrl}/api/groups/${world.groups.meetings}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${world.fake.apiKey}` },
      });
      await receiveEvents(world);
      await expect(settle(world)).rejects.toThrow('no longer exists');
      expect(await here('person3@example.org')).toEqual(['meetings']);
    });

    it('that empties a group is followed once it is sure that the group is there', async () => {
      world.fake.createSubscribers({ count: 15, groups: inGroups('meetings') });
      await pull(world);
      world.clock.advance({ minutes: 1 });
      for (let number = 1; number <= 15; number++) {
        world.fake.act({ email: `person${number}@example.org`, act: 'leave', group: world.groups.meetings });
      }
      await pull(world);
      expect(await here('person3@example.org')).toEqual([]);
    });

    it('that gives the key of another account: nobody counts as gone, unless somebody says that they are', async () => {
      world.fake.createSubscribers({ count: 40, groups: inGroups('meetings') });
      await pull(world);
      for (let number = 1; number <= 40; number++) {
        world.fake.act({ email: `person${number}@example.org`, act: 'delete' });
      }
      await pull(world);
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ state: 'failed', missing: 40 });
      expect(run!.reason).toContain('40 of 40');
      const compareAgain = async (missingExpected: number) => {
        await startPull(world.db, { trigger: 'demand', startedBy: 'admin:1', missingExpected }, world);
        await settle(world);
      };
      await compareAgain(39);
      expect(await kinds()).toEqual([]);
      await compareAgain(40);
      expect(await kinds()).toEqual(Array.from({ length: 40 }, () => 'gone_there'));
      expect(await here('person3@example.org')).toEqual(['meetings']);
    });
  });

  it('of fifty changes with one refused mark forty-nine and report one', async () => {
    const emails = Array.from({ length: 50 }, (_, index) => `p${index}@example.org`);
    world.fake.createSubscriber({
      email: 'p7@example.org',
      status: 'unsubscribed',
      unsubscribed_at: '2020-01-01 00:00:00',
    });
    await enrolHere(world, emails);
    await settle(world);
    expect(emails.filter((email) => there(email).length > 0)).toHaveLength(49);
    expect(await listDifferences(world.db)).toMatchObject([
      { kind: 'not_taken_back', subscriberId: await idOf('p7@example.org') },
    ]);
    const [{ waiting }] = (await rows<{ waiting: number }>(
      world.db,
      sql`select count(*)::int as waiting from mailerlite_links where wanted_version > done_version`,
    )) as [{ waiting: number }];
    expect(waiting).toBe(0);
    const states = await world.db.select().from(subscribers).where(eq(subscribers.state, 'active'));
    expect(states).toHaveLength(50);
  });
});
