import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { listCertificates } from '../../attendance/certificates.ts';
import { takeListFromFile } from '../../attendance/lists.ts';
import { attendanceReport, type AttendanceLine, type AttendanceReport } from '../../attendance/report.ts';
import { parseZone } from '../../calendar/wall.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, withApp, type Session } from '../command.ts';
import { resolveId } from '../ids.ts';
import { table } from '../output/table.ts';
import { count } from '../output/text.ts';

export function addAttendanceCommand(group: Command, session: Session): void {
  addCommand(group, session, {
    usage: 'attendance <meeting>',
    summary: 'show who came to a meeting, or take the list from the file that Zoom exports',
    options: [
      { flags: '--file <file>', help: 'participants file (CSV) of Zoom; replaces the list' },
      { flags: '--zone <zone>', help: 'time zone of the Zoom account (default: that of the meeting)' },
    ],
    schema: z.object({
      meeting: z.string(),
      file: z.string().min(1).optional(),
      zone: z.string().optional(),
    }),
    run: withApp(async ({ meeting, file, zone }, { app, io }) => {
      const id = await resolveId(app.db, 'meeting', meeting, 'meeting');
      const skipped =
        file === undefined
          ? []
          : (
              await takeListFromFile(
                app.db,
                id,
                {
                  bytes: await bytesOf(path.resolve(io.cwd, file)),
                  ...(zone === undefined ? {} : { zone: parseZone(zone) }),
                },
                { clock: app.clock, actor: CLI_ACTOR },
              )
            ).skipped;
      const report = await attendanceReport(app.db, id);
      const certificates = await listCertificates(app.db, id);
      return {
        data: { ...report, certificates, skipped },
        text: reportText(report, io.columns) + skipped.map(skippedText).join(''),
      };
    }),
  });
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!/^E[A-Z]+$/.test(code ?? '')) throw error;
    throw invalidInput({
      field: 'file',
      message: code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`,
    });
  }
}

const MATCHES = { email: 'by address', rsvp: 'by answer and name', person: 'confirmed' } as const;

function reportText(report: AttendanceReport, columns: number | undefined): string {
  const { list, problem, answers, known, guests, sessionMinutes } = report;
  const said = `Answers: ${answers.yes} yes, ${answers.maybe} maybe, ${answers.no} no.\n`;
  if (list === 'none') {
    return `${said}There is no list of those who came yet.${problem === null ? '' : ` ${problem}`}\n`;
  }
  const lines = table(
    [...known, ...guests],
    [
      { heading: 'Name', value: ({ name }: AttendanceLine) => name },
      { heading: 'Minutes', value: ({ minutes }) => String(minutes) },
      { heading: 'Share', value: ({ share }) => `${share}%` },
      { heading: 'Known', value: knownWords },
    ],
    columns,
  );
  return `${said}${count(known.length, 'person', 'people')} of the list and ${count(guests.length, 'guest', 'guests')} came; the meeting took ${count(sessionMinutes, 'minute', 'minutes')}.\n\n${lines}`;
}

function knownWords({ matchedBy, suggestion }: AttendanceLine): string {
  if (matchedBy !== null) return MATCHES[matchedBy];
  return suggestion === null ? 'guest' : `guest, perhaps ${suggestion.name ?? 'somebody'} of the list`;
}

function skippedText({ line, reason }: { line: number; reason: string }): string {
  return `Line ${line} was left out: it ${reason}.\n`;
}
