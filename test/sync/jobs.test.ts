import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { mailerlitePull } from '../../jobs/mailerlite-pull.ts';
import { mailerlitePush } from '../../jobs/mailerlite-push.ts';
import { mailerliteWebhookCheck } from '../../jobs/mailerlite-webhook-check.ts';
import { rows } from '../../src/db/open.ts';
import type { MailerLiteClient } from '../../src/mailerlite/client.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import { planWarnings, syncOverview } from '../../src/sync/overview.ts';
import { listRuns, runningPull, startPull } from '../../src/sync/pull-runs.ts';
import { listTopicGroups, mapTopic, unmapTopic } from '../../src/sync/topic-groups.ts';
import { readWebhookState, wantWebhook } from '../../src/sync/webhook-state.ts';
import { useWorld } from './acts.ts';
import { enrolHere, mailableHere, mailableThere, pull, settle, type World } from './world.ts';

describe('the jobs of the synchronisation', () => {
  const newWorld = useWorld();
  let world: World;
  beforeEach(() => {
    world = newWorld();
  });

  const running = () => ({ ...world.services, signal: new AbortController().signal });
  const pages = () => world.fake.requests().filter(({ path }) => path.startsWith('/api/subscribers?'));
  const begin = (size: number) =>
    world.db.transaction(async (tx) => {
      const { run } = await startPull(tx, { trigger: 'demand', startedBy: 'test' }, world);
      await tx.execute(sql`update sync_runs set page_size = ${size} where id = ${run.id}`);
      return run;
    });

  it('are off without a key', async () => {
    const { mailerlite: _, ...without } = running();
    await enrolHere(world, ['anna@example.org']);
    await begin(10);
    for (const job of [mailerlitePush, mailerlitePull, mailerliteWebhookCheck]) {
      expect(await job.due(without)).toEqual([]);
    }
  });

  describe('a comparison', () => {
    it('goes on after a kill where the last page was saved, and asks no page twice but that one', async () => {
      world.fake.createSubscribers({ count: 25, groups: [world.groups.meetings] });
      await begin(5);
      // The process dies with the third page in its hands.
      let left = 3;
      const mailerlite: MailerLiteClient = {
        ...world.client,
        listSubscribers: async (query, options) => {
          const page = await world.client.listSubscribers(query, options);
          left -= 1;
          if (left === 0) throw new Error('killed');
          return page;
        },
      };
      await expect(mailerlitePull.run({}, { ...running(), mailerlite })).rejects.toThrow('killed');
      expect(await runningPull(world.db)).toMatchObject({ position: 2, counts: { added: 10 } });
      expect(pages()).toHaveLength(3);

      await settle(world);
      expect(pages()).toHaveLength(3 + 3 + 4);
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ state: 'done', counts: { added: 25, seen: { active: 25 } } });
    });

    it('is worked off once by two workers at the same time', async () => {
      world.fake.createSubscribers({ count: 12, groups: [world.groups.meetings] });
      await begin(5);
      await Promise.all([mailerlitePull.run({}, running()), mailerlitePull.run({}, running())]);
      await settle(world);
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ state: 'done', counts: { added: 12, pages: 7, seen: { active: 12 } } });
      const [acts] = await rows<{ n: number }>(world.db, sql`select count(*)::int as n from consent_events`);
      expect(acts!.n).toBe(12);
    });

    it('is one at a time', async () => {
      const first = await startPull(world.db, { trigger: 'demand', startedBy: 'admin:1' }, world);
      const second = await startPull(world.db, { trigger: 'demand', startedBy: 'admin:2' }, world);
      expect([first.begun, second.begun]).toEqual([true, false]);
      expect(second.run.id).toBe(first.run.id);
    });

    it.each(['cut', 'refuse'] as const)(
      'gets by with smaller pages where MailerLite has to %s large ones',
      async (how) => {
        world.fake.setBehaviour({ subscriberPageMaximum: 100, subscriberPageExcess: how });
        world.fake.createSubscribers({ count: 250, groups: [world.groups.meetings] });
        await pull(world);
        const [run] = await listRuns(world.db);
        expect(run).toMatchObject({ state: 'done', counts: { added: 250, pages: 7 } });
      },
    );

    it('begins by night on the organisation’s clock, once somebody has asked for the first', async () => {
      const due = async (at: string) => {
        world.clock.set(at);
        return (await mailerlitePull.due(running())).length;
      };
      expect(await due('2026-11-03T02:31:00Z')).toBe(0);
      await pull(world);
      expect(await due('2026-11-04T02:29:00Z')).toBe(0);
      expect(await due('2026-11-04T02:30:00Z')).toBe(1);
      await settle(world);
      expect(await due('2026-11-04T23:00:00Z')).toBe(0);
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ trigger: 'nightly', state: 'done', first: false });
      // In summer half past two is half past one in UTC.
      expect(await due('2027-06-02T01:30:00Z')).toBe(1);
    });

    it('with a key that is not accepted ends and says why', async () => {
      await begin(10);
      const other = await createWorldWithWrongKey();
      await mailerlitePull.run({}, { ...running(), mailerlite: other });
      const [run] = await listRuns(world.db);
      expect(run).toMatchObject({ state: 'failed', reason: expect.stringContaining('API key') as string });
      expect(run!.reason).not.toContain('wrong-key');
    });

    it('outlives faults of MailerLite and goes on', async () => {
      world.fake.createSubscribers({ count: 25, groups: [world.groups.meetings] });
      await begin(5);
      for (const kind of ['server_error', 'dropped', 'not_json', 'rate_limited'] as const) {
        world.fake.addFault({ kind, matching: 'GET /api/subscribers', after: 1, retryAfter: 20 });
        await expect(mailerlitePull.run({}, running())).rejects.toThrow('MailerLite');
      }
      await settle(world);
      expect((await listRuns(world.db))[0]).toMatchObject({ state: 'done', counts: { added: 25 } });
    });

    async function createWorldWithWrongKey(): Promise<MailerLiteClient> {
      const { clientOf } = await import('../mailerlite/support.ts');
      return clientOf(world.fake, { apiKey: 'wrong-key' });
    }
  });

  describe('a push', () => {
    it('is due only while there is something to tell, opt-outs as work of their own', async () => {
      expect(await mailerlitePush.due(running())).toEqual([]);
      const [anna] = await enrolHere(world, ['anna@example.org']);
      expect((await mailerlitePush.due(running())).map(({ key }) => key)).toEqual(['normal']);
      await settle(world);
      await unsubscribe(world.db, { subscriberId: anna!, topic: 'all', source: 'one_click' }, world);
      expect((await mailerlitePush.due(running())).map(({ key }) => key)).toEqual(['urgent']);
      await settle(world);
      expect(await mailerlitePush.due(running())).toEqual([]);
    });

    it('that only adds people is no import', async () => {
      await enrolHere(
        world,
        Array.from({ length: 400 }, (_, index) => `p${index}@example.org`),
      );
      await settle(world);
      expect(world.fake.counts().active).toBe(400);
      expect(world.fake.requests().filter(({ status }) => status === 429)).toEqual([]);
      expect(world.fake.requests()).toHaveLength(Math.ceil(400 / 49));
    });

    it('whose answer was lost is made again and adds nobody twice', async () => {
      world.fake.addFault({ kind: 'dropped_after', matching: 'batch' });
      await enrolHere(world, ['anna@example.org']);
      await expect(settle(world)).rejects.toMatchObject({ kind: 'unavailable', mayHaveHappened: true });
      await settle(world);
      expect(world.fake.counts().active).toBe(1);
      expect((await syncOverview(world.db)).waiting).toBe(0);
    });

    it('tells nothing of somebody who has left while it waited for its turn', async () => {
      const [anna] = await enrolHere(world, ['anna@example.org']);
      const mailerlite: MailerLiteClient = {
        ...world.client,
        takeTurn: async (kind, signal) => {
          await unsubscribe(world.db, { subscriberId: anna!, topic: 'all', source: 'one_click' }, world);
          return world.client.takeTurn(kind, signal);
        },
      };
      await mailerlitePush.run({ urgent: false }, { ...running(), mailerlite });
      await settle(world);
      expect(world.fake.counts().active).toBe(0);
    });

    it('does not go on for ever about somebody who cannot be put into a group', async () => {
      const [anna] = await enrolHere(world, ['anna@example.org']);
      await settle(world);
      await fetch(`${world.fake.baseUrl}/api/groups/${world.groups.training}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${world.fake.apiKey}` },
      });
      await enrolHere(world, ['anna@example.org'], ['training']);
      await settle(world);
      const overview = await syncOverview(world.db);
      expect(overview).toMatchObject({ waiting: 0, differences: 1 });
      expect(anna).toBeDefined();
    });

    it('makes the group of a topic when somebody wants mail about it, or takes one of that name', async () => {
      await pull(world);
      world.fake.createGroup({ name: 'vacancies' });
      await enrolHere(world, ['anna@example.org'], ['vacancies', 'news']);
      await settle(world);
      const mapped = await listTopicGroups(world.db);
      expect(mapped.map(({ topic, groupName }) => [topic, groupName])).toEqual([
        ['meetings', 'Meetings'],
        ['training', 'Training'],
        ['vacancies', 'vacancies'],
        ['news', 'News'],
      ]);
      const groups = world.fake.subscriber({ email: 'anna@example.org' })['groups'] as { id: string }[];
      expect(groups).toHaveLength(2);
    });
  });

  describe('a topic', () => {
    it('that is given a group later takes over who is in it and puts in who is missing', async () => {
      const news = world.fake.createGroup({ name: 'Bulletin' })['id'] as string;
      world.fake.createSubscriber({ email: 'anna@example.org', groups: [news] });
      await pull(world);
      await enrolHere(world, ['bo@example.org'], ['news']);
      await mapTopic(
        world.db,
        { topic: 'news', groupId: news, groupName: 'Bulletin' },
        { ...world, actor: 'admin:1' },
      );
      await settle(world);
      await pull(world);
      expect((await findSubscriber(world.db, 'anna@example.org'))!.topics).toEqual(['news']);
      const groups = world.fake.subscriber({ email: 'bo@example.org' })['groups'] as { id: string }[];
      expect(groups.map(({ id }) => id)).toEqual([news]);
    });

    it('has a group of its own, and without one changes nobody', async () => {
      world.fake.createSubscriber({ email: 'anna@example.org', groups: [world.groups.meetings] });
      await pull(world);
      const context = { ...world, actor: 'admin:1' };
      await expect(
        mapTopic(world.db, { topic: 'news', groupId: world.groups.meetings, groupName: 'x' }, context),
      ).rejects.toMatchObject({ code: 'conflict' });
      await unmapTopic(world.db, 'meetings', context);
      await pull(world);
      expect((await mailableHere(world)).get('anna@example.org')).toEqual(['meetings']);
      expect(mailableThere(world, 'anna@example.org')).toEqual(['meetings']);
    });
  });

  describe('the webhook', () => {
    it('is registered when somebody asks, and mended within the hour', async () => {
      expect(await readWebhookState(world.db)).toMatchObject({ wanted: false });
      expect(await mailerliteWebhookCheck.due(running())).toEqual([]);
      await wantWebhook(world.db, { ...world, actor: 'admin:1' });
      await settle(world);
      const state = await readWebhookState(world.db);
      expect(state).toMatchObject({
        wanted: true,
        url: 'https://network.example.org/hooks/mailerlite',
        faults: [],
      });
      const { secret } = await world.client.getWebhook(state.mailerliteId!);
      expect((await readSettings(world.db)).mailerliteWebhookSecret).toBe(secret);

      world.fake.blockWebhook({ id: state.mailerliteId!, responseCode: 500 });
      world.clock.advance({ minutes: 59 });
      expect(await mailerliteWebhookCheck.due(running())).toEqual([]);
      world.clock.advance({ minutes: 1 });
      await settle(world);
      expect((await readWebhookState(world.db)).faults[0]).toContain('blocked');
      expect((await world.client.getWebhook(state.mailerliteId!)).enabled).toBe(true);

      const config = { ...running().config, BASE_URL: 'https://elsewhere.example.org' };
      await mailerliteWebhookCheck.run({}, { ...running(), config });
      const urls = (await world.client.listWebhooks()).map((webhook) => webhook.url);
      expect(urls).toEqual(['https://elsewhere.example.org/hooks/mailerlite']);
    });

    it('leaves no address in the stored events', async () => {
      await wantWebhook(world.db, { ...world, actor: 'admin:1' });
      await settle(world);
      world.fake.createSubscriber({ email: 'anna@example.org' });
      world.fake.act({ email: 'anna@example.org', act: 'unsubscribe' });
      const { receiveEvents } = await import('./world.ts');
      await receiveEvents(world);
      const [event] = await rows<{ text: string }>(
        world.db,
        sql`select to_jsonb(e)::text as text from mailerlite_events e`,
      );
      expect(event!.text).not.toContain('anna');
    });
  });

  it('warn before the plan’s limits are reached', async () => {
    world.fake.createSubscribers({ count: 9 });
    await pull(world);
    const warnings = async () =>
      planWarnings(world.db, await readSettings(world.db), { clock: world.clock, zone: 'Europe/London' });
    expect(await warnings()).toEqual([]);
    await changeSetting(world.db, 'mailerlitePlanSubscribers', '10', { ...world, actor: 'admin:1' });
    expect(await warnings()).toEqual([
      '9 of the 10 subscribers that your MailerLite plan allows are used. ' +
        'Beyond that MailerLite takes nobody new and stops sending.',
    ]);
    await changeSetting(world.db, 'mailerlitePlanSubscribers', '11', { ...world, actor: 'admin:1' });
    expect(await warnings()).toEqual([]);
  });

  it('show how the lists stand to each other', async () => {
    world.fake.createSubscriber({ email: 'anna@example.org', groups: [world.groups.meetings] });
    await pull(world);
    await enrolHere(world, ['bo@example.org']);
    expect(await syncOverview(world.db)).toMatchObject({
      linked: 1,
      waiting: 1,
      urgent: 0,
      waitingSince: world.clock.now(),
      toForget: 0,
      events: 0,
      differences: 0,
      running: undefined,
      lastRun: { state: 'done' },
    });
  });
});
