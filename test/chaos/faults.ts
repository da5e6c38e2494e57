import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Random } from './random.ts';
import { until } from '../support/wait.ts';
import { MOODS, type Mood } from './smtp.ts';
import { canFillDisks, limitFiles } from '../support/full-disk.ts';
import { LINKS, type Actor, type Stage } from './stage.ts';

/** What was done, to what, and when; times in milliseconds of this machine's clock. */
export interface Injected {
  readonly kind: string;
  /** Names of the processes whose hand-overs it can have met. */
  readonly touches: ReadonlySet<string>;
  readonly from: number;
  to: number;
}

export interface Fault {
  readonly kind: string;
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  /** Lasts too long for a short run. */
  readonly long?: boolean;
  /** The part that it happens to: two faults never happen to one part at the same time. */
  part(stage: Stage, random: Random): string;
  /** Does it and ends it. */
  inflict(stage: Stage, part: string, random: Random): Promise<void>;
}

/** The clocks of two machines that nobody looks after are seldom further apart. */
const LARGEST_JUMP_MS = 45_000;

const actorOf = (stage: Stage, name: string): Actor => stage.actors.find((actor) => actor.name === name)!;
const anyActor = (stage: Stage, random: Random): string => random.pick(stage.actors).name;
/** One that runs, when any does. */
const anyWorker = (stage: Stage, random: Random): string => {
  const workers = stage.actors.filter(({ role }) => role === 'worker');
  const running = workers.filter((actor) => actor.running());
  return random.pick(running.length > 0 ? running : workers).name;
};

