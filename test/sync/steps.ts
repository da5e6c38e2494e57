import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { mailerlitePull } from '../../jobs/mailerlite-pull.ts';
import { mailerlitePush } from '../../jobs/mailerlite-push.ts';
import { mailerliteWebhook } from '../../jobs/mailerlite-webhook.ts';
import { rows } from '../../src/db/open.ts';
import type { MailerLiteClient } from '../../src/mailerlite/client.ts';
import { MailerLiteError } from '../../src/mailerlite/errors.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import { findSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { startPull } from '../../src/sync/pull-runs.ts';
import type { Fault } from '../support/fake-mailerlite/faults.ts';
import { enrolHere, receiveEvents, settle, type World } from './world.ts';
import { TOPICS, type Wishes } from './wishes.ts';

export const PEOPLE = ['a@example.org', 'b@example.org', 'c@example.org', 'd@example.org'] as const;
type MappedTopic = (typeof TOPICS)[number];

const person = fc.constantFrom(...PEOPLE);
const topic = fc.constantFrom(...TOPICS);

/** Something that somebody does, or that happens to the synchronisation. */
export const step = fc.oneof(
  // The person, on our pages.
  fc.record({ do: fc.constant('choose_here' as const), person, topic, on: fc.boolean() }),
  fc.record({ do: fc.constant('leave_here' as const), person }),
  // An administrator, here.
  fc.record({ do: fc.constant('enrol_here' as const), person, topic }),
  fc.record({ do: fc.constant('remove_here' as const), person }),
  fc.record({ do: fc.constant('pause_here' as const), person }),
  // The person, in MailerLite.
  fc.record({ do: fc.constant('leave_there' as const), person }),
  fc.record({ do: fc.constant('leave_group_there' as const), person, topic }),
  fc.record({ do: fc.constant('join_by_form_there' as const), person, topic }),
  // Somebody else in MailerLite, or another program.
  fc.record({ do: fc.constant('add_there' as const), person, topic }),
  fc.record({ do: fc.constant('revive_there' as const), person }),
  fc.record({ do: fc.constant('delete_there' as const), person }),
  fc.record({ do: fc.constant('bounce_there' as const), person }),
  // The synchronisation.
  fc.record({
    do: fc.constant('deliver' as const),
    keep: fc.integer({ min: 0, max: 7 }),
    turned: fc.boolean(),
  }),
  fc.record({ do: fc.constant('work' as const) }),
  fc.record({ do: fc.constant('work_at_once' as const) }),
  fc.record({ do: fc.constant('begin_pull' as const) }),
  fc.record({ do: fc.constant('pull_some' as const), pages: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    do: fc.constant('fault' as const),
    kind: fc.constantFrom<Fault['kind']>(
      'dropped_after',
      'dropped',
      'server_error',
      'rate_limited',
      'not_json',
    ),
  }),
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export async function take(world: World, one: Step, wishes: Wishes): Promise<void> {
  const { db, fake, clock, services } = world;
  const { addressHash } = services;
  const ours = 'person' in one ? await findSubscriber(db, one.person) : undefined;
  switch (one.do) {
    case 'choose_here': {
      if (ours === undefined || ours.state === 'removed') return;
      const { on, off } = await changePreferences(
        db,
        { subscriberId: ours.id, topics: { [one.topic]: one.on }, source: 'preferences' },
        { clock, addressHash },
      );
      // Leaving a box as it was is no act.
      wishes.note(one.person, on, true);
      wishes.note(one.person, off, false);
      return;
    }
    case 'leave_here':
      if (ours === undefined) return;
      wishes.note(one.person, TOPICS, false);
      await unsubscribe(db, { subscriberId: ours.id, topic: 'all', source: 'one_click' }, { clock });
      return;
    case 'enrol_here':
      await enrolHere(world, [one.person], [one.topic]);
      return;
    case 'remove_here':
      if (ours === undefined) return;
      wishes.note(one.person, TOPICS, false);
      await removeSubscriber(db, { id: ours.id, reason: 'test' }, { clock, addressHash, actor: 'admin:1' });
      return;
    case 'pause_here':
      if (ours === undefined) return;
      await changePreferences(
        db,
        { subscriberId: ours.id, pausedUntil: clock.now().add({ hours: 3 }), source: 'preferences' },
        { clock, addressHash },
      );
      return;
    case 'leave_there':
      if (!isThere(world, one.person)) return;
      if (fake.subscriber({ email: one.person })['status'] === 'unsubscribed') return;
      fake.act({ email: one.person, act: 'unsubscribe' });
      wishes.left(one.person, TOPICS, actThere(world, one.person, 'subscriber.unsubscribed'), () => true);
      return;
    case 'leave_group_there': {
      if (!isThere(world, one.person) || !groupsThere(world, one.person).includes(one.topic)) return;
      fake.act({ email: one.person, act: 'leave', group: world.groups[one.topic] });
      const there = actThere(world, one.person, 'subscriber.removed_from_group');
      const known = await knownInGroup(world, one.person, one.topic);
      wishes.left(one.person, [one.topic], there, () => known);
      return;
    }
    case 'join_by_form_there':
      if (!isThere(world, one.person)) fake.createSubscriber({ email: one.person, status: 'unconfirmed' });
      fake.act({ email: one.person, act: 'return', confirmed: true });
      fake.act({ email: one.person, act: 'join', group: world.groups[one.topic] });
      // By confirming a form they are on the list again, with every group that they are still in.
      wishes.note(one.person, groupsThere(world, one.person), true);
      return;
    case 'add_there':
      if (!isThere(world, one.person)) fake.createSubscriber({ email: one.person });
      fake.act({ email: one.person, act: 'join', group: world.groups[one.topic] });
      wishes.cover(one.person, [one.topic]);
      return;
    case 'revive_there':
      if (isThere(world, one.person)) fake.act({ email: one.person, act: 'return' });
      wishes.cover(one.person, TOPICS);
      return;
    case 'delete_there':
      if (isThere(world, one.person)) fake.act({ email: one.person, act: 'delete' });
      wishes.cover(one.person, TOPICS);
      return;
    case 'bounce_there':
      if (isThere(world, one.person)) fake.act({ email: one.person, act: 'bounce' });
      wishes.cover(one.person, TOPICS);
      return;
    case 'deliver': {
      // Some messages are lost, some come twice, some in the wrong order.
      const messages = fake.takeDeliveries().flatMap((message, index) => {
        const fate = (one.keep + index) % 8;
        if (fate === 0) for (const report of reportsIn(world, message.body)) wishes.lose(report);
        return fate === 0 ? [] : fate === 1 ? [message, message] : [message];
      });
      await receiveEvents(world, one.turned ? messages.toReversed() : messages);
      return;
    }
    case 'work':
      await tolerant(settle(world));
      return;
    case 'work_at_once':
      await workAtOnce(world);
      return;
    case 'begin_pull':
      await beginPull(world);
      return;
    case 'pull_some':
      await tolerant(pullSome(world, one.pages));
      return;
    case 'fault':
      fake.addFault({ kind: one.kind, retryAfter: 5 });
      return;
  }
}

function isThere({ fake }: World, email: string): boolean {
  try {
    fake.subscriber({ email });
    return true;
  } catch {
    return false;
  }
}

function groupsThere({ fake, groups }: World, email: string): MappedTopic[] {
  const ids = (fake.subscriber({ email })['groups'] as { id: string }[]).map(({ id }) => id);
  return TOPICS.filter((one) => ids.includes(groups[one]));
}

function actThere({ fake }: World, email: string, event: string): { event: string; at: string } {
  return { event, at: fake.subscriber({ email })['updated_at'] as string };
}

/** Whether it is known here that MailerLite has the person in the group: only then is leaving it to be seen. */
async function knownInGroup({ db }: World, email: string, topic: MappedTopic): Promise<boolean> {
  const [row] = await rows(
    db,
    sql`select 1 from mailerlite_links l join subscribers s on s.id = l.subscriber_id
      where s.email_normalised = ${email} and l.status = 'active' and ${topic} = any(l.topics)`,
  );
  return row !== undefined;
}

/** What a message of the webhook reports: one event, or a batch of them. */
function reportsIn({ groups }: World, body: string) {
  const message = JSON.parse(body) as Record<string, unknown>;
  return ((message['events'] as Record<string, unknown>[] | undefined) ?? [message]).map((event) => {
    const person = (event['subscriber'] ?? event) as Record<string, string>;
    const group = (event['group'] as { id: string } | undefined)?.id;
    return {
      name: (event['event'] ?? event['type']) as string,
      email: person['email']!,
      at: person['updated_at']!.slice(0, 19).replace('T', ' '),
      topic: TOPICS.find((one) => groups[one] === group),
    };
  });
}

/** Work may fail as MailerLite's faults make it; nothing else. */
async function tolerant(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof MailerLiteError)) throw error;
  }
}

