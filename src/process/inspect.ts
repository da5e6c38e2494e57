import path from 'node:path';
import { desc, eq, sql } from 'drizzle-orm';
import { formatDateTime } from '../calendar/format.ts';
import type { Finding } from '../cli/host.ts';
import type { Config } from '../config/load.ts';
import { parseRedisUrl } from '../config/redis-url.ts';
import { rows, type Tx } from '../db/open.ts';
import { heartbeats } from '../db/schema.ts';
import { systemClock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import { checkRedis, type RedisFinding } from '../queue/checks.ts';
import { connectRedis, whenReady } from '../queue/connection.ts';
import { RECONCILER_HEARTBEAT } from '../queue/reconciler.ts';
import { redisProgram } from '../queue/redis-program.ts';
import type { App, Services } from './app.ts';
import { Closers } from './closers.ts';
import { openCore } from './core.ts';
import { backupFinding } from './doctor/backups.ts';
import { configurationFindings } from './doctor/configuration.ts';
import { clockFinding, dataFolderFinding, zoneFinding } from './doctor/machine.ts';
import {
  dkimFinding,
  mailerliteFinding,
  mailFinding,
  templatesFinding,
  zoomFinding,
} from './doctor/services.ts';
import { lockFolder } from './folder-lock.ts';
import { assertZoneData } from './zones.ts';

/** The leader shows every two seconds that it is at work. */
const QUIET_SECONDS = 30;

/** What is looked at in a process of its own and in the running server alike. */
type Looked = Services & Pick<App, 'databaseKind'>;

/**
 * Looks at everything that the program depends on, most basic first: what comes later can only be looked at when the
 * earlier is right.
 *
 * @param app the running server, when the question is put to it.
 */
export async function* inspect(
  environment: Readonly<Record<string, string | undefined>>,
  app?: App,
): AsyncGenerator<Finding> {
  const { config, findings } = configurationFindings(environment);
  yield* findings;
  if (!config) return;
  const now = systemClock.now();
  yield await dataFolderFinding(config.DATA_DIR);
  yield zoneFinding(now);
  const closers = new Closers(createLog('silent'));
  try {
    const core = app ?? (yield* openForInspection(config, closers));
    if (core) yield* databaseFindings(core, now);
    yield* app ? redisFindings(await app.queue.check(), app.queue.ready) : lookAtRedis(config);
    if (core) yield* lookAtServices(core, now);
  } finally {
    await closers.close();
  }
  yield await backupFinding(path.join(config.DATA_DIR, 'backups'), now);
}

async function* openForInspection(
  config: Config,
  closers: Closers,
): AsyncGenerator<Finding, Looked | undefined> {
  try {
    if (config.DATABASE_URL === undefined) {
      const lock = await lockFolder(config.DATA_DIR, { clock: systemClock });
      closers.add('lock of the data folder', () => lock.release());
    }
    return await openCore(config, {
      clock: systemClock,
      log: createLog('silent'),
      closers,
      templates: 'later',
    });
  } catch (error) {
    const misconfigured = error instanceof ConvenorError && error.code === 'invalid_config';
    yield {
      check: misconfigured ? 'Configuration' : 'Database',
      state: 'problem',
      detail: (error as Error).message,
      advice: 'Put this right first; mail and the pages need it.',
    };
    return undefined;
  }
}

export async function* databaseFindings(core: Looked, now: Temporal.Instant): AsyncGenerator<Finding> {
  const check = 'Database';
  yield core.databaseKind === 'embedded'
    ? {
        check,
        state: 'warning',
        detail:
          'the embedded database: nothing is lost when the program is killed, but a power cut can cost data',
        advice: 'For unattended use set DATABASE_URL to a PostgreSQL, or keep backups on another disk.',
      }
    : { check, state: 'ok', detail: 'PostgreSQL answers and its tables are up to date' };
  try {
    await assertZoneData(core.db, now);
  } catch (error) {
    const detail = (error as Error).message;
    yield { check, state: 'problem', detail, advice: 'Bring tzdata up to date on both machines.' };
  }
  yield clockFinding(systemClock.now(), await otherClocks(core.db));
}

async function otherClocks(tx: Tx): Promise<{ database: Temporal.Instant; newestRow?: Temporal.Instant }> {
  const [answer] = await rows<{ now: string; newest: string | null }>(
    tx,
    sql`select to_json(clock_timestamp()) #>> '{}' as now, (select to_json(max(at)) #>> '{}' from audit_log) as newest`,
  );
  if (!answer) throw new Error('The database does not tell the time.');
  return {
    database: Temporal.Instant.from(answer.now),
    ...(answer.newest === null ? {} : { newestRow: Temporal.Instant.from(answer.newest) }),
  };
}

async function* lookAtRedis(config: Config): AsyncGenerator<Finding> {
  const location = config.REDIS_URL === undefined ? undefined : parseRedisUrl(config.REDIS_URL);
  if (location) {
    const client = connectRedis(location, 'doctor');
    client.on('error', () => undefined);
    try {
      const ready = await whenReady(client, 3_000);
      yield* redisFindings(ready ? await checkRedis(client) : [], ready);
    } finally {
      client.disconnect();
    }
    return;
  }
  try {
    await redisProgram({
      chosen: config.REDIS_SERVER_BIN,
      dataFolder: config.DATA_DIR,
      searchPath: process.env['PATH'],
      log: createLog('silent'),
    });
    yield { check: 'Redis', state: 'ok', detail: 'a private one runs while Convenor does' };
  } catch (error) {
    const detail = (error as Error).message;
    yield { check: 'Redis', state: 'problem', detail, advice: 'Convenor does not start without one.' };
  }
}

export function* redisFindings(findings: readonly RedisFinding[], ready: boolean): Generator<Finding> {
  const check = 'Redis';
  if (!ready) {
    const advice = 'Check REDIS_URL and that the server runs. No mail goes out until it answers.';
    yield { check, state: 'problem', detail: 'it does not answer', advice };
  }
  for (const { state, detail, advice } of findings) {
    yield { check, state, detail, ...(advice === undefined ? {} : { advice }) };
  }
}

async function* lookAtServices(core: Looked, now: Temporal.Instant): AsyncGenerator<Finding> {
  const { config, mailer, renderer, db, mailerlite, zoom } = core;
  const { zoomHost, timeZone } = await core.settings();
  yield templatesFinding(renderer);
  yield await mailFinding(mailer);
  yield await dkimFinding(config);
  yield await mailerliteFinding(config, mailerlite);
  yield await zoomFinding(config, zoomHost, zoom);
  yield await workFinding(db, now, timeZone);
}

async function workFinding(tx: Tx, now: Temporal.Instant, zone: string): Promise<Finding> {
  const check = 'Background work';
  const [beat] = await tx
    .select({ at: heartbeats.at })
    .from(heartbeats)
    .where(eq(heartbeats.name, RECONCILER_HEARTBEAT))
    .orderBy(desc(heartbeats.at))
    .limit(1);
  const seconds = beat === undefined ? undefined : now.since(beat.at).total('seconds');
  if (seconds !== undefined && seconds < QUIET_SECONDS)
    return { check, state: 'ok', detail: 'a worker is at work' };
  return {
    check,
    state: 'warning',
    detail: beat === undefined ? 'no worker has run yet' : `no worker since ${formatDateTime(beat.at, zone)}`,
    advice: 'Notices go out only while Convenor runs: start it with npm start.',
  };
}
