import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { rows, type Db } from '../src/db/open.ts';
import { referenceRate, startSink } from './postfix.ts';
import { asMebibytes, median, withSpread, type PartReport } from './report.ts';
import { startWorkers } from './workers.ts';
import { planRun, startRun, startWorld, statesOf, type World } from './world.ts';

interface Shape {
  readonly name: string;
  readonly workers: number;
  readonly dkim: boolean;
}

const SHAPES: readonly Shape[] = [
  { name: '1 worker', workers: 1, dkim: false },
  { name: '2 workers', workers: 2, dkim: false },
  { name: '1 worker, RSA-2048 DKIM', workers: 1, dkim: true },
  { name: '2 workers, RSA-2048 DKIM', workers: 2, dkim: true },
];

const LIMIT_MS = 400_000;

/**
 * The product's own workers against the reference: `send [recipients] [rounds] [shapes]`, where shapes are the numbers
 * of lines of the table, such as 1,3.
 */
export async function measureSend(args: readonly string[]): Promise<PartReport> {
  const [recipients = 20_000, rounds = 3] = args.map(Number);
  const chosen = args[2]?.split(',').map((number) => SHAPES[Number(number) - 1]!) ?? SHAPES;
  const signatures = signaturesPerSecond();
  const sink = await startSink();
  const world = await startWorld(recipients);
  try {
    const lines: string[][] = [];
    for (const shape of chosen) {
      const rates: number[] = [];
      const ratios: number[] = [];
      const cpu: number[] = [];
      let peak = 0;
      for (let round = 0; round < rounds; round++) {
        const reference = referenceRate(sink.port, Math.min(recipients, 20_000));
        const run = await sendOnce(world, sink.port, shape);
        rates.push(run.rate);
        ratios.push(run.rate / reference);
        cpu.push(run.cpuMicroseconds);
        peak = Math.max(peak, run.peakBytes);
      }
      lines.push([
        shape.name,
        recipients.toLocaleString('en-GB'),
        withSpread(rates),
        withSpread(ratios, 2),
        shape.dkim ? (median(rates) / (signatures * Math.min(2, shape.workers))).toFixed(2) : '',
        withSpread(cpu),
        asMebibytes(peak),
      ]);
    }
    return {
      title: 'full messages with calendar entry, from planned rows to settled rows',
      about:
        'The product’s own worker processes with Postgres (fsync off), Redis with AOF and nodemailer, against the same ' +
        `\`smtp-sink\` as \`smtp-source -d -s 10\` just before; ${rounds} rounds, median (lowest–highest). Ten connections per ` +
        'worker, no rate limit. The time is from the first claim to the last settled row. ' +
        `\`openssl speed rsa2048\` on one core: ${Math.round(signatures)} signatures/s.`,
      columns: [
        'shape',
        'recipients',
        'messages/s',
        'ratio to smtp-source',
        'ratio to openssl × workers',
        'worker CPU µs/message',
        'peak memory of a worker',
      ],
      rows: lines,
    };
  } finally {
    await world.close();
    await sink.stop();
  }
}

async function sendOnce(world: World, port: number, { workers: count, dkim }: Shape) {
  const { db } = world;
  await db.execute(sql`delete from deliveries`);
  await db.execute(sql`delete from announcements`);
  const { id, audience } = await planRun(db);
  await db.execute(sql`vacuum analyze deliveries`);
  await world.redis.client.flushall();
  const workers = await startWorkers(count, {
    DATABASE_URL: world.databaseUrl,
    REDIS_URL: world.redis.url,
    SMTP_URL: `smtp://127.0.0.1:${port}`,
    ...(dkim ? dkimOptions() : {}),
  });
  try {
    const before = workers.usage().reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    await startRun(db, id);
    await finished(db, id);
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

async function finished(db: Db, id: string): Promise<void> {
  const began = performance.now();
  for (;;) {
    const [row] = await rows<{ state: string }>(
      db,
      sql`select state from announcements where id = ${id}::uuid`,
    );
    if (row?.state === 'sent') return;
    if (row?.state !== 'sending') throw new Error(`The run is ${row?.state}.`);
    if (performance.now() - began > LIMIT_MS) throw new Error('The run took too long.');
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

function signaturesPerSecond(): number {
  const output = execFileSync('openssl', ['speed', '-seconds', '3', 'rsa2048'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const perSecond = /^rsa\s+2048 bits\s+\S+s\s+\S+s\s+([\d.]+)/m.exec(output)?.[1];
  if (perSecond === undefined) throw new Error('openssl speed gave no figure for rsa2048.');
  return Number(perSecond);
}
