import type { Command } from 'commander';
import { z } from 'zod';
import {
  addMeeting,
  cancelMeeting,
  decideMeeting,
  moveMeeting,
} from '../../announcements/meeting-changes.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { toInstant } from '../../calendar/wall.ts';
import { parseMeetingChange, parseSingleMeetingInput } from '../../meetings/meeting-input.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { HORIZON, meetingsBetween, type Meeting } from '../../meetings/occurrences.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { resolveId, shortId } from '../ids.ts';
import { dateSpan, DATE_SPAN_OPTIONS, dateSpanShape } from '../date-span.ts';
import { printable } from '../output/text.ts';
import {
  changeContext,
  MEETING_OPTIONS,
  meetingData,
  meetingShape,
  meetingTable,
  reminderNote,
} from './meeting-parts.ts';
import { addAttendanceCommand } from './attendance.ts';
import { addSeriesCommands } from './series.ts';

export function addMeetingCommands(program: Command, session: Session): void {
  program.commandsGroup('Meetings:');
  const group = addGroup(program, 'meetings', 'meetings and series of meetings');
  addSeriesCommands(group, session);
  addAttendanceCommand(group, session);

  addCommand(group, session, {
    usage: 'add',
    summary: 'add one meeting',
    options: [
      { flags: '--start <time>', help: 'date and time on the clock of its zone: 2026-12-02T19:00' },
      ...MEETING_OPTIONS,
    ],
    examples: [
      'meetings add --title "Winter social" --start 2026-12-02T19:00 --zone Europe/London --duration 60 --link https://zoom.us/j/123456789 --remind 1h',
    ],
    schema: z.object({ ...meetingShape, start: z.string().optional() }),
    run: withApp(async (input, { app }) => {
      const context = await changeContext(app);
      const details = parseSingleMeetingInput({ zone: context.settings.timeZone, remind: [], ...input });
      const meeting = await addMeeting(app.db, details, context);
      await app.nudge();
      return { data: meetingData(meeting), text: `Added ${sentence(meeting)}.\n${reminderNote(meeting)}` };
    }),
  });

  addCommand(group, session, {
    usage: 'list',
    summary: 'show the meetings from today on, or of a span of days',
    options: DATE_SPAN_OPTIONS,
    schema: z.object(dateSpanShape),
    run: withApp(async (input, { app, io }) => {
      const { timeZone } = await app.settings();
      const { from, to } = dateSpan(input, { now: app.clock.now(), zone: timeZone, length: HORIZON });
      const meetings = await meetingsBetween(
        app.db,
        toInstant(from.toPlainDateTime(), timeZone),
        toInstant(to.add({ days: 1 }).toPlainDateTime(), timeZone).subtract({ milliseconds: 1 }),
      );
      return { data: meetings.map(meetingData), text: meetingTable(meetings, io.columns) };
    }),
  });

  addCommand(group, session, {
    usage: 'move <meeting>',
    summary: 'change one meeting; people who were told get one correction',
    options: [
      { flags: '--start <time>', help: 'new date and time on the clock of its zone' },
      ...MEETING_OPTIONS.filter(({ flags }) => !/zone|topic/.test(flags)),
    ],
    schema: z.object({ ...meetingShape, start: z.string().optional(), meeting: z.string() }),
    run: withApp(async ({ meeting: text, ...input }, { app }) => {
      const id = await resolveId(app.db, 'meeting', text, 'meeting');
      const change = parseMeetingChange(input, (await findMeeting(app.db, id)).zone);
      const meeting = await moveMeeting(app.db, id, change, await changeContext(app));
      await app.nudge();
      return { data: meetingData(meeting), text: `It is now ${sentence(meeting)}.\n` };
    }),
  });

  addCommand(group, session, {
    usage: 'cancel <meeting>',
    summary: 'cancel one meeting; people who were told are told so',
    options: [{ flags: '--reason <text>', help: 'a sentence for the mail' }],
    schema: z.object({ meeting: z.string(), reason: z.string().optional() }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'meeting', input.meeting, 'meeting');
      const meeting = await cancelMeeting(app.db, id, input.reason ?? null, await changeContext(app));
      await app.nudge();
      return { data: meetingData(meeting), text: `Cancelled ${sentence(meeting)}.\n` };
    }),
  });

  addCommand(group, session, {
    usage: 'decide <meeting> <decision>',
    summary: 'keep or skip a meeting that falls on a bank holiday',
    schema: z.object({
      meeting: z.string(),
      decision: z.enum(['keep', 'skip'], {
        error: 'must be keep or skip; "meetings move" gives it another date',
      }),
    }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'meeting', input.meeting, 'meeting');
      const meeting = await decideMeeting(app.db, id, input.decision, await changeContext(app));
      await app.nudge();
      const verb = input.decision === 'keep' ? 'Kept' : 'Skipped';
      return { data: meetingData(meeting), text: `${verb} ${sentence(meeting)}.\n` };
    }),
  });
}

function sentence(meeting: Meeting): string {
  return `“${printable(meeting.title)}”, ${formatDateTime(meeting.startsAt, meeting.zone)} [${shortId(meeting.id)}]`;
}
