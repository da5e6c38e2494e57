import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import { rows, openDatabase, type Db, type OpenDatabase } from '../src/db/open.ts';
import { freezeAnnouncement } from '../src/announcements/expansion.ts';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { changeSetting } from '../src/organisation/settings.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { startTestRedis, type TestRedis } from '../test/support/redis.ts';
import { fullContent } from './message.ts';

/** A Postgres, a Redis and a group of people, for one part of the bench. */
export interface World {
  readonly databaseUrl: string;
  readonly db: Db;
  readonly redis: TestRedis;
  /** For the data of workers. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Starts both servers and enrols so many people. */
export async function startWorld(people: number): Promise<World> {
  const postgres = await startPostgres();
  const redis = await startTestRedis();
  const database: OpenDatabase = await openDatabase({ url: postgres.url });
  const { db } = database;
  await changeSetting(db, 'quietHours', 'off', { clock: systemClock, actor: 'bench' });
  await changeSetting(db, 'contactEmail', 'network@example.org', { clock: systemClock, actor: 'bench' });
  await enrol(db, people);
  const folder = mkdtempSync(path.join(tmpdir(), 'convenor-bench-'));
  return {
    databaseUrl: postgres.url,
    db,
    redis,
    folder,
    close: async () => {
      await database.close();
      await redis.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function enrol(db: Db, people: number): Promise<void> {
  await db.execute(sql`
    insert into consent_events (seq, at, subscriber_id, topic, act, source, previous_hash, hash)
    values (1, now(), ${randomUUID()}::uuid, 'meetings', 'given', 'administrator', 'before', 'after')`);
  await db.execute(sql`
    insert into subscribers (id, email, email_normalised, name, state, created_at, updated_at)
    select gen_random_uuid(), 'person' || n || '@example.org', 'person' || n || '@example.org', 'Person ' || n,
      'active', now(), now()
    from generate_series(1, ${people}::int) as n`);
  await db.execute(sql`
    insert into topic_subscriptions (subscriber_id, topic, subscribed, changed_at, event_seq)
    select id, 'meetings', true, now(), 1 from subscribers`);
  await db.execute(sql`analyze`);
}

/** Plans an announcement to everybody and freezes it. It does not go out before `startRun`. */
export async function planRun(db: Db): Promise<{ id: string; audience: number; seconds: number }> {
  const id = randomUUID();
  await db.execute(sql`
    insert into announcements (id, kind, channel, topic, title, audience_kind, send_at, zone, late_after, state,
      state_at, state_by, dedupe_key, created_at, updated_at)
    values (${id}::uuid, 'announcement', 'smtp', 'meetings', 'Bench', 'topic', now() + interval '1 day',
      'Europe/London', now() + interval '2 days', 'approved', now(), 'bench', ${id}, now(),
      date_trunc('milliseconds', now()))`);
  const announcement = await findAnnouncement(db, id);
  const content = fullContent();
  const began = performance.now();
  const audience = await freezeAnnouncement(db, announcement, content, {
    clock: systemClock,
    mailDomain: 'example.org',
  });
  const seconds = (performance.now() - began) / 1000;
  if (audience === undefined) throw new Error('The announcement was not frozen.');
  return { id, audience, seconds };
}

/** Lets a run begin: its deliveries are due from now on. */
export async function startRun(db: Db, id: string): Promise<void> {
  await db.execute(sql`update announcements set state = 'sending', send_at = now() where id = ${id}::uuid`);
}

/** Counts of the deliveries of a run by their state. */
export async function statesOf(db: Db, id: string): Promise<Readonly<Record<string, number>>> {
  const found = await rows<{ state: string; n: number }>(
    db,
    sql`select state, count(*)::int as n from deliveries where announcement_id = ${id}::uuid group by state`,
  );
  return Object.fromEntries(found.map(({ state, n }) => [state, n]));
}
