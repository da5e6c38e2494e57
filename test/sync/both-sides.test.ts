import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { eraseSubscriber } from '../../src/subscribers/erasure.ts';
import { findSubscriber, removeSubscriber, updateSubscriber } from '../../src/subscribers/subscribers.ts';
import { listRuns } from '../../src/sync/pull-runs.ts';
import { actsIn, ANNA, useWorld } from './acts.ts';
import { enrolHere, mailableHere, pull, receiveEvents, settle, type World } from './world.ts';

describe('two lists', () => {
  let world: World;
  const current = useWorld();
  beforeEach(() => {
    world = current();
  });

  const {
    here,
    there,
    idOf,
    inGroups,
    kinds,
    context,
    leaveHere,
    chooseHere,
    pauseFor,
    actThere,
    agreed,
    receive,
  } = actsIn(current);

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
});
