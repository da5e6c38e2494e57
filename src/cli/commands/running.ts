import type { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { rows, type Tx } from '../../db/open.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { addCommand, withApp, type Session } from '../command.ts';
import type { Finding, Role } from '../host.ts';
import { count, printable, wrap } from '../output/text.ts';
import { write } from '../output/write.ts';

const ROLES: readonly (readonly [Role, string])[] = [
  ['serve', 'run everything in one process: pages and sending'],
  ['web', 'run the pages only'],
  ['worker', 'run the sending only'],
];

export function addRunningCommands(program: Command, session: Session): void {
  program.commandsGroup('Running:');
  for (const [role, summary] of ROLES) {
    addCommand(program, session, {
      usage: role,
      summary,
      options:
        role === 'serve' ? [{ flags: '--demo', help: 'with a sample group, if there is none yet' }] : [],
      schema: z.object({ demo: z.boolean().default(false) }),
      run: ({ demo }, { host }) => host.start(role, { demo }),
    });
  }

  addCommand(program, session, {
    usage: 'migrate',
    summary: 'bring the tables of the database up to date; starting does it too',
    schema: z.object({}),
    run: withApp(async (_input, { app }) => {
      const migrations = await appliedMigrations(app.db);
      return { data: migrations, text: `The database is up to date: ${migrations.at(-1)!.name}.\n` };
    }),
  });

  addCommand(program, session, {
    usage: 'doctor',
    summary: 'check everything that Convenor depends on, and say what to do',
    schema: z.object({}),
    run: async (_input, { argv, io, host, json }) => {
      const forwarded = await host.forward(argv, io).catch(unlessMisconfigured);
      if (forwarded !== undefined) return forwarded;
      const findings: Finding[] = [];
      for await (const finding of host.inspect()) {
        findings.push(finding);
        if (!json) await write(io.stdout, findingText(finding, io));
      }
      const problems = findings.filter((finding) => finding.state === 'problem').length;
      return {
        data: { healthy: problems === 0, findings },
        text:
          problems === 0 ? '\nNo problem found.\n' : `\n${count(problems, 'problem', 'problems')} found.\n`,
        status: problems === 0 ? 0 : 1,
      };
    },
  });
}

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly appliedAt: string;
}

/** What has been done to the database so far. Opening it has already brought it up to date. */
function appliedMigrations(tx: Tx): Promise<AppliedMigration[]> {
  return rows(
    tx,
    sql`select number, name, to_json(applied_at) #>> '{}' as "appliedAt" from schema_migrations order by number`,
  );
}

/** A configuration that cannot be read is what the doctor is there to explain. */
function unlessMisconfigured(error: unknown): undefined {
  if (!(error instanceof ConvenorError) || error.code !== 'invalid_config') throw error;
}

const MARKS = {
  ok: { sign: '✓', colour: '32' },
  warning: { sign: '!', colour: '33' },
  problem: { sign: '✗', colour: '31' },
} as const;

function findingText(
  finding: Finding,
  { columns, colour }: { columns: number | undefined; colour: boolean },
): string {
  const { sign, colour: code } = MARKS[finding.state];
  const state = finding.state.padEnd('problem'.length);
  const mark = colour ? `\u001b[${code}m${sign} ${state}\u001b[0m` : `${sign} ${state}`;
  const indent = ' '.repeat(10);
  const lines = [
    ...wrap(printable(`${finding.check}: ${finding.detail}`), (columns ?? 100) - indent.length),
    ...(finding.advice === undefined
      ? []
      : wrap(printable(`→ ${finding.advice}`), (columns ?? 100) - indent.length)),
  ];
  return `${mark} ${lines.join(`\n${indent}`)}\n`;
}
