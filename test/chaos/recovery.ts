import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { withSpread } from '../../bench/report.ts';
import { openDatabase, rows, type Db } from '../../src/db/open.ts';
import { until } from '../support/wait.ts';
import { Group } from './group.ts';
import { GroupTime } from './group-time.ts';
import { Random } from './random.ts';
import { START } from './run.ts';
import { setStage, type Actor, type Stage } from './stage.ts';

const WORKERS = 3;
const ROUNDS = 5;
const SUBSCRIBERS = 2_000;
const PATIENCE = { within: 60_000, every: 20 } as const;
/** By then every job has ended that began before Redis went away. */
const REDIS_AWAY_MS = 7_000;
const POSTGRES_AWAY_MS = 1_000;

/** What is measured, and how many seconds it may take. */
const LIMITS = {
  'another worker goes on with the work of a killed one': 10,
  'another worker leads after the leader was killed': 10,
  'work goes on after Redis came back with its data': 5,
  'work goes on after Redis came back empty': 5,
  'work goes on after Postgres came back from a crash': 10,
} as const;
type What = keyof typeof LIMITS;

/** Measures on real processes, in the middle of a run, how soon work goes on after each loss. */
export async function measureRecovery(
  seed: number,
  say: (line: string) => void,
): Promise<{ rows: string[][]; good: boolean }> {
  const stage = await setStage(new Random(seed), { workers: WORKERS, startAt: START, answerMs: [200, 400] });
  const database = await openDatabase({ url: stage.databaseUrl, connections: 2 });
  const { db } = database;
  const seconds = new Map<What, number[]>();
  const note = (what: What, since: number) => {
    const took = (Date.now() - since) / 1_000;
    seconds.set(what, [...(seconds.get(what) ?? []), took]);
    say(`${what}: ${took.toFixed(1)} s`);
  };
  try {
    const time = new GroupTime(stage);
    const group = new Group(db, () => time.now());
    await group.setUp(SUBSCRIBERS);
    for (const actor of stage.actors) actor.start();
    await until('somebody leads', () => leader(stage, db), PATIENCE);
    for (let round = 0; round < ROUNDS; round++) {
      time.towardsNextMinute();
      await group.addMeetings(3, String(round));
      await until('work goes on', () => claimedSince(db, Date.now() - 1_000), PATIENCE);
      await killWorker(stage, db, note);
      await killLeader(stage, db, note);
      for (const keepData of [true, false]) await loseRedis(stage, db, keepData, note);
      await stage.postgres.crash();
      await pause(POSTGRES_AWAY_MS);
      await stage.postgres.start();
      const back = Date.now();
      await until('work goes on', () => claimedSince(db, back), PATIENCE);
      note('work goes on after Postgres came back from a crash', back);
    }
  } finally {
    await database.close();
    await stage.close();
  }
  const found = (Object.keys(LIMITS) as What[]).map((what) => [what, seconds.get(what) ?? []] as const);
  return {
    rows: found.map(([what, took]) => [what, String(LIMITS[what]), withSpread(took, 1)]),
    good: found.every(([what, took]) => took.length === ROUNDS && Math.max(...took) <= LIMITS[what]),
  };
}

type Note = (what: What, since: number) => void;

async function killWorker(stage: Stage, db: Db, note: Note): Promise<void> {
  const lead = await until('somebody leads', () => leader(stage, db), PATIENCE);
  const [victim, chunks] = await until(
    'a worker that does not lead is handing over',
    async () => {
      for (const actor of stage.actors) {
        if (actor.role !== 'worker' || actor === lead) continue;
        const held = await chunksOf(db, actor);
        if (held.length > 0) return [actor, held] as const;
      }
      return undefined;
    },
    PATIENCE,
  );
  await victim.signal('SIGKILL');
  const since = Date.now();
  for (const chunk of chunks) {
    await until('its chunk is claimed from again', () => claimedSince(db, since, chunk), PATIENCE);
  }
  note('another worker goes on with the work of a killed one', since);
  victim.start();
}

async function killLeader(stage: Stage, db: Db, note: Note): Promise<void> {
  const lead = await until('somebody leads', () => leader(stage, db), PATIENCE);
  await lead.signal('SIGKILL');
  const since = Date.now();
  await until(
    'another one leads',
    async () => {
      const next = await leader(stage, db);
      return next !== undefined && next !== lead;
    },
    PATIENCE,
  );
  note('another worker leads after the leader was killed', since);
  lead.start();
  await until('work goes on', () => claimedSince(db, Date.now() - 500), PATIENCE);
}

async function loseRedis(stage: Stage, db: Db, keepData: boolean, note: Note): Promise<void> {
  await stage.redis.kill();
  await pause(REDIS_AWAY_MS);
  await stage.redis.start(keepData);
  const back = Date.now();
  await until('work goes on', () => claimedSince(db, back), PATIENCE);
  note(`work goes on after Redis came back ${keepData ? 'with its data' : 'empty'}`, back);
}

interface Chunk {
  readonly announcementId: string;
  readonly chunk: number;
}

async function leader(stage: Stage, db: Db): Promise<Actor | undefined> {
  const [lease] = await rows<{ holder: string }>(
    db,
    sql`select holder from leases where name = 'reconciler' and expires_at > clock_timestamp()`,
  );
  return stage.actors.find(({ pids }) => lease?.holder.includes(`-${pids.at(-1)}-`));
}

/** The chunks that a process is working on at this moment, and that will not be done in a moment. */
async function chunksOf(db: Db, { pids }: Actor): Promise<Chunk[]> {
  return rows<Chunk>(
    db,
    sql`select announcement_id as "announcementId", chunk from deliveries
      group by announcement_id, chunk
      having bool_or(state = 'sending' and claimed_by like ${`%-${pids.at(-1)}-%`})
        and count(*) filter (where state = 'pending') > 100`,
  );
}

async function claimedSince(db: Db, since: number, chunk?: Chunk): Promise<boolean> {
  const [row] = await rows<{ found: boolean }>(
    db,
    sql`select exists (
      select 1 from chaos_claims c join deliveries d on d.id = c.delivery_id
      where c.at > to_timestamp(${since / 1_000}::float8)
        ${chunk === undefined ? sql`` : sql`and d.announcement_id = ${chunk.announcementId} and d.chunk = ${chunk.chunk}`}
    ) as found`,
  );
  return row!.found;
}
