import type { Command } from 'commander';
import { z } from 'zod';
import { planAhead } from '../../announcements/meeting-changes.ts';
import {
  changeSetting,
  getSetting,
  listSettings,
  readSettings,
  type SettingView,
} from '../../organisation/settings.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { table } from '../output/table.ts';
import { printable } from '../output/text.ts';

const key = z.string();

export function addSettingsCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'settings', 'show and change how the group works');

  addCommand(group, session, {
    usage: 'list',
    summary: 'show every setting with its value',
    schema: z.object({}),
    run: withApp(async (_input, { app, io }) => {
      const settings = await listSettings(app.db);
      return { data: settings, text: settingsTable(settings, io.columns) };
    }),
  });

  addCommand(group, session, {
    usage: 'get <key>',
    summary: 'show one setting',
    schema: z.object({ key }),
    run: withApp(async (input, { app }) => {
      const setting = await getSetting(app.db, input.key);
      return { data: setting, text: `${setting.value.split('\n').map(printable).join('\n')}\n` };
    }),
  });

  addCommand(group, session, {
    usage: 'set <key> <value>',
    summary: 'change one setting',
    examples: [
      'settings set quietHours 22:00-08:00',
      'settings set quietHours off',
      'settings set timeZone Europe/London',
    ],
    schema: z.object({ key, value: z.string() }),
    run: withApp(async (input, { app }) => {
      const { db, clock } = app;
      const setting = await db.transaction(async (tx) => {
        const changed = await changeSetting(tx, input.key, input.value, { clock, actor: CLI_ACTOR });
        // Quiet hours and zone decide when notices go out: those that are planned follow at once.
        await planAhead(tx, { clock, settings: await readSettings(tx) });
        return changed;
      });
      await app.nudge();
      return { data: setting, text: `${setting.key} is now ${shown(setting.value)}.\n` };
    }),
  });
}

function settingsTable(settings: readonly SettingView[], columns: number | undefined): string {
  return table(
    settings,
    [
      { heading: 'Setting', value: (setting) => setting.key, whole: true },
      { heading: 'Value', value: (setting) => shown(setting.value) },
      { heading: 'What it is', value: (setting) => setting.help },
    ],
    columns,
  );
}

function shown(value: string): string {
  return value === '' ? '(empty)' : value;
}
