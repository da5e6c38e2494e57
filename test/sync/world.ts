import { sql } from 'drizzle-orm';
import { mailerlitePull } from '../../jobs/mailerlite-pull.ts';
import { mailerlitePush } from '../../jobs/mailerlite-push.ts';
import { mailerliteWebhookCheck } from '../../jobs/mailerlite-webhook-check.ts';
import { mailerliteWebhook } from '../../jobs/mailerlite-webhook.ts';
import { rows, type OpenDatabase, type Tx } from '../../src/db/open.ts';
import type { Topic } from '../../src/db/schema.ts';
import { createLog } from '../../src/kernel/log.ts';
import { createMailerLiteClient, type MailerLiteClient } from '../../src/mailerlite/client.ts';
import { createMemoryPaceStore, createPace } from '../../src/mailerlite/pacing.ts';
import { parseWebhook } from '../../src/mailerlite/webhook-events.ts';
import type { Services } from '../../src/process/app.ts';
import { enrol } from '../../src/subscribers/enrol.ts';
import { parseEmailAddress } from '../../src/kernel/email-address.ts';
import { exclusionReason } from '../../src/subscribers/audience.ts';
import { storeEvents } from '../../src/sync/event-inbox.ts';
import { startPull } from '../../src/sync/pull-runs.ts';
import { mapTopic } from '../../src/sync/topic-groups.ts';
import { ManualClock } from '../support/clock.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import { runDueWork, testServices } from '../support/services.ts';

/** The jobs of the synchronisation, most urgent first. */
export const SYNC_JOBS = [mailerliteWebhook, mailerlitePush, mailerlitePull, mailerliteWebhookCheck];

/** Both sides of a synchronisation, on one clock, with a budget that is waited for by moving that clock. */
export interface World {
  readonly database: OpenDatabase;
  readonly db: Tx;
  readonly clock: ManualClock;
  readonly fake: FakeMailerLite;
  readonly client: MailerLiteClient;
  readonly services: Services;
  /** The ids of the groups that stand for topics. */
  readonly groups: Readonly<Record<'meetings' | 'training', string>>;
  close(): Promise<void>;
}

/** A clock of which no two readings are alike, for work that runs at the same time. */
class TickingClock extends ManualClock {
  override now(): Temporal.Instant {
    this.advance({ milliseconds: 1 });
    return super.now();
  }
}

const START = '2026-11-02T09:00:00Z';

/** @param options `ticking`: a clock of which no two readings are alike; `clock`: that of a test which has one. */
export async function createWorld(
  database: OpenDatabase,
  {
    ticking = false,
    clock = ticking ? new TickingClock(START) : new ManualClock(START),
  }: { ticking?: boolean; clock?: ManualClock } = {},
): Promise<World> {
  const fake = await startFakeMailerLite({ clock });
  const client = createMailerLiteClient({
    apiKey: fake.apiKey,
    baseUrl: fake.baseUrl,
    log: createLog('silent'),
    timeoutMs: 20_000,
    pace: createPace({
      store: createMemoryPaceStore(clock),
      clock,
      sleep: (milliseconds) => {
        clock.advance({ milliseconds: Math.ceil(milliseconds) });
        return Promise.resolve();
      },
    }),
  });
  const services = testServices(database, clock, { mailerlite: client });
  const { db } = database;
  const groups = {
    meetings: fake.createGroup({ name: 'Meetings' })['id'] as string,
    training: fake.createGroup({ name: 'Training' })['id'] as string,
  };
  for (const topic of ['meetings', 'training'] as const) {
    await mapTopic(
      db,
      { topic, groupId: groups[topic], groupName: topic === 'meetings' ? 'Meetings' : 'Training' },
      { clock, actor: 'test' },
    );
  }
  return { database, db, clock, fake, client, services, groups, close: () => fake.close() };
}

/** Runs all due work of the synchronisation until there is none. */
export async function settle(world: World, jobs = SYNC_JOBS): Promise<void> {
  world.clock.advance({ seconds: 2 });
  await runDueWork(jobs, world.services, { rounds: 500 });
}

/** A whole comparison of both lists, and what follows from it. */
export async function pull(world: World): Promise<void> {
  world.clock.advance({ seconds: 2 });
  await startPull(world.db, { trigger: 'demand', startedBy: 'test' }, world);
  await settle(world);
}

/** Lets the messages of the webhook arrive. */
export async function receiveEvents(world: World, messages = world.fake.takeDeliveries()): Promise<void> {
  for (const { body } of messages) await storeEvents(world.db, parseWebhook(Buffer.from(body)), world);
}

/** Puts people on our list, who agreed here. */
export async function enrolHere(
  world: World,
  emails: readonly string[],
  topics: readonly Topic[] = ['meetings'],
): Promise<string[]> {
  const results = await enrol(
    world.db,
    emails.map((email) => ({ address: parseEmailAddress(email), topics, note: 'signed the sheet' })),
    { source: 'administrator', clock: world.clock, addressHash: world.services.addressHash },
  );
  return results.map((result) => (result.result === 'rejected' ? '' : result.subscriberId));
}

/** For each address the topics that we would mail about now. */
export async function mailableHere(world: World): Promise<Map<string, Topic[]>> {
  const found = await rows<{ email: string; topic: Topic | null }>(
    world.db,
    sql`select s.email_normalised as email, t.topic from subscribers s
      left join topic_subscriptions t on t.subscriber_id = s.id and t.topic in ('meetings', 'training')
        and ${exclusionReason(sql`t.topic`, world.clock.now())} is null
      order by s.email_normalised, t.topic`,
  );
  const byEmail = new Map<string, Topic[]>();
  for (const { email, topic } of found)
    byEmail.set(email, [...(byEmail.get(email) ?? []), ...(topic ? [topic] : [])]);
  return byEmail;
}

/** The topics that MailerLite would mail this person about now. */
export function mailableThere({ fake, groups }: World, email: string): Topic[] {
  let subscriber: Record<string, unknown>;
  try {
    subscriber = fake.subscriber({ email });
  } catch {
    return [];
  }
  if (subscriber['status'] !== 'active') return [];
  const ids = (subscriber['groups'] as { id: string }[]).map(({ id }) => id);
  return (['meetings', 'training'] as const).filter((topic) => ids.includes(groups[topic]));
}