/** All jobs at the same time, twice each, as two workers would. */
async function workAtOnce(world: World): Promise<void> {
  const services = { ...world.services, signal: new AbortController().signal };
  const work = [0, 1].flatMap(() => [
    mailerlitePush.run({ urgent: true }, services),
    mailerlitePush.run({ urgent: false }, services),
    mailerliteWebhook.run({}, services),
    mailerlitePull.run({}, services),
  ]);
  await Promise.all(work.map(tolerant));
}

/** Small pages, so that a comparison has many. */
async function beginPull(world: World): Promise<void> {
  const { run, begun } = await startPull(world.db, { trigger: 'demand', startedBy: 'test' }, world);
  if (begun) await world.db.execute(sql`update sync_runs set page_size = 2 where id = ${run.id}`);
}

/** Reads some pages and is then stopped, before the last of them is worked off or after. */
async function pullSome(world: World, pages: number): Promise<void> {
  const stop = new AbortController();
  let left = pages;
  const mailerlite: MailerLiteClient = {
    ...world.client,
    listSubscribers: async (query, options) => {
      const page = await world.client.listSubscribers(query, options);
      left -= 1;
      if (left === 0) stop.abort();
      return page;
    },
  };
  await mailerlitePull.run({}, { ...world.services, mailerlite, signal: stop.signal });
}
