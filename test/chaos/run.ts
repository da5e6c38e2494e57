import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { openDatabase, rows, type Db } from '../../src/db/open.ts';
import { until } from '../support/wait.ts';
import { draw, FAULTS, OPENINGS, touchedBy, type Fault, type Injected } from './faults.ts';
import { Group } from './group.ts';
import { GroupTime } from './group-time.ts';
import { readLedger } from './ledger.ts';
import { Life, type LifeEvent } from './life.ts';
import { judge, type Verdict } from './model.ts';
import { Random } from './random.ts';
import { setStage, type Stage, type StageOptions } from './stage.ts';

export interface RunOptions {
  readonly seed: number;
  /** How long faults are drawn and injected; the run then goes on until all work is done. */
  readonly seconds: number;
  readonly workers: number;
  readonly subscribers: number;
  /** Meetings whose reminder is due at the first full minute; as many follow whenever little is left to do. */
  readonly meetings: number;
  /** Whether more meetings follow, administrators act, people leave and quiet hours come. */
  readonly life?: boolean;
  /** Faults to draw from; all of them when left out. */
  readonly faults?: readonly Fault[];
  /** Faults that come first, one after the other. */
  readonly openings?: readonly Fault[];
  /** How many happen side by side, and the longest pause between two of them in milliseconds. */
  readonly streams?: number;
  readonly rest?: number;
  /** The pause between two of them, where it is always the same. */
  readonly every?: number;
  /** How long the mail server takes to answer a message, lowest and highest, in milliseconds. */
  readonly answerMs?: readonly [number, number];
  /** How long the work may take to come to its end after the last fault. */
  readonly settleSeconds?: number;
  /** Faults and deliveries after which it ends early. */
  readonly enough?: { readonly faults: number; readonly deliveries: number };
  /** The program that runs, and an older one with which the last worker begins. */
  readonly program?: string | undefined;
  readonly older?: string | undefined;
  readonly redis?: StageOptions['redis'];
  readonly webs?: number;
  /** Further settings of every process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly say?: (line: string) => void;
}

export interface Report extends Verdict {
  /** How often each kind was injected. */
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** How many keys are left in Redis when nothing is to be done any more. */
  readonly redisKeys: number;
  /** What happened in the group, and how often. */
  readonly life: Readonly<Record<LifeEvent, number>>;
}

/** Two runs as one. */
export function sumOf(a: Report, b: Report): Report {
  const kinds = new Set([...Object.keys(a.faults), ...Object.keys(b.faults)]);
  const events = Object.keys(a.life) as LifeEvent[];
  return {
    deliveries: a.deliveries + b.deliveries,
    sent: a.sent + b.sent,
    excluded: a.excluded + b.excluded,
    failed: a.failed + b.failed,
    unknown: a.unknown + b.unknown,
    cancelled: a.cancelled + b.cancelled,
    doubled: a.doubled + b.doubled,
    lost: a.lost + b.lost,
    wrong: [...a.wrong, ...b.wrong],
    faults: Object.fromEntries(
      [...kinds].map((kind) => [kind, (a.faults[kind] ?? 0) + (b.faults[kind] ?? 0)]),
    ),
    seconds: a.seconds + b.seconds,
    redisKeys: Math.max(a.redisKeys, b.redisKeys),
    life: Object.fromEntries(events.map((event) => [event, a.life[event] + b.life[event]])) as Report['life'],
  };
}

/** The group's time at which a run begins. */
export const START = Temporal.Instant.from('2027-03-27T10:59:40Z');
const START_PATIENCE_MS = 300_000;
const SETTLE_STEP_MS = 120_000;
/** Some for each queue and for each job that failed lately, however many jobs there were. */
const MOST_REDIS_KEYS = 1_000;
/** How much longer than the faults people may take for what they do. */
const OVERTIME_MS = 60_000;

/** A run of about a minute in which everything occurs that the model knows. */
export const SHORT: Omit<RunOptions, 'seed'> = {
  seconds: 12,
  workers: 2,
  subscribers: 120,
  meetings: 6,
  life: true,
  openings: OPENINGS,
  faults: FAULTS.filter(({ long }) => !long),
  streams: 3,
  answerMs: [50, 250],
  settleSeconds: 100,
};

