import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { ConvenorError } from '../../kernel/errors.ts';
import {
  fileSource,
  importSubscribers,
  type ImportResult,
  type ImportSource,
} from '../../subscribers/import.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, withApp, type Session } from '../command.ts';
import { createProgress } from '../output/progress.ts';
import { fields, table } from '../output/table.ts';
import { formatNumber } from '../output/text.ts';
import { topic } from './topic.ts';

/** Rejected lines that a person is shown. */
const SHOWN = 50;

export function addImportCommand(parent: Command, session: Session): void {
  addCommand(parent, session, {
    usage: 'import <file>',
    summary: 'put the people of a CSV file on the list who have agreed to it',
    options: [
      {
        flags: '--topic <topic>',
        help: 'what they agreed to, for lines that do not say; may be repeated (meetings)',
        repeatable: true,
      },
    ],
    examples: [
      'subscribers import people.csv',
      'subscribers import people.csv --topic meetings --topic training',
    ],
    schema: z.object({ file: z.string(), topic: z.array(topic).optional() }),
    run: withApp(async (input, { app, io, json }) => {
      const topics = input.topic === undefined ? {} : { topics: input.topic };
      const progress = createProgress(io, 'Importing', json);
      const result = await importSubscribers(
        app.db,
        stoppable(fileSource(path.resolve(io.cwd, input.file)), io.signal),
        {
          ...topics,
          onProgress: ({ step, lines, of }) => {
            if (step === 'importing') progress.update(lines, of ?? lines);
          },
        },
        { clock: app.clock, actor: CLI_ACTOR, addressHash: app.addressHash },
      ).finally(() => progress.end());
      await app.nudge();
      const { read, added, updated, unchanged, rejected } = result;
      return { data: { read, added, updated, unchanged, rejected }, text: report(result, io.columns) };
    }),
  });
}

/** The same file, read only for as long as the person who wants it is there. */
function stoppable(source: ImportSource, signal: AbortSignal): ImportSource {
  return {
    name: source.name,
    async *open() {
      for await (const bytes of source.open()) {
        if (signal.aborted) {
          throw new ConvenorError('unavailable', 'Broken off. Import the same file again to have the rest.');
        }
        yield bytes;
      }
    },
  };
}

function report(
  { read, added, updated, unchanged, rejected }: ImportResult,
  columns: number | undefined,
): string {
  const numbers = fields([
    ['Lines read', formatNumber(read)],
    ['Added', formatNumber(added)],
    ['Updated', formatNumber(updated)],
    ['Unchanged', formatNumber(unchanged)],
    ['Rejected', formatNumber(rejected.length)],
  ]);
  if (rejected.length === 0) return numbers;
  const lines = table(
    rejected.slice(0, SHOWN),
    [
      { heading: 'Line', value: ({ line }) => String(line), align: 'right', whole: true },
      { heading: 'Address', value: ({ email }) => email },
      { heading: 'Why it was rejected', value: ({ reason }) => reason },
    ],
    columns,
  );
  const rest = rejected.length - SHOWN;
  return `${numbers}\n${lines}${rest > 0 ? `… and ${formatNumber(rest)} more; --json gives all.\n` : ''}`;
}
