import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { rows, type Db } from '../src/db/open.ts';
import { exampleMessage } from './message.ts';
import { referenceRate, startSink } from './postfix.ts';
import { asMebibytes, say, withSpread, type PartReport } from './report.ts';
import { startWorkers } from './workers.ts';
import { planRun, startRun, startWorld, statesOf, type World } from './world.ts';

interface Shape {
  readonly name: string;
  readonly workers: number;
  readonly dkim: boolean;
  /** SMTP_PIPELINING instead of nodemailer. */
  readonly pipelining?: true;
  /** SMTP_CONNECTIONS of each worker, where it is not `CONNECTIONS`. */
  readonly connections?: number;
}

const SHAPES: readonly Shape[] = [
  { name: '1 worker', workers: 1, dkim: false },
  { name: '2 workers', workers: 2, dkim: false },
  { name: '1 worker, RSA-2048 DKIM', workers: 1, dkim: true },
  { name: '2 workers, RSA-2048 DKIM', workers: 2, dkim: true },
  { name: '1 worker, pipelining', workers: 1, dkim: false, pipelining: true },
  { name: '2 workers, pipelining', workers: 2, dkim: false, pipelining: true },
  { name: '1 worker, 20 connections', workers: 1, dkim: false, connections: 20 },
  { name: '2 workers, 20 connections', workers: 2, dkim: false, connections: 20 },
];

const SIZES = [20_000, 200_000, 1_000_000];
/** Above this only the first shape is measured. */
const LONG_RUN = 200_000;
const CONNECTIONS = 10;
/** A run is given up below so many messages a second. */
const SLOWEST = 50;

/**
 * The product's own workers against the reference: `send [sizes] [rounds] [shapes]`, where shapes are the numbers of
 * lines of the table, such as 1,3. The first size is sent in every shape and round; larger ones once, in the first two
 * shapes or the first, to show that neither time per message nor memory grows.
 */
export async function measureSend(args: readonly string[]): Promise<PartReport> {
  const [size = 20_000, ...larger] = args[0]?.split(',').map(Number) ?? SIZES;
  const rounds = Number(args[1] ?? 3);
  const chosen = args[2]?.split(',').map((number) => SHAPES[Number(number) - 1]!) ?? SHAPES;
  const { length: bytes } = await exampleMessage();
  const sink = await startSink();
  try {
    const lines = await measureSize(size, chosen, { rounds, sink, bytes });
    for (const recipients of larger) {
      const first = chosen.slice(0, recipients > LONG_RUN ? 1 : 2);
      lines.push(...(await measureSize(recipients, first, { rounds: 1, sink, bytes })));
    }
    return {
      title: 'full messages with calendar entry, from planned rows to settled rows',
      about:
        `The product’s own worker processes, ${CONNECTIONS} connections each where no other number is given, no rate limit, with nodemailer, Postgres (fsync off) ` +
        `and Redis with AOF, against the same \`smtp-sink\` as \`smtp-source -d -s 10\` just before and after with messages of the same ${bytes.toLocaleString('en-GB')} bytes; ` +
        `${rounds} rounds, median (lowest–highest); runs of other sizes than ${size.toLocaleString('en-GB')} once. The time is from ` +
        'the first claim to the last settled row; a worker takes some seconds of it to warm up, which weighs on short runs. ' +
        'Memory is the most that a worker, and Redis, ever had. ' +
        'The ratio to `openssl speed rsa2048` on one core, just before and after, is taken over the cores that the workers used, at ' +
        'least one each.',
      columns: [
        'shape',
        'recipients',
        'messages/s',
        'ratio to smtp-source',
        'ratio to openssl × cores',
        'worker CPU µs/message',
        'worker memory',
        'Redis memory',
      ],
      rows: lines,
    };
  } finally {
    await sink.stop();
  }
}

interface Setting {
  readonly rounds: number;
  readonly sink: { readonly port: number };
  /** The length of the reference's message. */
  readonly bytes: number;
}

