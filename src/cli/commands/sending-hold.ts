import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  compareWithLedger,
  openSendingHold,
  readProviderLog,
  releaseSending,
  rememberDeliveries,
} from '../../announcements/sending-hold.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { count } from '../output/text.ts';
import { comparisonText } from './restore.ts';

export function addSendingHoldCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'sending', 'the hold on all sending after a restore');

  addCommand(group, session, {
    usage: 'status',
    summary: 'say whether sending is held, and why',
    schema: z.object({}),
    run: withApp(async (_input, { app }) => {
      const hold = await openSendingHold(app.db);
      const { timeZone } = await app.settings();
      return {
        data: { held: hold !== undefined, hold: hold ?? null },
        text:
          hold === undefined
            ? 'Sending is free.\n'
            : `Held since ${formatDateTime(hold.since, timeZone)}. ${hold.reason}\n`,
      };
    }),
  });

  addCommand(group, session, {
    usage: 'compare',
    summary: 'compare the ledger with what is known to have gone out',
    options: [{ flags: '--log <file>', help: 'a log of the mail server or provider that holds Message-IDs' }],
    schema: z.object({ log: z.string().min(1).optional() }),
    run: withApp(async (input, { app, io }) => {
      if ((await openSendingHold(app.db)) === undefined) {
        throw new ConvenorError('wrong_state', 'Sending is not held, so there is nothing to compare.');
      }
      if (input.log !== undefined) {
        const found = readProviderLog(await textOf(path.resolve(io.cwd, input.log)));
        if (found.length === 0) {
          throw invalidInput({ field: 'log', message: 'must hold Message-IDs of messages of ours' });
        }
        await rememberDeliveries(app.db, found, 'provider log');
      }
      const comparison = await compareWithLedger(app.db);
      return { data: comparison, text: comparisonText(comparison) };
    }),
  });

  addCommand(group, session, {
    usage: 'release',
    summary: 'let sending go on; what was found to have gone out is not repeated',
    schema: z.object({}),
    run: withApp(async (_input, { app }) => {
      const settled = await releaseSending(app.db, { clock: app.clock, actor: CLI_ACTOR });
      await app.nudge();
      return {
        data: { settled },
        text: `Sending goes on. ${count(settled, 'message', 'messages')} that had gone out will not be repeated.\n`,
      };
    }),
  });
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!/^E[A-Z]+$/.test(code ?? '')) throw error;
    throw invalidInput({
      field: 'log',
      message: code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`,
    });
  }
}
