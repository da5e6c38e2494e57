import { BlockList, isIPv6 } from 'node:net';
import { sql } from 'drizzle-orm';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { overdueNotices } from '../../announcements/overdue.ts';
import { rows } from '../../db/open.ts';
import { notFound } from '../../kernel/errors.ts';
import { readSettings } from '../../organisation/settings.ts';
import { routes } from '../plugin.ts';

/** How long the background work may be silent before the server counts as not ready. */
const HEARTBEAT_WITHIN_SECONDS = 120;

/** Machines that may read the numbers: this one and those on a private network. */
const NEARBY = new BlockList();
NEARBY.addSubnet('127.0.0.0', 8);
NEARBY.addSubnet('10.0.0.0', 8);
NEARBY.addSubnet('172.16.0.0', 12);
NEARBY.addSubnet('192.168.0.0', 16);
NEARBY.addAddress('::1', 'ipv6');
NEARBY.addSubnet('fc00::', 7, 'ipv6');

/** For monitoring: whether the process lives, whether it can do its work, and numbers for graphs. */
export const healthRoutes = routes({ name: 'health', needs: ['access'] }, (app) => {
  const { db, clock, queue, startedAt } = app.deps;

  app.get('/health/live', async (_request, reply) => reply.send({ status: 'alive' }));

  app.get('/health/ready', async (_request, reply) => {
    const checks = {
      database: await databaseAnswers(),
      redis: queue.ready,
      heartbeat: await beats(),
      notices: await noneIsLate(),
    };
    const ready = Object.values(checks).every(Boolean);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks });
  });

  async function databaseAnswers(): Promise<boolean> {
    try {
      await db.execute(sql`select 1`);
      return true;
    } catch {
      return false;
    }
  }

  async function beats(): Promise<boolean> {
    try {
      const [row] = await rows<{ fresh: boolean }>(
        db,
        sql`select coalesce(max(at), 'epoch') > ${clock.now().subtract({ seconds: HEARTBEAT_WITHIN_SECONDS }).toString()}::timestamptz as fresh from heartbeats`,
      );
      // A worker needs a moment to begin.
      const young = Temporal.Duration.compare(startedAt.until(clock.now()), { seconds: 30 }) < 0;
      return row!.fresh || young;
    } catch {
      return false;
    }
  }

  async function noneIsLate(): Promise<boolean> {
    try {
      return (await overdueNotices(db, clock.now(), await readSettings(db))).length === 0;
    } catch {
      return false;
    }
  }

  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  counted(
    'convenor_announcements',
    'Announcements by state.',
    'state',
    sql`select state as label, count(*)::int as n from announcements group by state`,
  );
  counted(
    'convenor_deliveries',
    'Deliveries by state.',
    'state',
    sql`select state as label, count(*)::int as n from deliveries group by state`,
  );
  counted(
    'convenor_subscribers',
    'Subscribers by state.',
    'state',
    sql`select state as label, count(*)::int as n from subscribers group by state`,
  );
  new Gauge({
    name: 'convenor_heartbeat_age_seconds',
    help: 'Seconds since the background work gave its last sign of life.',
    registers: [registry],
    async collect() {
      const [row] = await rows<{ age: number | null }>(
        db,
        sql`select extract(epoch from ${clock.now().toString()}::timestamptz - max(at))::float8 as age from heartbeats`,
      );
      if (row?.age != null) this.set(row.age);
    },
  });
  new Gauge({
    name: 'convenor_jobs',
    help: 'Jobs in Redis by job and state; absent while Redis is away.',
    labelNames: ['job', 'state'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { job, waiting, active, failed } of (await queue.counts()) ?? []) {
        this.set({ job, state: 'waiting' }, waiting);
        this.set({ job, state: 'active' }, active);
        this.set({ job, state: 'failed' }, failed);
      }
    },
  });

  app.get('/metrics', async (request, reply) => {
    if (!NEARBY.check(request.ip, isIPv6(request.ip) ? 'ipv6' : 'ipv4')) throw notFound('page', '/metrics');
    return reply.type(registry.contentType).send(await registry.metrics());
  });

  function counted(name: string, help: string, label: string, statement: ReturnType<typeof sql>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      async collect() {
        this.reset();
        for (const row of await rows<{ label: string; n: number }>(db, statement)) {
          this.set({ [label]: row.label }, row.n);
        }
      },
    });
  }
});
