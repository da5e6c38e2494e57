import { z } from 'zod';
import type { ChangeContext } from '../../announcements/meeting-changes.ts';
import type { Meeting } from '../../meetings/occurrences.ts';
import { CLI_ACTOR } from '../actor.ts';
import type { CliDependencies } from '../host.ts';
import { shortId } from '../ids.ts';
import { table } from '../output/table.ts';
import { timeColumn } from '../output/time-column.ts';

/** What a series and a single meeting have in common. Their values are checked where meetings are. */
export const MEETING_OPTIONS = [
  { flags: '--title <text>', help: 'what the meeting is called' },
  { flags: '--description <text>', help: 'what it is about' },
  { flags: '--zone <zone>', help: 'time zone of its times (default: the group’s)' },
  { flags: '--duration <minutes>', help: 'how long it lasts' },
  { flags: '--link <url>', help: 'where to join; "zoom" to have the meeting made at Zoom' },
  {
    flags: '--remind <rule>',
    help: 'a reminder: 7d@09:00, 1d@09:00, 1h; may be repeated; "none" for none',
    repeatable: true,
  },
  { flags: '--topic <topic>', help: 'topic that people signed up for (meetings)' },
] as const;

export const meetingShape = {
  title: z.string().optional(),
  description: z.string().optional(),
  zone: z.string().optional(),
  duration: z.string().optional(),
  link: z.string().optional(),
  remind: z
    .array(z.string())
    .transform((rules) => (rules.length === 1 && rules[0] === 'none' ? [] : rules))
    .optional(),
  topic: z.string().optional(),
};

/** What a change of meetings needs to know, with the command line as the one who makes it. */
export async function changeContext(app: CliDependencies): Promise<ChangeContext> {
  return { clock: app.clock, settings: await app.settings(), actor: CLI_ACTOR };
}

/** A meeting as `--json` gives it: instants in UTC, `startLocal` on the clock of `zone`. */
export function meetingData(meeting: Meeting) {
  return {
    id: meeting.id,
    seriesId: meeting.seriesId,
    originalDate: meeting.originalDate,
    title: meeting.title,
    description: meeting.description,
    start: meeting.startsAt,
    startLocal: meeting.wallStart,
    zone: meeting.zone,
    duration: meeting.durationMinutes,
    link: meeting.link,
    remind: meeting.reminders,
    topic: meeting.topic,
    uid: meeting.uid,
    sequence: meeting.sequence,
    status: meeting.status,
    statusReason: meeting.statusReason,
  };
}

export function meetingTable(meetings: readonly Meeting[], columns: number | undefined): string {
  if (meetings.length === 0) return 'There is no meeting.\n';
  return table(
    meetings,
    [
      { heading: 'Id', value: ({ id }) => shortId(id), whole: true },
      timeColumn('When', meetings, ({ startsAt, zone }) => ({ at: startsAt, zone })),
      { heading: 'Meeting', value: ({ title }) => title },
      { heading: 'Status', value: ({ status, statusReason }) => statusReason ?? status },
    ],
    columns,
  );
}

/** What the person is told of reminders: silence would be taken for reminders that are not there. */
export function reminderNote({ reminders }: Pick<Meeting, 'reminders'>): string {
  return reminders.length === 0 ? 'It has no reminder: nobody is told of it by mail.\n' : '';
}
