import { CommanderError } from 'commander';
import { ConvenorError, type FieldProblem } from '../kernel/errors.ts';
import { withoutAddresses } from '../kernel/log.ts';
import type { CliIo } from './host.ts';
import { printable } from './output/text.ts';
import { write } from './output/write.ts';

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly problems: readonly FieldProblem[];
  readonly status: number;
}

/** Asking for help or the version ends commander with an "error" that is none. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** Writes on standard error why a command failed and gives the exit status: 1 refused or failed, 2 wrong usage. */
export async function reportFailure(error: unknown, io: CliIo, json: boolean): Promise<number> {
  const failure = describe(error);
  const { code, message, problems, status } = failure;
  await write(
    io.stderr,
    json ? `${JSON.stringify({ error: { code, message, problems } })}\n` : forPeople(failure),
  );
  return status;
}

function describe(error: unknown): Failure {
  if (error instanceof ConvenorError) {
    return { code: error.code, message: error.message, problems: error.problems, status: error.exitStatus };
  }
  if (error instanceof CommanderError) return wrongUsage(error);
  // A failed query repeats its values; what the database said of it is the cause.
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = reason instanceof Error ? reason.message : String(reason);
  return {
    code: 'internal',
    message: `The command failed for a reason that was not foreseen: ${withoutAddresses(message)}`,
    problems: [],
    status: 1,
  };
}

function wrongUsage(error: CommanderError): Failure {
  const message =
    error.code === 'commander.help'
      ? 'A command is missing.'
      : error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/, '; did you mean $1?');
  const field = /'(-{0,2}[\w-]+)/.exec(message)?.[1];
  return {
    code: 'invalid_input',
    message,
    problems: field === undefined ? [] : [{ field: field.replace(/^-+/, ''), message }],
    status: 2,
  };
}

function forPeople({ message, problems }: Failure): string {
  const lines =
    problems.length > 1
      ? problems.map((problem) => `${problem.field}: ${problem.message}`)
      : message.split('\n');
  return `convenor: ${lines.map(printable).join('\n  ')}\n`;
}
