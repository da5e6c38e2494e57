import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mailerlitePull } from '../../jobs/mailerlite-pull.ts';
import { mailerlitePush } from '../../jobs/mailerlite-push.ts';
import { mailerliteWebhook } from '../../jobs/mailerlite-webhook.ts';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import type { Topic } from '../../src/db/schema.ts';
import type { MailerLiteClient } from '../../src/mailerlite/client.ts';
import { MailerLiteError } from '../../src/mailerlite/errors.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import { findSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { openDifferences } from '../../src/sync/differences.ts';
import { startPull } from '../../src/sync/pull-runs.ts';
import type { Fault } from '../support/fake-mailerlite/faults.ts';
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

const PEOPLE = ['a@example.org', 'b@example.org', 'c@example.org', 'd@example.org'] as const;
const TOPICS = ['meetings', 'training'] as const;
type MappedTopic = (typeof TOPICS)[number];

const person = fc.constantFrom(...PEOPLE);
const topic = fc.constantFrom(...TOPICS);

/** Something that somebody does, or that happens to the synchronisation. */
const step = fc.oneof(
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
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const [A, B] = PEOPLE;
/** Each step with the seconds before it. */
const ORDERS: Readonly<Record<string, readonly [Step, number][]>> = {
  'a group is left there after an enrolment here of which MailerLite has not been told': [
    [{ do: 'join_by_form_there', person: B, topic: 'meetings' }, 60],
    [{ do: 'enrol_here', person: B, topic: 'meetings' }, 60],
    [{ do: 'leave_group_there', person: B, topic: 'meetings' }, 60],
  ],
  'a group is left there before an enrolment here, and nobody had looked': [
    [{ do: 'join_by_form_there', person: B, topic: 'training' }, 60],
    [{ do: 'leave_group_there', person: B, topic: 'training' }, 60],
    [{ do: 'enrol_here', person: B, topic: 'training' }, 60],
  ],
  'a group is left there, which is reported before the enrolment here': [
    [{ do: 'join_by_form_there', person: B, topic: 'training' }, 60],
    [{ do: 'leave_group_there', person: B, topic: 'training' }, 60],
    [{ do: 'deliver', keep: 2, turned: false }, 60],
    [{ do: 'work' }, 60],
    [{ do: 'enrol_here', person: B, topic: 'training' }, 60],
  ],
  'somebody leaves there and another puts them back before anybody looks': [
    [{ do: 'add_there', person: A, topic: 'meetings' }, 60],
    [{ do: 'leave_there', person: A }, 60],
    [{ do: 'revive_there', person: A }, 60],
  ],
  'a group is left there during a pause here': [
    [{ do: 'enrol_here', person: A, topic: 'meetings' }, 60],
    [{ do: 'work' }, 60],
    [{ do: 'pause_here', person: A }, 60],
    [{ do: 'leave_group_there', person: A, topic: 'meetings' }, 60],
    [{ do: 'work' }, 60],
  ],
};

/** The newest act of a person themselves about a topic. */
interface Wish {
  readonly on: boolean;
  /** In MailerLite, by leaving the list or the group; in whole seconds, as its reports say. */
  readonly there?: { readonly event: string; readonly at: string };
  /** It left a trace in MailerLite at which a comparison can see it. */
  traced: boolean;
  reported: boolean;
}

/**
 * The newest act of each person themselves about each topic. An act in MailerLite that nobody can see in the state
 * that it left, since somebody else undid it or it undid what was not known here, counts if its report arrives.
 */
class Wishes {
  readonly #newest = new Map<string, Wish>();

  note(email: string, topics: readonly Topic[], on: boolean): void {
    for (const one of topics) this.#newest.set(`${email} ${one}`, { on, traced: true, reported: true });
  }

  left(
    email: string,
    topics: readonly Topic[],
    there: { event: string; at: string },
    traced: (topic: Topic) => boolean,
  ): void {
    for (const one of topics) {
      this.#newest.set(`${email} ${one}`, { on: false, there, traced: traced(one), reported: true });
    }
  }

  /** Somebody else has undone what the person did there. */
  cover(email: string, topics: readonly Topic[]): void {
    for (const one of topics) {
      const wish = this.#newest.get(`${email} ${one}`);
      if (wish?.there !== undefined) wish.traced = false;
    }
  }

  /** A report got lost. */
  lose({
    name,
    email,
    at,
    topic,
  }: {
    name: string;
    email: string;
    at: string;
    topic: Topic | undefined;
  }): void {
    for (const one of topic === undefined ? TOPICS : [topic]) {
      const wish = this.#newest.get(`${email} ${one}`);
      if (wish?.there?.event === name && wish.there.at === at) wish.reported = false;
    }
  }

  refused(email: string, one: Topic): boolean {
    const wish = this.#newest.get(`${email} ${one}`);
    return wish !== undefined && !wish.on && (wish.traced || wish.reported);
  }
}

describe('any order of acts on both sides, of lost answers and of several workers', () => {
  let database: OpenDatabase;

  beforeAll(async () => {
    database = await openTestDatabase();
  });

  afterAll(() => database.close());

  const property = fc.asyncProperty(
    fc.array(fc.tuple(step, fc.integer({ min: 2, max: 4000 })), { maxLength: 40 }),
    async (steps) => {
      await emptyDatabase(database);
      const world = await createWorld(database, { ticking: true });
      try {
        await world.client.ensureWebhook('http://127.0.0.1:9/hooks/mailerlite');
        const wishes = new Wishes();
        for (const [one, seconds] of steps) {
          world.clock.advance({ seconds });
          await take(world, one, wishes);
        }
        await comeToRest(world);
        await check(world, wishes);
      } finally {
        await world.close();
      }
    },
  );

  // The same orders each time, so that a change is what makes it fail; `INTERLEAVINGS=400` draws as many new ones,
  // or as many as nine minutes allow.
  it('ends with both sides equal, and with nobody who opted out active anywhere', async () => {
    const wanted = process.env['INTERLEAVINGS'];
    const drawn = await fc.check(
      property,
      wanted === undefined
        ? { numRuns: 20, seed: 20_261_125, endOnFailure: true }
        : { numRuns: Number(wanted), plugins: [fc.interruptAfterTimeLimit(540_000)] },
    );
    if (wanted !== undefined) process.stderr.write(`${drawn.numRuns} orders, seed ${drawn.seed}\n`);
    expect(drawn.failed, fc.defaultReportMessage(drawn)).toBe(false);
  }, 600_000);

  // Orders that once went wrong.
  it.each(Object.entries(ORDERS))('holds when %s', async (_, steps) => {
    await fc.assert(property, { numRuns: 1, examples: [[[...steps]]] });
  });
});

async function take(world: World, one: Step, wishes: Wishes): Promise<void> {
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

/** No more faults, and time enough for everything that is under way. */
async function comeToRest(world: World): Promise<void> {
  world.fake.clearFaults();
  world.clock.advance({ hours: 4 });
  await receiveEvents(world);
  for (let round = 0; round < 3; round++) {
    world.clock.advance({ hours: 1 });
    await settle(world);
    await pull(world);
  }
  world.fake.takeDeliveries();
}

async function check(world: World, wishes: Wishes): Promise<void> {
  const here = await mailableHere(world);
  const found = await verifyLedger(world.db);
  expect(found.ok).toBe(true);
  for (const email of PEOPLE) {
    const ours = here.get(email) ?? [];
    const theirs = mailableThere(world, email);
    for (const one of TOPICS) {
      if (!wishes.refused(email, one)) continue;
      expect([email, one, 'here', ours.includes(one)]).toEqual([email, one, 'here', false]);
      expect([email, one, 'there', theirs.includes(one)]).toEqual([email, one, 'there', false]);
    }
    // MailerLite mails nobody whom we would not; whom we would and it does not is shown to a person.
    expect(theirs.filter((one) => !ours.includes(one))).toEqual([]);
    if (ours.length !== theirs.length) {
      const id = (await findSubscriber(world.db, email))!.id;
      expect([email, ours, theirs, (await openDifferences(world.db, [id])).get(id) ?? []]).toEqual([
        email,
        ours,
        theirs,
        expect.arrayContaining([expect.any(String)]),
      ]);
    }
  }
}