/** Runs the program under fire and holds the mail that arrived against the ledger. */
export async function runChaos(options: RunOptions): Promise<Report> {
  const { seed, say = () => undefined } = options;
  const random = new Random(seed);
  const stage = await setStage(new Random(seed + 1), {
    workers: options.workers,
    startAt: START,
    program: options.program,
    older: options.older,
    redis: options.redis,
    webs: options.webs,
    env: options.env,
    ...(options.answerMs === undefined ? {} : { answerMs: options.answerMs }),
  });
  if (options.older !== undefined) {
    // Whatever is newer brings the database up to date, after which the older does not start any more.
    const older = stage.actors.at(-1)!;
    older.start();
    await until('the older worker works', () => older.output().includes('Convenor is ready'), {
      within: START_PATIENCE_MS,
    });
  }
  const database = await openDatabase({ url: stage.databaseUrl, connections: 4 });
  try {
    return await play(stage, database.db, random, { ...options, say });
  } finally {
    await database.close();
    await stage.close();
  }
}

async function play(
  stage: Stage,
  db: Db,
  random: Random,
  options: RunOptions & { say: (line: string) => void },
): Promise<Report> {
  const { say } = options;
  const since = Date.now();
  const time = new GroupTime(stage);
  const group = new Group(db, () => time.now());
  const life = new Life(stage, group, time, random);
  await group.setUp(options.subscribers);
  let over = false;
  const supervision = supervise(stage, () => over);
  await until('all workers work', async () => (await workersAtWork(db)) >= options.workers, {
    within: START_PATIENCE_MS,
  });
  say(`all ${options.workers} workers work after ${seconds(since)} s`);

  const faults: Injected[] = [];
  const busy = new Set<string>();
  let end = Number.POSITIVE_INFINITY;
  let living = true;
  const enough = () =>
    options.enough !== undefined &&
    faults.length >= options.enough.faults &&
    stage.mail.arrivals.length >= options.enough.deliveries;
  const open = () => Date.now() < end && !enough();

  // The first reminders are due in a moment, among the first faults.
  time.towardsNextMinute();
  if (options.life) await life.begin();
  await group.addMeetings(options.meetings, '0');

  async function inflict(fault: Fault, stream: Random, part: string, must = false): Promise<void> {
    busy.add(part);
    const injected: Injected = {
      kind: fault.kind,
      touches: touchedBy(stage, part),
      from: Date.now(),
      to: Number.POSITIVE_INFINITY,
    };
    faults.push(injected);
    try {
      await fault.inflict(stage, part, stream);
    } catch (error) {
      if (must) throw error;
      say(`${fault.kind}: ${(error as Error).message}`);
    }
    injected.to = Date.now();
    busy.delete(part);
  }

  async function inflictFaults(stream: Random): Promise<void> {
    while (open()) {
      const fault = draw(options.faults ?? FAULTS, stream);
      const part = fault.part(stage, stream);
      if (busy.has(part) || (part === 'deploy' && busy.size > 0)) {
        await pause(20);
        continue;
      }
      await inflict(fault, stream, part);
      await pause(options.every ?? stream.between(0, options.rest ?? 400));
    }
  }

  async function strike(): Promise<void> {
    const first = new Random(options.seed * 7_919 - 1);
    for (const fault of options.openings ?? []) await inflict(fault, first, fault.part(stage, first), true);
    end = Date.now() + options.seconds * 1_000;
    const streams = Array.from({ length: options.streams ?? 2 }, (_, n) =>
      inflictFaults(new Random(options.seed * 7_919 + n)),
    );
    await Promise.all(streams);
  }

  async function live(): Promise<void> {
    let wave = 0;
    const owed = () => options.life === true && !life.complete && Date.now() < end + OVERTIME_MS;
    while (open() || owed()) {
      await pause(500);
      if (!options.life) continue;
      if (!life.complete || random.chance(0.1)) await quietly(() => life.goOn());
      await quietly(async () => {
        if ((await openDeliveries(db)) > options.subscribers) return;
        time.towardsNextMinute();
        await group.addMeetings(options.meetings, String(++wave));
      });
    }
  }

  /** As an administrator who is told of it does. */
  async function resume(): Promise<void> {
    while (living) {
      await pause(500);
      await quietly(() => life.resumePaused());
    }
  }

  /** Everything is well again; time goes faster, so that what was put off is due. */
  async function settle(): Promise<void> {
    const limit = Date.now() + (options.settleSeconds ?? 120) * 1_000;
    for (const actor of stage.actors) actor.shiftClock(0);
    let nextStep = Date.now() + 8_000;
    while (Date.now() < limit) {
      await pause(500);
      await quietly(() => life.resumePaused({ all: true }));
      if (await isDone(db)) return;
      if (Date.now() < nextStep || (await underWay(db)) > 0) continue;
      nextStep = Date.now() + 2_000;
      time.advance(SETTLE_STEP_MS);
    }
    say(`the work did not come to its end in time: ${await leftOver(db)}`);
  }

  const progress = setInterval(() => {
    const delivered = stage.mail.arrivals.length;
    say(`${seconds(since)} s: ${faults.length} faults, ${delivered} messages arrived`);
  }, 15_000);
  try {
    await Promise.all([Promise.all([strike(), live()]).finally(() => (living = false)), resume()]);
    say(`${faults.length} faults in ${seconds(since)} s; waiting for the work to end`);
    await settle();
  } finally {
    clearInterval(progress);
    over = true;
    await supervision;
  }

  const actorByPid = new Map(
    stage.actors.flatMap(({ name, pids }) => pids.map((pid) => [pid, name] as const)),
  );
  const verdict = judge(await readLedger(db), {
    arrivals: stage.mail.arrivals,
    begun: stage.mail.begun,
    refusals: stage.mail.refusals,
    faults: [...faults, ...time.leaps],
    stops: group.stops,
    quiet: life.quiet,
    optOuts: life.optOuts,
    leavers: life.leavers,
    actorOf: (claimedBy) => actorByPid.get(Number(/-(\d+)-[0-9a-f]+\//.exec(claimedBy)?.[1])),
  });
  const redisKeys = await stage.redis.client.dbsize();
  const wrong = [
    ...verdict.wrong,
    ...(redisKeys > MOST_REDIS_KEYS ? [`Redis is left with ${redisKeys} keys`] : []),
  ];
  const kinds: Record<string, number> = {};
  for (const { kind } of faults) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return {
    ...verdict,
    wrong,
    redisKeys,
    faults: kinds,
    seconds: Number(seconds(since)),
    life: life.counts(),
  };
}

async function workersAtWork(db: Db): Promise<number> {
  const [beats] = await rows<{ n: number }>(
    db,
    sql`select count(*)::int as n from heartbeats where name like 'worker:%'`,
  );
  return beats?.n ?? 0;
}

const seconds = (since: number): string => ((Date.now() - since) / 1_000).toFixed(0);

/** Starts what has ended, as a container's restart policy does. */
async function supervise(stage: Stage, over: () => boolean): Promise<void> {
  while (!over()) {
    for (const actor of stage.actors) if (!actor.running()) actor.start();
    await pause(200);
  }
}

/** The administrator meets the same faults as everybody: what does not work is done another time. */
async function quietly(work: () => Promise<void>): Promise<void> {
  await work().catch(() => undefined);
}

async function openDeliveries(db: Db): Promise<number> {
  const [row] = await rows<{ n: number }>(
    db,
    sql`select count(*)::int as n from deliveries where state in ('pending', 'sending')`,
  );
  return row!.n;
}

async function underWay(db: Db): Promise<number> {
  const [row] = await rows<{ n: number }>(
    db,
    sql`select count(*)::int as n from deliveries d join announcements a on a.id = d.announcement_id
      where d.state = 'sending' or (d.state = 'pending' and a.state = 'sending' and d.next_attempt_at is null)`,
  );
  return row!.n;
}

/** What keeps a run from its end, for whoever looks for the reason. */
async function leftOver(db: Db): Promise<string> {
  const found = await rows<{ line: string }>(
    db,
    sql`select concat(count(*), ' ', coalesce(d.state, 'without deliveries'), ' in one that is ', a.state) as line
      from announcements a left join deliveries d on d.announcement_id = a.id
      where d.state in ('pending', 'sending') or a.state in ('approved', 'sending', 'held', 'awaiting_approval')
      group by a.state, d.state`,
  );
  return found.map(({ line }) => line).join(', ');
}

async function isDone(db: Db): Promise<boolean> {
  const [row] = await rows<{ n: number }>(
    db,
    sql`select count(*)::int as n from announcements a where a.state in ('approved', 'sending', 'held', 'awaiting_approval')`,
  );
  return row!.n === 0 && (await openDeliveries(db)) === 0;
}
