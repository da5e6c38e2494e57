import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { subscribers } from '../../src/db/schema.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import { listDifferences, resolveDifference } from '../../src/sync/differences.ts';
import { listRuns, startPull } from '../../src/sync/pull-runs.ts';
import { actsIn, ANNA, useWorld } from './acts.ts';
import { enrolHere, pull, receiveEvents, settle, type World } from './world.ts';

describe('two lists', () => {
  let world: World;
  const current = useWorld();
  beforeEach(() => {
    world = current();
  });

  const { here, there, idOf, inGroups, kinds, context, leaveHere, chooseHere, actThere, agreed } =
    actsIn(current);

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
