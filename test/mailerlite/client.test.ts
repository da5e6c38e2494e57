import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MailerLiteClient } from '../../src/mailerlite/client.ts';
import type { MailerLiteSubscriber } from '../../src/mailerlite/schemas.ts';
import { ManualClock } from '../support/clock.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import { clientOf, openPace } from './support.ts';

describe('the MailerLite client', () => {
  let fake: FakeMailerLite;
  let client: MailerLiteClient;
  const clock = new ManualClock('2026-02-01T09:00:00Z');

  beforeEach(async () => {
    fake = await startFakeMailerLite({ clock });
    client = clientOf(fake);
  });

  afterEach(() => fake.close());

  it('walks all pages of one state, with filter and groups on every page', async () => {
    const group = fake.createGroup({ name: 'Meetings' })['id'] as string;
    fake.createSubscribers({ count: 25, groups: [group] });
    for (let number = 1; number <= 5; number++) {
      fake.createSubscriber({ email: `left${number}@example.org`, status: 'unsubscribed' });
    }
    const seen: MailerLiteSubscriber[] = [];
    let cursor: string | null = null;
    do {
      const page = await client.listSubscribers({ status: 'active', limit: 10, cursor });
      seen.push(...page.subscribers);
      cursor = page.next;
    } while (cursor !== null);

    expect(new Set(seen.map(({ email }) => email)).size).toBe(25);
    expect(seen.every(({ status }) => status === 'active')).toBe(true);
    expect(seen.every(({ groupIds }) => groupIds?.[0] === group)).toBe(true);
    const requests = fake.requests();
    expect(requests).toHaveLength(3);
    expect(
      requests.every(({ path }) => path.includes('filter[status]=active') && path.includes('limit=10')),
    ).toBe(true);
  });

  it('keeps ids as whole texts and times as instants', async () => {
    const created = fake.createSubscriber({
      email: 'Ada@Example.org',
      fields: { name: 'Ada', last_name: 'Ash' },
    });
    const found = await client.findSubscriber('ADA@example.org');
    expect(found).toMatchObject({
      id: created['id'],
      email: 'ada@example.org',
      name: 'Ada Ash',
      groupIds: [],
      unsubscribedAt: null,
    });
    expect(found!.id).toMatch(/^\d{18}$/);
    expect(found!.subscribedAt!.toString()).toBe('2026-02-01T09:00:00Z');
  });

  it('encodes an address in a path', async () => {
    fake.createSubscriber({ email: 'a+b#c?d@example.org' });
    expect((await client.findSubscriber('a+b#c?d@example.org'))?.email).toBe('a+b#c?d@example.org');
    expect(await client.findSubscriber('nobody@example.org')).toBeUndefined();
  });

  it('counts, lists every page of groups, and makes one', async () => {
    fake.createSubscribers({ count: 7 });
    for (let number = 0; number < 120; number++) fake.createGroup({ name: `g${number}` });
    expect(await client.countSubscribers()).toBe(7);
    expect(await client.listGroups()).toHaveLength(120);
    const made = await client.createGroup('Training');
    expect(await client.getGroup(made.id)).toEqual({ id: made.id, name: 'Training', activeCount: 0 });
  });

  describe('a batch', () => {
    it('gives each change its own answer, in order', async () => {
      const group = fake.createGroup({ name: 'Meetings' })['id'] as string;
      const ada = fake.createSubscriber({ email: 'ada@example.org', groups: [group] });
      fake.createSubscriber({ email: 'left@example.org', status: 'unsubscribed' });
      const results = await client.applyChanges([
        { kind: 'unsubscribe', id: ada['id'] as string },
        { kind: 'create', email: 'left@example.org', groupIds: [group] },
        { kind: 'create', email: 'New@example.org', name: 'Bo', groupIds: [group] },
        { kind: 'leave', id: ada['id'] as string, groupId: group },
        { kind: 'join', id: '1234', groupId: group },
        { kind: 'create', email: 'not an address', groupIds: [] },
        { kind: 'count' },
      ]);
      expect(results.map((result) => (result.ok ? 'ok' : result.error.kind))).toEqual([
        'ok',
        'opted_out',
        'ok',
        'ok',
        'not_found',
        'invalid',
        'ok',
      ]);
      expect(results[0]).toMatchObject({ subscriber: { status: 'unsubscribed' } });
      expect(results[2]).toMatchObject({
        subscriber: { email: 'new@example.org', status: 'active', groupIds: [group] },
      });
      expect(results[6]).toMatchObject({ total: 3 });
      expect(fake.subscriber({ email: 'left@example.org' })['status']).toBe('unsubscribed');
      expect(fake.requests()).toHaveLength(1);
    });

    it('of fifty with one refused makes forty-nine', async () => {
      fake.createSubscriber({ email: 'person7@example.org', status: 'unsubscribed' });
      const results = await client.applyChanges(
        Array.from({ length: 50 }, (_, index) => ({
          kind: 'create' as const,
          email: `person${index}@example.org`,
          groupIds: [],
        })),
      );
      expect(results.filter((result) => result.ok)).toHaveLength(49);
      expect(results[7]).toMatchObject({ ok: false, error: { kind: 'opted_out' } });
      expect(fake.counts().active).toBe(49);
    });

    it('counts as an import only when it does nothing but add people', async () => {
      const pace = openPace();
      const paced = clientOf(fake, { pace });
      const create = { kind: 'create', email: 'ada@example.org', groupIds: [] } as const;
      await paced.applyChanges([create]);
      await paced.applyChanges([create, { kind: 'count' }]);
      await paced.applyChanges([{ kind: 'find', idOrEmail: 'ada@example.org' }], { priority: 'urgent' });
      await paced.applyChanges([]);
      expect(pace.kinds).toEqual(['import', 'normal', 'urgent']);
    });
  });

  it('asks MailerLite to forget somebody', async () => {
    const ada = fake.createSubscriber({ email: 'ada@example.org' });
    expect(await client.applyChanges([{ kind: 'forget', id: ada['id'] as string }])).toEqual([{ ok: true }]);
    expect(await client.findSubscriber('ada@example.org')).toBeUndefined();
  });

  it('reads one odd entry of a page without losing the others', async () => {
    fake.createSubscribers({ count: 3 });
    fake.createSubscriber({ email: 'odd@example.org', created_at: 'yesterday' });
    const page = await client.listSubscribers({ status: 'active', limit: 10 });
    expect(page).toMatchObject({ unreadable: 1, subscribers: [{}, {}, {}] });
  });

  describe('campaigns', () => {
    const request = (group: string) =>
      ({
        name: 'June meeting [c-123]',
        subject: 'June meeting',
        fromName: 'Group',
        from: 'test@example.org',
        content: '<html><body>Hello</body></html>',
        groupIds: [group],
      }) as const;

    it('go through their life with the audience that was meant', async () => {
      const group = fake.createGroup({ name: 'Meetings' })['id'] as string;
      fake.createSubscribers({ count: 3, groups: [group] });
      fake.createSubscriber({ email: 'elsewhere@example.org' });

      const draft = await client.createCampaign(request(group));
      expect(draft).toMatchObject({
        state: 'draft',
        audience: { kind: 'groups', groupIds: [group] },
        recipients: 3,
        missing: [],
        canBeScheduled: true,
      });
      const changed = await client.updateCampaign(draft.id, { ...request(group), subject: 'New' });
      expect(changed.recipients).toBe(3);
      expect((await client.findCampaigns('[c-123]'))[0]?.id).toBe(draft.id);
      expect(await client.findCampaigns('[c-999]')).toEqual([]);

      const at = Temporal.Instant.from('2026-06-02T18:30:00Z');
      const ready = await client.scheduleCampaign(draft.id, at);
      expect(ready.state).toBe('ready');
      expect(ready.scheduledFor!.toString()).toBe('2026-06-02T18:30:00Z');
      expect((await client.findCampaigns('[c-123]'))[0]?.state).toBe('ready');
      expect(await client.cancelCampaign(draft.id)).toMatchObject({ state: 'draft', stopped: true });

      await client.scheduleCampaign(draft.id, 'now');
      fake.advance({ seconds: 61 });
      expect((await client.getCampaign(draft.id)).state).toBe('sent');
      const recipients = [];
      for await (const page of client.campaignRecipients(draft.id)) recipients.push(...page);
      expect(recipients.map(({ subscriber }) => subscriber?.email).toSorted()).toEqual([
        'person1@example.org',
        'person2@example.org',
        'person3@example.org',
      ]);
      await client.deleteCampaign(draft.id);
      await expect(client.getCampaign(draft.id)).rejects.toMatchObject({ kind: 'not_found' });
    });

    it('are never made without a group, which would send to everybody', async () => {
      const none = { ...request('1'), groupIds: [] as unknown as [string] };
      await expect(client.createCampaign(none)).rejects.toMatchObject({ kind: 'invalid' });
      expect(fake.requests()).toEqual([]);
    });

    it('whose content the plan refuses say so, and can be made without it', async () => {
      fake.setBehaviour({ contentAllowed: false });
      const group = fake.createGroup({ name: 'Meetings' })['id'] as string;
      await expect(client.createCampaign(request(group))).rejects.toMatchObject({ kind: 'plan_refused' });
      const { content: _, ...without } = request(group);
      const draft = await client.createCampaign(without);
      expect(draft).toMatchObject({ missing: ['content'], canBeScheduled: false });
      await expect(client.scheduleCampaign(draft.id, 'now')).rejects.toMatchObject({ kind: 'invalid' });
    });

    it('cannot be scheduled in the past, changed when ready, or cancelled when not', async () => {
      const group = fake.createGroup({ name: 'Meetings' })['id'] as string;
      const draft = await client.createCampaign(request(group));
      await expect(
        client.scheduleCampaign(draft.id, Temporal.Instant.from('2026-01-01T09:00:00Z')),
      ).rejects.toMatchObject({
        kind: 'invalid',
        fields: { 'schedule.hours': ['Please select time in the future'] },
      });
      await expect(client.cancelCampaign(draft.id)).rejects.toMatchObject({ kind: 'invalid', status: 400 });
      await client.scheduleCampaign(draft.id, 'now');
      await expect(client.updateCampaign(draft.id, request(group))).rejects.toMatchObject({
        kind: 'invalid',
      });
    });
  });

  describe('webhooks', () => {
    const url = 'http://127.0.0.1:9/hooks/mailerlite';

    it('are registered once, with batches, and mended when they were changed', async () => {
      const { webhook: first, faults: none } = await client.ensureWebhook(url);
      expect(first).toMatchObject({ url, enabled: true, batchable: true });
      expect(first.secret).toHaveLength(10);
      expect(none).toEqual([]);
      expect((await client.ensureWebhook(url)).webhook.id).toBe(first.id);
      fake.blockWebhook({ id: first.id, responseCode: 500 });
      expect(await client.getWebhook(first.id)).toMatchObject({
        blocked: true,
        enabled: false,
        responseCode: 500,
      });
      const { webhook: mended, faults } = await client.ensureWebhook(url);
      expect(mended.enabled).toBe(true);
      expect(faults).toHaveLength(3);
      expect(await client.listWebhooks()).toHaveLength(1);
      await client.deleteWebhook(first.id);
      await expect(client.getWebhook(first.id)).rejects.toMatchObject({ kind: 'not_found' });
    });
  });
});
