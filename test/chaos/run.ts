import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { openDatabase, rows, type Db } from '../../src/db/open.ts';
import { until } from '../support/wait.ts';
import { draw, FAULTS, touchedBy, type Fault, type Injected } from './faults.ts';
import { Group } from './group.ts';
import { judge, type Verdict } from './model.ts';
import { Random } from './random.ts';
import { setStage, type Stage } from './stage.ts';

export interface RunOptions {
  readonly seed: number;
  /** How long faults are injected; the run then goes on until all work is done. */
  readonly seconds: number;
  readonly workers: number;
  readonly subscribers: number;
  /** Meetings whose reminder is due at the first full minute; more follow while the backlog is small. */
  readonly meetings: number;
  /** Whether more meetings follow, hold and cancel happen, and people leave. */
  readonly life?: boolean;
  /** Faults to draw from; all of them when left out. */
  readonly faults?: readonly Fault[];
  /** How many happen side by side, and the longest pause between two of them in milliseconds. */
  readonly streams?: number;
  readonly rest?: number;
  /** How long the work may take to come to its end after the last fault. */
  readonly settleSeconds?: number;
  /** Folder of another build of the program, for one of the workers. */
  readonly older?: string;
  readonly say?: (line: string) => void;
}

export interface Report extends Verdict {
  readonly faults: readonly Injected[];
  readonly seconds: number;
  readonly pauses: number;
}

const START = Temporal.Instant.from('2027-03-27T10:59:40Z');
/** From the call for meetings to the minute at which their reminders are due. */
const LEAD_MS = 3_000;
const START_PATIENCE_MS = 120_000;
const SETTLE_STEP_MS = 120_000;

/** Runs the program under fire and holds the mail that arrived against the ledger. */
export async function runChaos(options: RunOptions): Promise<Report> {
  const { seed, say = () => undefined } = options;
  const random = new Random(seed);
  const stage = await setStage(new Random(seed + 1), {
    workers: options.workers,
    startAt: START,
    older: options.older,
  });
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
  let advanced = 0;
  const group = new Group(db, () => stage.shift + advanced);
  await group.setUp(options.subscribers);
  let over = false;
  const supervision = supervise(stage, () => over);
  await until(
    'all workers work',
    async () => {
      const beats = await rows<{ n: number }>(
        db,
        sql`select count(*)::int as n from heartbeats where name like 'worker:%'`,
      );
      return (beats[0]?.n ?? 0) >= options.workers;
    },
    { within: START_PATIENCE_MS },
  );
  say(`all ${options.workers} workers work after ${seconds(since)} s`);

  const faults: Injected[] = [];
  const busy = new Set<string>();
  const end = Date.now() + options.seconds * 1_000;
  const open = () => Date.now() < end;
  // The first reminders are due in a moment, among the first faults.
  const untilMinute = 60_000 - ((Date.now() + stage.shift) % 60_000);
  advance(Math.max(0, untilMinute - LEAD_MS));
  await group.addMeetings(options.meetings, '0');

  function advance(milliseconds: number): void {
    advanced += milliseconds;
    for (const actor of stage.actors) actor.advance(advanced);
  }

  async function inflictFaults(stream: Random): Promise<void> {
    while (open()) {
      const fault = draw(options.faults ?? FAULTS, stream);
      const part = fault.part(stage, stream);
      if (busy.has(part) || (fault.part(stage, stream) === 'deploy' && busy.size > 0)) {
        await pause(20);
        continue;
      }
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
        say(`${fault.kind}: ${(error as Error).message}`);
      }
      injected.to = Date.now();
      busy.delete(part);
      await pause(stream.between(0, options.rest ?? 400));
    }
  }

  const optOuts = new Map<string, number>();
  let pauses = 0;
  async function administer(): Promise<void> {
    let wave = 0;
    let lastWave = Date.now();
    while (open()) {
      await pause(700);
      await quietly(async () => {
        pauses += await group.resumePaused();
      });
      if (options.life !== true) continue;
      if (random.chance(0.15)) await quietly(disturb);
      if (random.chance(0.1)) await quietly(leave);
      if (Date.now() - lastWave > 15_000) {
        lastWave = Date.now();
        await quietly(async () => {
          const backlog = await openDeliveries(db);
          if (backlog < options.subscribers * options.meetings)
            await group.addMeetings(options.meetings, String(++wave));
        });
      }
    }
  }

  async function disturb(): Promise<void> {
    const sending = await group.sending();
    if (sending.length < 2) return;
    const { id, meetingId } = random.pick(sending);
    const what = random.next();
    if (what < 0.7) {
      const stop = await group.hold(id);
      await pause(random.between(500, 4_000));
      for (let tries = 0; tries < 20; tries++) {
        try {
          await group.resume(stop);
          return;
        } catch {
          await pause(500);
        }
      }
    } else if (what < 0.85) await group.cancel(id);
    else if (meetingId !== null) await group.move(id, meetingId);
  }

  async function leave(): Promise<void> {
    const arrival = stage.mail.arrivals.at(-random.between(1, 50));
    if (arrival?.leave === undefined || optOuts.has(arrival.to)) return;
    const response = await fetch(arrival.leave, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
      signal: AbortSignal.timeout(10_000),
    });
    if (response.ok) optOuts.set(arrival.to, Date.now());
  }

  const streams = Array.from({ length: options.streams ?? 2 }, (_, n) =>
    inflictFaults(new Random(options.seed * 7_919 + n)),
  );
  const progress = setInterval(() => {
    const delivered = stage.mail.arrivals.length;
    say(`${seconds(since)} s: ${faults.length} faults, ${delivered} messages arrived`);
  }, 15_000);
  try {
    await Promise.all([...streams, administer()]);
    say(`${faults.length} faults in ${seconds(since)} s; waiting for the work to end`);
    await settle();
  } finally {
    clearInterval(progress);
    over = true;
    await supervision;
  }

  /** Everything is well again; time goes faster, so that what was put off is due. */
  async function settle(): Promise<void> {
    const limit = Date.now() + (options.settleSeconds ?? 120) * 1_000;
    for (const actor of stage.actors) actor.shiftClock(0);
    let nextStep = Date.now() + 8_000;
    while (Date.now() < limit) {
      await pause(500);
      await quietly(async () => {
        pauses += await group.resumePaused({ all: true });
      });
      if (await isDone(db)) return;
      if (Date.now() < nextStep || (await underWay(db)) > 0) continue;
      nextStep = Date.now() + 3_000;
      advance(SETTLE_STEP_MS);
    }
    say('the work did not come to its end in time');
  }

  const actorByPid = new Map(
    stage.actors.flatMap(({ name, pids }) => pids.map((pid) => [pid, name] as const)),
  );
  const verdict = await judge(db, {
    arrivals: stage.mail.arrivals,
    begun: stage.mail.begun,
    faults,
    stops: group.stops,
    optOuts,
    actorOf: (claimedBy) => actorByPid.get(Number(/-(\d+)-[0-9a-f]+\//.exec(claimedBy)?.[1])),
  });
  return { ...verdict, faults, seconds: Number(seconds(since)), pauses };
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

async function isDone(db: Db): Promise<boolean> {
  const [row] = await rows<{ n: number }>(
    db,
    sql`select count(*)::int as n from announcements a where a.state in ('approved', 'sending', 'held', 'awaiting_approval')`,
  );
  return row!.n === 0 && (await openDeliveries(db)) === 0;
}
