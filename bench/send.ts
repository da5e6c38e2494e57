import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { rows, type Db } from '../src/db/open.ts';
import { exampleMessage } from './message.ts';
import { referenceRate, startSink } from './postfix.ts';
import { asMebibytes, ratioWithSpread, say, withSpread, type PartReport } from './report.ts';
import { startWorkers, type BenchWorkers } from './workers.ts';
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
 * lines of the table, such as 1,3. The first size is sent in every shape, by workers that have just been started and then
 * in so many rounds more; larger sizes once, in the first two shapes or the first, to show that neither time per message
 * nor memory grows.
 */
export async function measureSend(args: readonly string[]): Promise<PartReport> {
  const [size = 20_000, ...larger] = args[0]?.split(',').map(Number) ?? SIZES;
  const rounds = Number(args[1] ?? 5);
  const chosen = args[2]?.split(',').map((number) => SHAPES[Number(number) - 1]!) ?? SHAPES;
  const { length: bytes } = await exampleMessage();
  const sink = await startSink();
  try {
    const lines = await measureSize(size, chosen, { rounds, sink, bytes });
    for (const recipients of larger) {
      const first = chosen.slice(0, recipients > LONG_RUN ? 1 : 2);
      lines.push(...(await measureSize(recipients, first, { rounds: 0, sink, bytes })));
    }
    return {
      title: 'full messages with calendar entry, from planned rows to settled rows',
      about:
        `The product’s own worker processes, ${CONNECTIONS} connections each where no other number is given, no rate limit, with nodemailer, Postgres (fsync off) ` +
        `and Redis with AOF, against the same \`smtp-sink\` as \`smtp-source -d -s 10\` with messages of the same ${bytes.toLocaleString('en-GB')} bytes just before and after each run. ` +
        `Of ${size.toLocaleString('en-GB')} recipients a first run by workers just started, which take some seconds of it to warm up, has a column of its own; ` +
        `then ${rounds} more by the same workers: medians, ratios of medians (lowest–highest of the runs). ` +
        'Runs of other sizes once, by workers just started. The time is from the first claim to the last settled row. ' +
        'Memory is the most that a worker, and Redis, ever had. ' +
        'The ratio to `openssl speed rsa2048` on one core, just before and after, is taken over the cores that the workers’ processor ' +
        'time amounts to.',
      columns: [
        'shape',
        'recipients',
        'messages/s',
        'ratio to smtp-source',
        'first run',
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
  /** How often workers send again after their first run. */
  readonly rounds: number;
  readonly sink: { readonly port: number };
  /** The length of the reference's message. */
  readonly bytes: number;
}

async function measureSize(
  recipients: number,
  shapes: readonly Shape[],
  setting: Setting,
): Promise<string[][]> {
  const world = await startWorld(recipients);
  try {
    // The first start in a folder compiles the templates, which takes memory that no later one needs.
    await (await startWorkers(1, world.folder, addresses(world, setting.sink.port))).stop();
    const lines: string[][] = [];
    for (const shape of shapes) {
      const { runs, peakBytes } = await measureShape(world, shape, { ...setting, recipients });
      const [first, ...later] = runs;
      const counted = later.length > 0 ? later : runs;
      lines.push([
        shape.name,
        recipients.toLocaleString('en-GB'),
        withSpread(counted.map(({ rate }) => rate)),
        ratioWithSpread(counted.map(({ rate, messages }) => [rate, messages])),
        later.length > 0 ? ratioWithSpread([[first!.rate, first!.messages]]) : '',
        shape.dkim
          ? ratioWithSpread(counted.map(({ rate, signatures, cores }) => [rate, signatures * cores]))
          : '',
        withSpread(counted.map(({ cores, rate }) => (cores / rate) * 1e6)),
        asMebibytes(peakBytes),
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

/** One run, and the references just before and after it. Rates are a second. */
interface Run extends References {
  readonly rate: number;
  /** What the workers' processor time amounts to. */
  readonly cores: number;
}

async function measureShape(
  world: World,
  shape: Shape,
  { recipients, rounds, sink, bytes }: Setting & { recipients: number },
): Promise<{ runs: Run[]; peakBytes: number }> {
  const { db, folder, redis } = world;
  await db.execute(sql`truncate deliveries`);
  await db.execute(sql`delete from announcements`);
  await redis.client.flushall();
  // The journal of an earlier shape would look like messages that the ledger has lost.
  rmSync(path.join(folder, 'journal'), { recursive: true, force: true });
  const workers = await startWorkers(shape.workers, folder, {
    ...addresses(world, sink.port, shape.connections),
    ...(shape.dkim ? dkimOptions() : {}),
    ...(shape.pipelining ? { SMTP_PIPELINING: 'yes' } : {}),
  });
  try {
    const measureReferences = () => references(shape, sink.port, { messages: recipients / 5, bytes });
    const runs: Run[] = [];
    let before = measureReferences();
    for (let round = 0; round <= rounds; round++) {
      const run = await sendOnce(db, workers);
      const after = measureReferences();
      runs.push({
        ...run,
        messages: (before.messages + after.messages) / 2,
        signatures: (before.signatures + after.signatures) / 2,
      });
      before = after;
      const { rate, messages } = runs.at(-1)!;
      say(
        `${shape.name}, ${recipients} recipients: ${rate.toFixed(0)}/s, reference ${messages.toFixed(0)}/s`,
      );
    }
    return { runs, peakBytes: Math.max(...workers.usage().map(({ peakBytes }) => peakBytes)) };
  } finally {
    await workers.stop();
  }
}

async function sendOnce(db: Db, workers: BenchWorkers): Promise<Pick<Run, 'rate' | 'cores'>> {
  const { id, audience } = await planRun(db);
  const before = cpuSecondsOf(workers);
  await startRun(db, id);
  await finished(db, id, audience);
  const cpuSeconds = cpuSecondsOf(workers) - before;
  const states = await statesOf(db, id);
  if (states['sent'] !== audience) throw new Error(`Not all were sent: ${JSON.stringify(states)}`);
  const seconds = await secondsOf(db, id);
  return { rate: audience / seconds, cores: cpuSeconds / seconds };
}

function cpuSecondsOf(workers: BenchWorkers): number {
  return workers.usage().reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
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

/** What the references do on this machine at a moment, a second: the machine's speed may change from run to run. */
interface References {
  readonly messages: number;
  readonly signatures: number;
}

function references(
  { dkim }: Shape,
  port: number,
  { messages, bytes }: { messages: number; bytes: number },
): References {
  return {
    messages: referenceRate(port, Math.max(messages, 20_000), bytes),
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
