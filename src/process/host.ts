import { composeMessage } from '../mail/compose.ts';
import { mailMaker } from '../../jobs/notice-mail.ts';
import type { CliDependencies, CliHost, Finding, OpenedApp, Role } from '../cli/host.ts';
import { forwardCommand } from '../cli/remote.ts';
import { loadConfig, type Config } from '../config/load.ts';
import { systemClock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import type { App } from './app.ts';
import { Closers } from './closers.ts';
import { controlSocket, openControl } from './control.ts';
import { openCore, type Core } from './core.ts';
import { lockFolder } from './folder-lock.ts';
import { nudgeFromOutside } from './nudge-from-outside.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { ownsDataFolder, startServer } from './server.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The command line in a process of its own: commands go to the running server, or open the database for themselves. */
export function createHost(environment: Environment): CliHost {
  return {
    forward: async (argv, io) => {
      const config = loadConfig(environment);
      if (!ownsDataFolder(config)) return undefined;
      return forwardCommand(controlSocket(config.DATA_DIR), argv, io);
    },
    open: () => openForCommand(loadConfig(environment)),
    start: (role, { demo }) => start(loadConfig(environment), role, demo),
    inspect: () => inspect(environment),
  };
}

/** The doctor brings every service with it, and no other command wants them all. */
async function* inspect(environment: Environment, app?: App): AsyncGenerator<Finding> {
  const doctor = await import('./inspect.ts');
  yield* doctor.inspect(environment, app);
}

async function openForCommand(config: Config): Promise<OpenedApp> {
  const log = createLog(config.LOG_LEVEL === 'info' ? 'warn' : config.LOG_LEVEL);
  const closers = new Closers(log);
  try {
    if (config.DATABASE_URL === undefined) {
      const lock = await lockFolder(config.DATA_DIR, { clock: systemClock });
      closers.add('lock of the data folder', () => lock.release());
    }
    const core = await openCore(config, { clock: systemClock, log, closers, templates: 'later' });
    return {
      ...commandDependencies(core),
      nudge: () => nudgeFromOutside(config),
      close: async () => void (await closers.close()),
    };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

function commandDependencies(core: Core): Omit<CliDependencies, 'nudge'> {
  return {
    ...core,
    listMail: (content, identity, recipient) => mailMaker(content, identity, core.links)(recipient),
    compose: composeMessage,
  };
}

async function start(config: Config, role: Role, demo: boolean): Promise<number> {
  const log = createLog(config.LOG_LEVEL);
  const closers = new Closers(log);
  return runUntilStopped({ log, closers }, async () => {
    const app = await startServer(config, role, { demo, clock: systemClock, log, closers });
    if (ownsDataFolder(config)) {
      closers.add('commands', await openControl(config.DATA_DIR, hostInServer(app), log));
    }
    log.info(
      { role, pid: process.pid, database: app.databaseKind, mail: app.mailer.kind },
      'Convenor is ready',
    );
    if (role !== 'worker') process.stdout.write(`Convenor is ready at ${config.BASE_URL}\n`);
  });
}

/** The command line inside a running server: it works on what is open. */
function hostInServer(app: App & Core): CliHost {
  const dependencies = { ...commandDependencies(app), nudge: () => app.nudge() };
  return {
    forward: () => Promise.resolve(undefined),
    open: () => Promise.resolve({ ...dependencies, close: () => Promise.resolve() }),
    start: () =>
      Promise.reject(new ConvenorError('conflict', `Convenor runs already, as process ${process.pid}.`)),
    inspect: () => inspect(process.env, app),
  };
}