async function sql<T = unknown>(stage: Stage, text: string, options = ''): Promise<T[]> {
  const client = new pg.Client({ connectionString: stage.databaseUrl, options });
  // The server may end this very connection.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A fault that begins, lasts for a drawn time, and is ended. */
function lasting(
  kind: string,
  weight: number,
  options: {
    part: Fault['part'];
    begin(stage: Stage, part: string, random: Random): unknown;
    end(stage: Stage, part: string): unknown;
    ms: readonly [number, number];
  },
): Fault {
  return {
    kind,
    weight,
    part: options.part,
    async inflict(stage, part, random) {
      const duration = random.between(...options.ms);
      await options.begin(stage, part, random);
      await pause(duration);
      await options.end(stage, part);
    },
  };
}

const fixed = (part: string) => () => part;

/** SIGKILL of a worker alone, for the run in which one is killed every second. */
export const KILL_WORKER: Fault = {
  kind: 'SIGKILL of a worker',
  weight: 6,
  part: anyWorker,
  inflict: async (stage, part) => {
    await actorOf(stage, part).signal('SIGKILL');
  },
};

export const FAULTS: readonly Fault[] = [
  KILL_WORKER,
  {
    kind: 'SIGKILL of the web',
    weight: 1,
    part: fixed('web'),
    inflict: async (stage, part) => {
      await actorOf(stage, part).signal('SIGKILL');
    },
  },
  {
    kind: 'SIGTERM of a process',
    weight: 3,
    part: anyActor,
    inflict: async (stage, part) => {
      await actorOf(stage, part).signal('SIGTERM');
    },
  },
  lasting('SIGSTOP of a process, then SIGCONT', 3, {
    part: anyActor,
    begin: (stage, part) => actorOf(stage, part).pause(),
    end: (stage, part) => actorOf(stage, part).unpause(),
    ms: [500, 8_000],
  }),
  {
    ...lasting('SIGSTOP for longer than a worker may be silent', 1, {
      part: anyWorker,
      begin: (stage, part) => actorOf(stage, part).pause(),
      end: (stage, part) => actorOf(stage, part).unpause(),
      ms: [22_000, 30_000],
    }),
    long: true,
  },
  lasting('clock of a process jumps', 3, {
    part: anyActor,
    begin: (stage, part, random) =>
      actorOf(stage, part).shiftClock(random.between(-LARGEST_JUMP_MS, LARGEST_JUMP_MS)),
    end: (stage, part) => actorOf(stage, part).shiftClock(0),
    ms: [500, 4_000],
  }),
  ...LINKS.flatMap((link) => [
    lasting(`link to ${link} cut`, 3, {
      part: anyActor,
      begin: (stage, part) => actorOf(stage, part).links[link].cut(),
      end: (stage, part) => actorOf(stage, part).links[link].mend(),
      ms: [100, 3_000],
    }),
    lasting(`link to ${link} silent`, 1, {
      part: anyActor,
      begin: (stage, part) => actorOf(stage, part).links[link].freeze(),
      end: (stage, part) => actorOf(stage, part).links[link].mend(),
      ms: [500, 5_000],
    }),
    lasting(`link to ${link} slow`, 1, {
      part: anyActor,
      begin: (stage, part, random) => actorOf(stage, part).links[link].slow(random.between(50, 400)),
      end: (stage, part) => actorOf(stage, part).links[link].mend(),
      ms: [500, 3_000],
    }),
  ]),
  {
    kind: 'Redis: FLUSHALL',
    weight: 3,
    part: fixed('redis'),
    inflict: async (stage) => {
      await stage.redis.client.flushall();
    },
  },
  {
    kind: 'Redis: killed and restarted',
    weight: 2,
    part: fixed('redis'),
    inflict: async (stage, _, random) => {
      await stage.redis.kill();
      await pause(random.between(100, 3_000));
      await stage.redis.start(true);
    },
  },
  {
    kind: 'Redis: killed and restarted empty',
    weight: 2,
    part: fixed('redis'),
    inflict: async (stage, _, random) => {
      await stage.redis.kill();
      await pause(random.between(100, 3_000));
      await stage.redis.start(false);
    },
  },
  lasting('Redis: read-only', 1, {
    part: fixed('redis'),
    begin: (stage) => stage.redis.client.replicaof('127.0.0.1', 1),
    end: (stage) => stage.redis.client.replicaof('NO', 'ONE'),
    ms: [500, 3_000],
  }),
  lasting('Redis: out of memory', 1, {
    part: fixed('redis'),
    begin: (stage) => stage.redis.client.config('SET', 'maxmemory', '1'),
    end: (stage) => stage.redis.client.config('SET', 'maxmemory', '0'),
    ms: [500, 3_000],
  }),
  lasting('Redis: slow', 1, {
    part: fixed('redis'),
    begin: (stage) => stage.redis.client.call('CLIENT', 'PAUSE', '2000', 'ALL'),
    end: () => undefined,
    ms: [2_000, 2_100],
  }),
  {
    kind: 'Postgres: crashed and restarted',
    weight: 2,
    part: fixed('postgres'),
    inflict: async (stage, _, random) => {
      await stage.postgres.crash();
      await pause(random.between(100, 3_000));
      await stage.postgres.start();
    },
  },
  {
    kind: 'Postgres: connections cut',
    weight: 3,
    part: fixed('postgres'),
    inflict: async (stage) => {
      await sql(
        stage,
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'convenor'`,
      );
    },
  },
  lasting('Postgres: refuses to write', 1, {
    part: fixed('postgres'),
    begin: async (stage) => {
      await sql(stage, 'alter system set default_transaction_read_only = on');
      await sql(stage, 'select pg_reload_conf()');
    },
    end: async (stage) => {
      // The session that ends it would be read-only itself.
      const writable = '-c default_transaction_read_only=off';
      await sql(stage, 'alter system reset default_transaction_read_only', writable);
      await sql(stage, 'select pg_reload_conf()');
    },
    ms: [300, 2_000],
  }),
  ...(canFillDisks
    ? [
        lasting('Postgres: disk full', 1, {
          part: fixed('postgres'),
          begin: (stage) => limitFiles(stage.postgres.pids(), 'full'),
          end: async (stage) => {
            limitFiles(stage.postgres.pids(), 'free');
            // A server that cannot write its log ends itself.
            if (stage.postgres.pids().length === 0) await stage.postgres.start();
          },
          ms: [300, 2_000],
        }),
      ]
    : []),
  ...MOODS.map((mood) =>
    lasting(`SMTP: ${mood}`, mood === 'refuse 550 5.1.1' ? 0.5 : 1, {
      part: fixed('smtp'),
      begin: (stage, _, random) =>
        stage.mail.setMood(mood, mood === 'refuse 550 5.1.1' ? 0.1 : random.pick([0.2, 0.5, 1])),
      end: (stage) => stage.mail.setMood(undefined, 0),
      ms: [500, 2_500],
    }),
  ),
  {
    kind: 'deploy: every process replaced, one after the other',
    weight: 1,
    part: fixed('deploy'),
    inflict: async (stage) => {
      for (const actor of stage.actors) {
        if (actor.running()) await actor.signal('SIGTERM');
        await pause(500);
      }
    },
  },
];

/** A mood of the mail server that lasts until it has shown in a way that people would notice. */
const untilSeen = (mood: Mood, share: number, seen: (stage: Stage) => unknown): Fault => ({
  kind: `SMTP: ${mood}`,
  weight: 1,
  part: fixed('smtp'),
  inflict: async (stage) => {
    stage.mail.setMood(mood, share);
    try {
      await until(`${mood} was met`, async () => Boolean(await seen(stage)), { within: OPENING_MS });
    } finally {
      stage.mail.setMood(undefined, 0);
    }
  },
});

const OPENING_MS = 120_000;

/** One after the other at the beginning of a run, so that each outcome that the model knows does occur. */
export const OPENINGS: readonly Fault[] = [
  untilSeen('refuse 550 5.1.1', 0.1, ({ mail }) => mail.refusals.length >= 2),
  untilSeen(
    'drop after DATA',
    1,
    ({ mail }) => mail.arrivals.filter(({ answered }) => !answered).length >= 6,
  ),
  {
    ...KILL_WORKER,
    kind: 'SIGKILL of a worker that is handing over',
    inflict: async (stage, part) => {
      stage.mail.setMood('stall', 1);
      const actor = actorOf(stage, part);
      try {
        await until(
          'it hands over',
          async () => {
            const claims = await sql(
              stage,
              `select 1 from deliveries where state = 'sending' and claimed_by like '%-${actor.pids.at(-1)}-%'`,
            );
            return claims.length > 0;
          },
          { within: OPENING_MS },
        );
        await actor.signal('SIGKILL');
      } finally {
        stage.mail.setMood(undefined, 0);
      }
    },
  },
  untilSeen('refuse 535', 1, async (stage) => {
    const paused = await sql(
      stage,
      `select 1 from announcements where state = 'held' and state_by = 'system'`,
    );
    return paused.length > 0;
  }),
];

/** Which processes a fault can have met: the one that it happened to, or all of them. */
export function touchedBy(stage: Stage, part: string): ReadonlySet<string> {
  const hit = stage.actors.some(({ name }) => name === part);
  return new Set(hit ? [part] : stage.actors.map(({ name }) => name));
}

/** Draws a fault by weight. */
export function draw(faults: readonly Fault[], random: Random): Fault {
  let rest = random.next() * faults.reduce((sum, { weight }) => sum + weight, 0);
  return faults.find(({ weight }) => (rest -= weight) < 0) ?? faults[0]!;
}
