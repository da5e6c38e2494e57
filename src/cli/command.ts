import { setTimeout as pause } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { ConvenorError, invalidInput, type FieldProblem } from '../kernel/errors.ts';
import type { CliDependencies, CliHost, CliIo, OpenedApp } from './host.ts';
import { write, writeJson, type LongList } from './output/write.ts';

/** One run of the command line. */
export interface Session {
  readonly argv: readonly string[];
  readonly io: CliIo;
  readonly host: CliHost;
  readonly json: boolean;
  /** Set by the command that ran. */
  status: number;
}

/** What a command has to say: as data with `--json`, otherwise as text. Text ends with a line break. */
export interface Result {
  readonly data?: unknown;
  /** A part of the data that may be long. */
  readonly list?: LongList;
  readonly text: string;
  /** 1 when the command did its work and the answer is "no"; 0 otherwise. */
  readonly status?: 0 | 1;
}

/** A command as data: its usage for commander, a schema for what was typed, and what it does. */
export interface Definition<Schema extends z.ZodType> {
  /** As commander writes it: `set <key> <value>`. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly OptionDefinition[];
  readonly examples?: readonly string[];
  /** Of one object that holds arguments and options by name (`--starts-on` is `startsOn`). */
  readonly schema: Schema;
  readonly run: (input: z.output<Schema>, session: Session) => Promise<Result | number>;
}

export interface OptionDefinition {
  readonly flags: string;
  readonly help: string;
  /** May be given several times; the value is a list. */
  readonly repeatable?: true;
}

/** What a command that works on the opened program gets. */
export interface AppContext {
  readonly app: CliDependencies;
  readonly io: CliIo;
  readonly json: boolean;
}

/** Adds a command below `parent`. */
export function addCommand<Schema extends z.ZodType>(
  parent: Command,
  session: Session,
  definition: Definition<Schema>,
): void {
  const command = parent.command(definition.usage).description(definition.summary);
  for (const { flags, help, repeatable } of definition.options ?? []) {
    const option = new Option(flags, help);
    if (repeatable) option.argParser<string[]>((value, earlier) => [...(earlier ?? []), value]);
    command.addOption(option);
  }
  command.option('--json', 'write the answer as JSON');
  if (definition.examples) {
    command.addHelpText(
      'after',
      `\nExamples:\n${definition.examples.map((e) => `  $ convenor ${e}\n`).join('')}`,
    );
  }
  command.action(async () => {
    const names = command.registeredArguments.map((argument) => argument.name());
    const raw = {
      ...command.opts(),
      ...Object.fromEntries(names.map((name, index) => [name, command.processedArgs[index] as unknown])),
    };
    const outcome = await definition.run(parseInput(definition.schema, raw), session);
    session.status = typeof outcome === 'number' ? outcome : await answer(outcome, session);
  });
}

/** Writes a command's answer and gives the exit status. */
async function answer(result: Result, { io, json }: Session): Promise<number> {
  if (json) await writeJson(io.stdout, result.data, result.list);
  else await write(io.stdout, result.text);
  return result.status ?? 0;
}

/** Makes a group of commands, such as `settings`. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary);
}

/** Runs a command on the program that a running server holds, or that is opened for it. */
export function withApp<Input>(
  run: (input: Input, context: AppContext) => Promise<Result>,
): (input: Input, session: Session) => Promise<number> {
  return async (input, session) => {
    const { argv, io, host, json } = session;
    const opened = await openOrForward(argv, io, host);
    if ('status' in opened) return opened.status;
    try {
      // A long list is read from the database while it is written.
      return await answer(await run(input, { app: opened.app, io, json }), session);
    } finally {
      await opened.app.close();
    }
  };
}

/** How long a command waits for its turn at the data folder, and how often it looks. */
const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 200;

/** Waits for another command that is at work on the data folder, and for a server that is just starting. */
async function openOrForward(
  argv: readonly string[],
  io: CliIo,
  host: CliHost,
): Promise<{ app: OpenedApp } | { status: number }> {
  for (let waited = 0; ; waited += LOOK_AGAIN_MS) {
    const status = await host.forward(argv, io);
    if (status !== undefined) return { status };
    try {
      return { app: await host.open() };
    } catch (error) {
      const locked = error instanceof ConvenorError && error.code === 'data_folder_locked';
      if (!locked || waited >= PATIENCE_MS || io.signal.aborted) throw error;
    }
    await pause(LOOK_AGAIN_MS);
  }
}

/**
 * Checks what was typed.
 *
 * @throws ConvenorError `invalid_input` with one problem per wrong argument or option.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, raw: unknown): z.output<Schema> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [first, ...others] = result.error.issues.map((issue): FieldProblem => ({
    field: String(issue.path[0] ?? 'input'),
    message: issue.message,
  }));
  throw invalidInput(first!, ...others);
}