async function measureSize(
  recipients: number,
  shapes: readonly Shape[],
  { rounds, sink, bytes }: Setting,
): Promise<string[][]> {
  const world = await startWorld(recipients);
  try {
    // The first start in a folder compiles the templates, which takes memory that no later one needs.
    await (await startWorkers(1, world.folder, addresses(world, sink.port))).stop();
    const lines: string[][] = [];
    for (const shape of shapes) {
      const runs: (Run & { ratio: number; signing: number })[] = [];
      for (let round = 0; round < rounds; round++) {
        const before = references(shape, sink.port, bytes);
        const run = await sendOnce(world, sink.port, shape);
        const after = references(shape, sink.port, bytes);
        const messages = (before.messages + after.messages) / 2;
        const cores = Math.max(shape.workers, (run.cpuMicroseconds * run.rate) / 1e6);
        const signatures = ((before.signatures + after.signatures) / 2) * cores;
        runs.push({ ...run, ratio: run.rate / messages, signing: run.rate / signatures });
        say(
          `${shape.name}, ${recipients} recipients: ${run.rate.toFixed(0)}/s, reference ${messages.toFixed(0)}/s`,
        );
      }
      lines.push([
        shape.name,
        recipients.toLocaleString('en-GB'),
        withSpread(runs.map(({ rate }) => rate)),
        withSpread(
          runs.map(({ ratio }) => ratio),
          2,
        ),
        shape.dkim
          ? withSpread(
              runs.map(({ signing }) => signing),
              2,
            )
          : '',
        withSpread(runs.map(({ cpuMicroseconds }) => cpuMicroseconds)),
        asMebibytes(Math.max(...runs.map(({ peakBytes }) => peakBytes))),
        asMebibytes(await redisPeak(world)),
      ]);
    }
    return lines;
  } finally {
    await world.close();
  }
}

function addresses(world: World, port: number, connections = CONNECTIONS): Record<string, string> {
  return {
    DATABASE_URL: world.databaseUrl,
    REDIS_URL: world.redis.url,
    SMTP_URL: `smtp://127.0.0.1:${port}`,
    SMTP_CONNECTIONS: String(connections),
  };
}

async function redisPeak({ redis }: World): Promise<number> {
  return Number(/^used_memory_peak:(\d+)/m.exec(await redis.client.info('memory'))?.[1]);
}

interface Run {
  readonly rate: number;
  readonly cpuMicroseconds: number;
  readonly peakBytes: number;
}

async function sendOnce(
  world: World,
  port: number,
  { workers: count, dkim, pipelining, connections }: Shape,
): Promise<Run> {
  const { db } = world;
  await db.execute(sql`truncate deliveries`);
  await db.execute(sql`delete from announcements`);
  const { id, audience } = await planRun(db);
  await world.redis.client.flushall();
  // The journal of an earlier run would look like messages that the ledger has lost.
  rmSync(path.join(world.folder, 'journal'), { recursive: true, force: true });
  const workers = await startWorkers(count, world.folder, {
    ...addresses(world, port, connections),
    ...(dkim ? dkimOptions() : {}),
    ...(pipelining ? { SMTP_PIPELINING: 'yes' } : {}),
  });
  try {
    const before = workers.usage().reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    await startRun(db, id);
    await finished(db, id, audience);
    const usage = workers.usage();
    const after = usage.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    const states = await statesOf(db, id);
    if (states['sent'] !== audience) throw new Error(`Not all were sent: ${JSON.stringify(states)}`);
    return {
      rate: audience / (await secondsOf(db, id)),
      cpuMicroseconds: ((after - before) / audience) * 1e6,
      peakBytes: Math.max(...usage.map(({ peakBytes }) => peakBytes)),
    };
  } finally {
    await workers.stop();
  }
}

async function finished(db: Db, id: string, audience: number): Promise<void> {
  const began = performance.now();
  for (;;) {
    const [row] = await rows<{ state: string }>(
      db,
      sql`select state from announcements where id = ${id}::uuid`,
    );
    if (row?.state === 'sent') return;
    if (row?.state !== 'sending') throw new Error(`The run is ${row?.state}.`);
    if (performance.now() - began > (audience / SLOWEST) * 1000 + 60_000)
      throw new Error('The run took too long.');
    await pause(200);
  }
}

async function secondsOf(db: Db, id: string): Promise<number> {
  const [row] = await rows<{ seconds: number }>(
    db,
    sql`select extract(epoch from max(settled_at) - min(claimed_at))::float8 as seconds
      from deliveries where announcement_id = ${id}::uuid`,
  );
  return row!.seconds;
}

function dkimOptions(): Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    DKIM_DOMAIN: 'example.org',
    DKIM_SELECTOR: 'bench',
    DKIM_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** What the references do on this machine at this moment, a second: the machine's speed may change from run to run. */
function references({ dkim }: Shape, port: number, bytes: number) {
  return {
    messages: referenceRate(port, 20_000, bytes),
    signatures: dkim ? signaturesPerSecond() : Number.NaN,
  };
}

function signaturesPerSecond(): number {
  const output = execFileSync('openssl', ['speed', '-seconds', '2', 'rsa2048'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const perSecond = /^rsa\s+2048 bits\s+\S+s\s+\S+s\s+([\d.]+)/m.exec(output)?.[1];
  if (perSecond === undefined) throw new Error('openssl speed gave no figure for rsa2048.');
  return Number(perSecond);
}
