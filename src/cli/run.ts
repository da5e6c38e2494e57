import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, type Argument } from 'commander';
import { projectRoot } from '../kernel/paths.ts';
import { isHelp, reportFailure } from './failure.ts';
import type { Session } from './command.ts';
import type { CliHost, CliIo } from './host.ts';
import { addBackupCommand } from './commands/backup.ts';
import { addBulletinCommands } from './commands/bulletin.ts';
import { addConsentCommands } from './commands/consent.ts';
import { addDraftCommands } from './commands/drafts.ts';
import { addItemCommands } from './commands/items.ts';
import { addMailCommands } from './commands/mail.ts';
import { addMeetingCommands } from './commands/meetings.ts';
import { addOutboxCommands } from './commands/outbox.ts';
import { addRestoreCommand } from './commands/restore.ts';
import { addRunningCommands } from './commands/running.ts';
import { addSendingCommands } from './commands/sending.ts';
import { addSendingHoldCommands } from './commands/sending-hold.ts';
import { addSettingsCommands } from './commands/settings.ts';
import { addSetupCommands } from './commands/setup.ts';
import { addSubscriberCommands } from './commands/subscribers.ts';
import { addSyncCommands } from './commands/sync.ts';

/**
 * Runs one command.
 *
 * @param argv what was typed after `convenor`.
 * @returns the exit status: 0 done, 1 refused or failed, 2 wrong usage.
 */
export async function runCli(argv: readonly string[], io: CliIo, host: CliHost): Promise<number> {
  const session: Session = { argv, io, host, json: wantsJson(argv), status: 0 };
  try {
    await createProgram(session).parseAsync([...argv], { from: 'user' });
    return session.status;
  } catch (error) {
    return isHelp(error) ? 0 : reportFailure(error, io, session.json);
  }
}

/** `<file>`, `[words...]`. */
function humanReadable(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** Known before the command is: a misspelled command, too, answers in the form that was asked for. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

function programVersion(): string {
  const text = readFileSync(path.join(projectRoot, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function createProgram(session: Session): Command {
  const { io, json } = session;
  const program = new Command('convenor')
    .description('Runs the communication of a small professional network.')
    .version(programVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show how it is used')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Errors are written in one place, from what is thrown; help after a missing command comes this way.
      writeErr: (text) => void (json ? undefined : io.stderr.write(text)),
      outputError: () => undefined,
      getOutHelpWidth: () => io.columns ?? 100,
      getErrHelpWidth: () => io.columns ?? 100,
    })
    .configureHelp({
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map((argument) => humanReadable(argument))].join(' '),
    })
    .addHelpText(
      'after',
      '\n"convenor <command> --help" shows how one is used. Every command takes --json.\nExit status: 0 done, 1 refused or failed, 2 wrong usage.',
    )
    .helpCommand('help [command]', 'show how a command is used');
  addRunningCommands(program, session);
  addSetupCommands(program, session);
  addSettingsCommands(program, session);
  addMeetingCommands(program, session);
  addSendingCommands(program, session);
  addDraftCommands(program, session);
  addMailCommands(program, session);
  addItemCommands(program, session);
  addBulletinCommands(program, session);
  addOutboxCommands(program, session);
  addSubscriberCommands(program, session);
  addConsentCommands(program, session);
  addSyncCommands(program, session);
  addBackupCommand(program, session);
  addRestoreCommand(program, session);
  addSendingHoldCommands(program, session);
  return program;
}
