import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { parseEmailAddress } from '../../kernel/email-address.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { ADMIN_ROLES, anyAdmin, createAdmin } from '../../organisation/admins.ts';
import {
  changeSetting,
  listSettings,
  SETTINGS,
  writeInternalSetting,
  type SettingKey,
} from '../../organisation/settings.ts';
import { CLI_ACTOR } from '../actor.ts';
import { askFor, type Ask } from '../ask.ts';
import { addCommand, withApp, type AppContext, type Session } from '../command.ts';
import type { CliIo, Question } from '../host.ts';
import { printable } from '../output/text.ts';

const PASSWORD_OPTION = {
  flags: '--password-file <file>',
  help: 'file that holds the password (asked for at a terminal)',
};

/** What `setup` asks for, in this order. */
const ASKED = {
  organisationName: { option: 'organisation', question: 'Which organisation sends the mail?' },
  groupName: { option: 'group', question: 'What is the group called?' },
  contactEmail: { option: 'contactEmail', question: 'Which address can people write to?' },
  postalAddress: { option: 'postalAddress', question: 'Postal address for the footer of every mail?' },
  timeZone: { option: 'timeZone', question: 'In which time zone does the group live?' },
} as const satisfies Partial<Record<SettingKey, { option: string; question: string }>>;

type AskedKey = keyof typeof ASKED;
const ASKED_KEYS = Object.keys(ASKED) as AskedKey[];

const text = z.string().optional();

export function addSetupCommands(program: Command, session: Session): void {
  program.commandsGroup('Setting up:');
  addCommand(program, session, {
    usage: 'setup',
    summary: 'name the organisation and make the first administrator',
    options: [
      { flags: '--organisation <name>', help: 'organisation that sends the mail' },
      { flags: '--group <name>', help: 'name of the group' },
      { flags: '--contact-email <address>', help: 'address that people can write to' },
      { flags: '--postal-address <text>', help: 'postal address for the footer of every mail' },
      { flags: '--time-zone <zone>', help: 'time zone of the group (Europe/London)' },
      { flags: '--admin-email <address>', help: 'who signs in' },
      { flags: '--admin-name <name>', help: 'their name' },
      PASSWORD_OPTION,
    ],
    schema: z.object({
      organisation: text,
      group: text,
      contactEmail: text,
      postalAddress: text,
      timeZone: text,
      adminEmail: text,
      adminName: text,
      passwordFile: text,
    }),
    run: withApp(async (input, context) => {
      const { db, clock, config } = context.app;
      if (await anyAdmin(db)) {
        throw new ConvenorError(
          'conflict',
          'Convenor is set up already. Use "settings set" to change a setting and "create-admin" for a further person.',
        );
      }
      const settings = await settingAnswers(input, context);
      const admin = {
        email: await given(
          'adminEmail',
          input.adminEmail,
          'Your e-mail address, to sign in with?',
          readAddress,
          context.io,
        ),
        name: await given('adminName', input.adminName, 'Your name?', notEmpty('adminName'), context.io),
        password: await readPassword(input.passwordFile, context.io),
      };
      const by = { clock, actor: CLI_ACTOR };
      const created = await db.transaction(async (tx) => {
        for (const [key, value] of settings) await changeSetting(tx, key, value, by);
        const person = await createAdmin(tx, admin, by);
        await writeInternalSetting(tx, 'setupCompletedAt', clock.now(), by);
        return person;
      });
      await context.app.nudge();
      return {
        data: { adminId: created.id, settings: Object.fromEntries(settings) },
        text: `Convenor is set up. ${printable(created.name)} can sign in at ${config.BASE_URL}/admin\n`,
      };
    }),
  });

  addCommand(program, session, {
    usage: 'create-admin',
    summary: 'let somebody sign in',
    options: [
      { flags: '--email <address>', help: 'address to sign in with' },
      { flags: '--name <name>', help: 'name of the person' },
      { flags: '--role <role>', help: 'administrator or editor (administrator)' },
      PASSWORD_OPTION,
    ],
    schema: z.object({
      email: text,
      name: text,
      role: z.enum(ADMIN_ROLES, { error: `must be ${ADMIN_ROLES.join(' or ')}` }).default('administrator'),
      passwordFile: text,
    }),
    run: withApp(async (input, { app, io }) => {
      const admin = await createAdmin(
        app.db,
        {
          email: await given('email', input.email, 'E-mail address to sign in with?', readAddress, io),
          name: await given('name', input.name, 'Name of the person?', notEmpty('name'), io),
          role: input.role,
          password: await readPassword(input.passwordFile, io),
        },
        { clock: app.clock, actor: CLI_ACTOR },
      );
      const { id, email, name, role } = admin;
      return { data: { id, email, name, role }, text: `${printable(name)} can sign in now (${role}).\n` };
    }),
  });
}

async function settingAnswers(
  input: Partial<Record<(typeof ASKED)[AskedKey]['option'], string | undefined>>,
  { app, io }: AppContext,
): Promise<[AskedKey, string][]> {
  const current = new Map((await listSettings(app.db)).map(({ key, value }) => [key, value]));
  const answers: [AskedKey, string][] = [];
  for (const key of ASKED_KEYS) {
    const { option, question } = ASKED[key];
    const value = input[option];
    if (value !== undefined) answers.push([key, readSetting(key, option, value)]);
    else if (io.ask) {
      const asked: Question = { kind: 'text', message: question, initial: current.get(key) ?? '' };
      answers.push([key, await askFor(io.ask, asked, (answer) => readSetting(key, option, answer))]);
    }
  }
  return answers;
}

function readSetting(key: AskedKey, field: string, value: string): string {
  const result = SETTINGS[key].schema.safeParse(value);
  if (result.success) return value;
  throw invalidInput({
    field,
    message: `${result.error.issues[0]!.message} (example: ${SETTINGS[key].example})`,
  });
}

/** An option's value or, at a terminal, the answer to a question. */
async function given(
  field: string,
  value: string | undefined,
  message: string,
  read: (answer: string) => string,
  io: CliIo,
): Promise<string> {
  if (value !== undefined) return value;
  return askFor(asker(io, field), { kind: 'text', message }, read);
}

async function readPassword(file: string | undefined, io: CliIo): Promise<string> {
  if (file === undefined) {
    const ask = asker(io, 'passwordFile');
    return askFor(
      ask,
      { kind: 'password', message: 'A password of at least 12 characters?' },
      async (first) => {
        if (first.length < 12)
          throw invalidInput({ field: 'password', message: 'must have at least 12 characters' });
        const again = await ask({ kind: 'password', message: 'The same once more?' });
        if (again !== first) throw invalidInput({ field: 'password', message: 'the two are not the same' });
        return first;
      },
    );
  }
  try {
    return (await readFile(path.resolve(io.cwd, file), 'utf8')).replace(/\r?\n$/, '');
  } catch {
    throw invalidInput({ field: 'passwordFile', message: 'names a file that cannot be read' });
  }
}

/** @throws ConvenorError `invalid_input` that names the option to give where nobody can be asked. */
function asker(io: CliIo, field: string): Ask {
  if (io.ask) return io.ask;
  throw invalidInput({ field, message: 'must be given when nobody can be asked' });
}

function readAddress(answer: string): string {
  return parseEmailAddress(answer).email;
}

function notEmpty(field: string): (answer: string) => string {
  return (answer) => {
    if (answer.trim() === '') throw invalidInput({ field, message: 'must not be empty' });
    return answer;
  };
}
