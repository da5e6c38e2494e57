import { sql, type SQL } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audienceCondition, audienceSizes } from '../../src/announcements/audience-of.ts';
import { rolledBack, rows, type OpenDatabase, type Tx } from '../../src/db/open.ts';
import { exclusionReason } from '../../src/subscribers/audience.ts';
import { recordConsent } from '../../src/subscribers/consent-ledger.ts';
import { countConsent } from '../../src/subscribers/list-history.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { subscribersByState } from '../../src/subscribers/subscriber-search.ts';
import { ManualClock } from '../support/clock.ts';
import { openTestDatabase } from '../support/database.ts';
import { runsOf } from './runs.ts';

const clock = new ManualClock('2026-11-23T12:00:00Z');
let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

it('counts every kind of audience as its people are judged one by one, whatever has happened to them', async () => {
  const { db } = database;
  const { id, meetingId, people } = await runsOf(database, clock).running(60);
  const now = clock.now();
  const later = now.add({ hours: 24 * 20 });
  const every = (step: number, rest: number) =>
    sql`(select jsonb_array_elements_text(${JSON.stringify(people.filter((_, n) => n % step === rest))}::text::jsonb)::uuid)`;

  const asked = [now, later].flatMap((at) =>
    (['meetings', 'news'] as const).flatMap((topic) =>
      (['topic', 'told', 'got', 'attended', 'missed'] as const).map((audienceKind) => ({
        name: `${audienceKind} ${topic} ${at.toString()}`,
        audience: { audienceKind, audienceOf: id, topic, meetingId },
        at,
      })),
    ),
  );
  /** The sizes of all audiences, each of which is what the statement that freezes it would find. */
  async function sizes(tx: Tx): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    const sizesOf = new Map([now, later].map((at) => [at, audienceSizes(tx, at)]));
    for (const { name, audience, at } of asked) found[name] = await sizesOf.get(at)!(audience);
    const truth = await rows<{ name: string; n: number }>(
      tx,
      sql.join(
        asked.map(
          ({ name, audience, at }) => sql`select ${name}::text as name, count(*)::int as n from subscribers s
            where ${audienceCondition(audience)} and ${exclusionReason(audience.topic, at)} is null`,
        ),
        sql` union all `,
      ),
    );
    expect(found).toEqual(Object.fromEntries(truth.map(({ name, n }) => [name, n])));
    const byState = await rows<{ state: string; n: number }>(
      tx,
      sql`select state, count(*)::int as n from subscribers group by state`,
    );
    expect(await subscribersByState(tx)).toMatchObject(
      Object.fromEntries(byState.map(({ state, n }) => [state, n])),
    );
    return found;
  }
  let last: Record<string, number> = {};
  async function changesBy(statement: SQL): Promise<void> {
    await db.execute(statement);
    const after = await sizes(db);
    expect(after).not.toEqual(last);
    last = after;
  }

  expect(await sizes(db)).toMatchObject({
    [`topic meetings ${now.toString()}`]: 60,
    [`topic news ${now.toString()}`]: 0,
    [`missed meetings ${now.toString()}`]: 0,
  });
  await changesBy(sql`update deliveries set state = 'sent' where subscriber_id in ${every(2, 0)}`);
  await changesBy(sql`update deliveries set state = 'failed' where subscriber_id in ${every(3, 0)}`);
  await changesBy(sql`
    insert into attendances (id, meeting_id, subscriber_id, matched_by, names, by_phone, seconds, proven_seconds, joins)
    select id, ${meetingId}::uuid, id, 'email', '{"Somebody"}', false, 60, 60, 1 from subscribers where id in ${every(5, 1)}`);
  await recordConsent(
    db,
    people
      .slice(0, 40)
      .map((subscriberId) => ({ subscriberId, topic: 'news', act: 'given', source: 'form' })),
    { clock },
  );
  // From here on some have paused, for different times, some are suppressed, and some of both have gone altogether.
  await changesBy(
    sql`update subscribers set paused_until = ${later.toString()}::timestamptz where id in ${every(7, 2)}`,
  );
  await changesBy(sql`
    update subscribers set paused_until = ${later.add({ hours: 1 }).toString()}::timestamptz where id in ${every(11, 3)}`);
  await changesBy(sql`
    insert into suppressions (id, email_normalised, email_hash, reason, at)
    select id, email_normalised, id::text, 'bounced', now() from subscribers where id in ${every(13, 4)}`);
  for (const subscriberId of people.slice(10, 14)) {
    await unsubscribe(db, { subscriberId, topic: 'all', source: 'one_click' }, { clock });
  }
  await unsubscribe(db, { subscriberId: people[20]!, topic: 'news', source: 'preferences' }, { clock });
  await changesBy(sql`update subscribers set state = 'removed' where id in ${every(17, 5)}`);
  await changesBy(sql`update subscribers set state = 'unconfirmed' where id = ${people[32]!}::uuid`);
  const before = await sizes(db);
  await rolledBack(db, async (tx) => {
    await tx.execute(sql`delete from subscribers where id in ${every(4, 1)}`);
    expect(await sizes(tx)).not.toEqual(before);
  });
  expect(await sizes(db)).toEqual(before);
  await changesBy(sql`
    update topic_subscriptions set topic = case topic when 'news' then 'training' else topic end, subscribed = not subscribed
    where subscriber_id in (select id from subscribers where state <> 'left' and id in ${every(6, 5)})`);
  await changesBy(sql`delete from subscribers where id in ${every(4, 1)}`);

  const counted = await sizes(db);
  await countConsent(db, { zone: 'Europe/London' });
  expect(await sizes(db)).toEqual(counted);
  const [left] = await rows<{ n: number }>(db, sql`select count(*)::int as n from list_size_changes`);
  expect(left!.n).toBeLessThanOrEqual(8);
});
