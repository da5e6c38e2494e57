import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { recordConsent } from '../../src/subscribers/consent-ledger.ts';
import { followConsent } from '../../src/subscribers/consent-state.ts';
import { enrol } from '../../src/subscribers/enrol.ts';
import { parseEmailAddress } from '../../src/kernel/email-address.ts';
import { listRuns } from '../../src/sync/pull-runs.ts';
import { openTestDatabase } from '../support/database.ts';
import { createWorld, pull, settle, type World } from './world.ts';

const PEOPLE = 100_000;
/** Pages of a thousand active people, and one for each state that nobody is in. */
const PAGES = PEOPLE / 1000 + 4;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe(`a list of ${PEOPLE} people`, () => {
  let database: OpenDatabase;
  let world: World;

  beforeAll(async () => {
    database = await openTestDatabase();
    world = await createWorld(database);
    world.fake.createSubscribers({ count: PEOPLE, groups: [world.groups.meetings] });
  });

  afterAll(async () => {
    await world.close();
    await database.close();
  });

  /** What a piece of work cost: its requests, the busiest minute, and the growth of the heap in megabytes. */
  async function cost(
    work: () => Promise<void>,
  ): Promise<{ requests: number; busiest: number; heap: number }> {
    world.fake.clearRequests();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    await work();
    collectGarbage();
    const heap = (process.memoryUsage().heapUsed - before) / 2 ** 20;
    const log = world.fake.requests();
    expect(log.filter(({ status }) => status >= 400)).toEqual([]);
    const times = log.map(({ at }) => Temporal.Instant.from(at).epochMilliseconds);
    const busiest = Math.max(
      ...times.map((start) => times.filter((time) => time >= start && time < start + 60_000).length),
    );
    return { requests: log.length, busiest, heap };
  }

  it('is taken over with a request for each page, within the budget and in flat memory', async () => {
    const { requests, busiest, heap } = await cost(() => pull(world));
    const [run] = await listRuns(world.db);
    expect(run).toMatchObject({ state: 'done', counts: { added: PEOPLE, pages: PAGES } });
    expect(requests).toBeLessThanOrEqual(PAGES * 1.05);
    expect(busiest).toBeLessThanOrEqual(120);
    expect(heap).toBeLessThan(40);
  }, 600_000);

  it('is compared again without a change, at the same price', async () => {
    const { requests, busiest, heap } = await cost(() => pull(world));
    const [run] = await listRuns(world.db);
    expect(run).toMatchObject({
      state: 'done',
      counts: { added: 0, given: 0, withdrawn: 0, pushes: 0, gone: 0 },
    });
    expect(requests).toBeLessThanOrEqual(PAGES * 1.05);
    expect(busiest).toBeLessThanOrEqual(120);
    expect(heap).toBeLessThan(40);
  }, 600_000);

  it('has 5,000 changes of ours pushed fifty in a request, opt-outs first', async () => {
    const { db, clock, services } = world;
    const people = await rows<{ id: string }>(
      db,
      sql`select id from subscribers order by email_normalised limit 4000`,
    );
    const ids = people.map(({ id }) => id);
    // 3,500 choose another topic, 1,000 are new, and last of all 500 leave.
    await recordConsent(
      db,
      ids
        .slice(0, 3500)
        .map((subscriberId) => ({ subscriberId, topic: 'training', act: 'given', source: 'preferences' })),
      { clock },
    );
    await enrol(
      db,
      Array.from({ length: 1000 }, (_, index) => ({
        address: parseEmailAddress(`new${index}@example.org`),
        topics: ['meetings' as const],
        note: 'signed the sheet',
      })),
      { source: 'administrator', clock, addressHash: services.addressHash },
    );
    clock.advance({ seconds: 30 });
    const leaving = ids.slice(3500);
    await recordConsent(
      db,
      leaving.map((subscriberId) => ({
        subscriberId,
        topic: 'meetings',
        act: 'withdrawn',
        source: 'one_click',
      })),
      { clock },
    );
    await followConsent(db, leaving, { clock });

    const { requests, busiest } = await cost(() => settle(world));

    // 500 and 3,500 changes fifty at a time, 1,000 new people forty-nine at a time.
    expect(requests).toBe(10 + 70 + Math.ceil(1000 / 49));
    expect(busiest).toBeLessThanOrEqual(120);
    expect(
      world.fake
        .requests()
        .slice(0, 10)
        .every(({ items }) => items === 50),
    ).toBe(true);
    expect(world.fake.counts()).toMatchObject({ active: PEOPLE + 500, unsubscribed: 500 });
    const [first] = await rows<{ first: string; last: string }>(
      db,
      sql`select to_jsonb(max(l.done_at) filter (where s.state = 'left')) #>> '{}' as first,
          to_jsonb(max(l.done_at)) #>> '{}' as last
        from mailerlite_links l join subscribers s on s.id = l.subscriber_id where l.done_at is not null`,
    );
    expect(Temporal.Instant.compare(first!.first, first!.last)).toBeLessThanOrEqual(0);
    const [left] = await rows<{ waiting: number }>(
      db,
      sql`select count(*)::int as waiting from mailerlite_links where wanted_version > done_version`,
    );
    expect(left!.waiting).toBe(0);
  }, 600_000);
});
