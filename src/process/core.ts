import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Config } from '../config/load.ts';
import { openDatabase, type DatabaseLocation } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import { projectRoot, templatesFolder } from '../kernel/paths.ts';
import type { Mailer } from '../mail/types.ts';
import { readSettings } from '../organisation/settings.ts';
import { assertRoom } from './disk-room.ts';
import { dkimKeys } from './dkim-keys.ts';
import { journalFolder, journalled } from '../outbox/journal.ts';
import type { CachePlace } from '../render/code-cache.ts';
import { createRenderer } from '../render/renderer.ts';
import { createAddressHash } from '../subscribers/address-hash.ts';
import { createLinks } from '../subscribers/links.ts';
import type { Services } from './app.ts';
import type { Closers } from './closers.ts';
import { lazyRenderer } from './lazy-renderer.ts';
import { settleAll } from './settle-all.ts';
import { replaceSecretKey, secretKeyOf } from './secret-key.ts';

/** Everything but the queue and the web: enough for one command. */
export interface Core extends Services {
  /** The key of sessions and links where the data folder keeps it, not the administrator. */
  keptSecretKey(): string | undefined;
  restoreSecretKey(key: string): void;
  readonly databaseKind: 'embedded' | 'postgres';
  dumpDatabase?(): Promise<Uint8Array>;
}

/**
 * Opens the database and builds what works on it. With the embedded database the caller holds the lock of the data
 * folder.
 *
 * @param options.templates `now` compiles and tries out every template; `later` does so when the first is used.
 * @throws ConvenorError when the database cannot be opened or a setting is wrong.
 */
export async function openCore(
  config: Config,
  options: { clock: Clock; log: Log; closers: Closers; templates: 'now' | 'later' },
): Promise<Core> {
  const { clock, log, closers } = options;
  if (config.DATABASE_URL === undefined) await assertRoom(config.DATA_DIR);
  const secretKey = config.SECRET_KEY ?? secretKeyOf(config.DATA_DIR);
  const makeRenderer = () =>
    createRenderer({
      templatesFolder,
      overridesFolder: path.join(config.DATA_DIR, 'templates'),
      ...templateCache(config.DATA_DIR),
    });
  // Templates are compiled while the database comes up. Whichever fails, the database is closed by the caller.
  const opening = openDatabase(databaseLocation(config)).then((opened) => {
    closers.add('database', () => opened.close());
    return opened;
  });
  const [database, renderer] = await settleAll(
    opening,
    (async () => (options.templates === 'now' ? makeRenderer() : lazyRenderer(makeRenderer)))(),
  );
  const { db } = database;
  const mailer = await openMailer(
    config,
    () => import('../outbox/outbox-mailer.ts').then((m) => m.createOutboxMailer(db, { clock })),
    { clock, log },
  );
  closers.add('mailer', () => mailer.close());
  return {
    workerId: `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`,
    config: Object.freeze({ ...config, SECRET_KEY: secretKey }),
    clock,
    log,
    db,
    databaseKind: database.kind,
    mailer,
    renderer,
    links: createLinks({ secretKey, baseUrl: config.BASE_URL, clock }),
    addressHash: createAddressHash(secretKey),
    settings: () => readSettings(db),
    keptSecretKey: () => (config.SECRET_KEY === undefined ? secretKey : undefined),
    restoreSecretKey: (key) => replaceSecretKey(config.DATA_DIR, key),
    ...(database.dump ? { dumpDatabase: database.dump.bind(database) } : {}),
  };
}

/** Only a built program keeps its templates compiled: sources may change under a running one. */
function templateCache(dataFolder: string): { cache?: CachePlace } {
  const dist = path.join(projectRoot, 'dist');
  if (!import.meta.filename.startsWith(dist)) return {};
  try {
    const program = readFileSync(path.join(dist, '.built'), 'utf8');
    return { cache: { file: path.join(dataFolder, 'cache', 'templates.json'), program } };
  } catch {
    return {};
  }
}

export function databaseLocation(config: Config): DatabaseLocation {
  return config.DATABASE_URL === undefined ? { dataFolder: config.DATA_DIR } : { url: config.DATABASE_URL };
}

/** Mail goes to the server that is configured; where there is none it is kept and nothing leaves. */
async function openMailer(
  config: Config,
  outbox: () => Promise<Mailer>,
  { clock, log }: { clock: Clock; log: Log },
): Promise<Mailer> {
  const { SMTP_URL, SMTP_CONNECTIONS, SMTP_MESSAGES_PER_CONNECTION, SMTP_PIPELINING } = config;
  if (SMTP_URL === undefined) return outbox();
  const { createSmtpMailer } = await import('../mail/smtp.ts');
  const mailer = createSmtpMailer({
    url: SMTP_URL,
    connections: SMTP_CONNECTIONS,
    messagesPerConnection: SMTP_MESSAGES_PER_CONNECTION,
    pipelining: SMTP_PIPELINING,
    dkim: dkimKeys(config),
    log,
  });
  return journalled(mailer, { folder: journalFolder(config), clock, log });
}
