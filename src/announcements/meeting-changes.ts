import type { Tx } from '../db/open.ts';
import type { MeetingChange, SeriesInput, SingleMeetingInput } from '../meetings/meeting-input.ts';
import {
  changeMeetingDetails,
  findMeeting,
  insertMeeting,
  markCancelled,
  markKept,
  markSkipped,
} from '../meetings/meetings.ts';
import {
  activeSeries,
  nextMeetings,
  skipOccurrences,
  writeOccurrences,
  type Meeting,
  type Series,
} from '../meetings/occurrences.ts';
import {
  closeSeries,
  findSeries,
  insertSeries,
  updateSeries,
  type SeriesChange,
} from '../meetings/series.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import { followMeetingsInDrafts } from './approval-withdrawal.ts';
import { planCorrection, sameVersion, toldMeetings, toldVersion } from './corrections.ts';
import { planMeetingReminders, type PlanningContext } from './planning.ts';

/** More meetings than any group has ahead of it. */
const MOST_COMING = 1_000;

export interface ChangeContext extends PlanningContext {
  readonly actor: Actor;
}

/**
 * Adds a series with its occurrences and their reminders.
 *
 * @param input as `parseSeriesInput` gives it.
 */
export async function addSeries(
  tx: Tx,
  input: SeriesInput,
  context: ChangeContext,
): Promise<{ series: Series; meetings: Meeting[] }> {
  return tx.transaction(async (inner) => {
    const { series, added } = await insertSeries(inner, input, nationOf(context));
    await planNewMeetings(inner, added, context);
    await recordAudit(
      inner,
      { actor: context.actor, action: 'series.added', subject: series.id, after: input },
      context,
    );
    return { series, meetings: added };
  });
}

/**
 * Changes a series; its coming occurrences follow, and people who were told of one get one correction.
 *
 * @throws ConvenorError `not_found`, `wrong_state`.
 */
export async function editSeries(
  tx: Tx,
  id: string,
  input: SeriesInput,
  context: ChangeContext,
): Promise<SeriesChange> {
  return tx.transaction(async (inner) => {
    const before = await findSeries(inner, id);
    const change = await updateSeries(inner, id, input, nationOf(context));
    await callOff(inner, change.left, context);
    for (const { before, after } of change.changed) await followChange(inner, before, after, context);
    await planNewMeetings(inner, change.added, context);
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: 'series.changed',
        subject: id,
        before: Object.fromEntries(Object.keys(input).map((key) => [key, before[key as keyof SeriesInput]])),
        after: input,
      },
      context,
    );
    return change;
  });
}

/** Ends a series: its coming meetings are called off, and people who were told of one are told so. */
export async function archiveSeries(tx: Tx, id: string, context: ChangeContext): Promise<Series> {
  return tx.transaction(async (inner) => {
    const { series, coming } = await closeSeries(inner, id, context);
    await skipOccurrences(
      inner,
      coming.map((meeting) => meeting.id),
      context.clock.now(),
    );
    await callOff(inner, coming, context);
    const after = { endedWith: coming.length };
    await recordAudit(
      inner,
      { actor: context.actor, action: 'series.archived', subject: id, after },
      context,
    );
    return series;
  });
}

/** Adds a meeting that stands alone, with its reminders. */
export async function addMeeting(
  tx: Tx,
  input: SingleMeetingInput,
  context: ChangeContext,
): Promise<Meeting> {
  return tx.transaction(async (inner) => {
    const meeting = await insertMeeting(inner, input, context);
    await planNewMeetings(inner, [meeting], context);
    await recordAudit(
      inner,
      { actor: context.actor, action: 'meeting.added', subject: meeting.id, after: input },
      context,
    );
    return meeting;
  });
}

/**
 * Changes one meeting: unsent reminders are planned anew, and people who were told of another time or length get
 * one correction. A changed link needs no mail, since mails link to the meeting's redirect.
 *
 * @throws ConvenorError `not_found`, `wrong_state`, `invalid_input`.
 */
export async function moveMeeting(
  tx: Tx,
  id: string,
  change: MeetingChange,
  context: ChangeContext,
): Promise<Meeting> {
  return tx.transaction(async (inner) => {
    const before = await findMeeting(inner, id);
    let after = await changeMeetingDetails(inner, before, change, context);
    if (after.status === 'undecided' && change.wallStart !== undefined) {
      after = await markKept(inner, after, context);
    }
    if (after === before) return before;
    await followChange(inner, before, after, context);
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: 'meeting.changed',
        subject: id,
        before: auditView(before),
        after: auditView(after),
      },
      context,
    );
    return after;
  });
}

/**
 * Cancels one meeting. Its reminders are cancelled and people who were told get a cancellation for their
 * calendars.
 *
 * @param reason a sentence for the mail, or null.
 * @throws ConvenorError `not_found`, `wrong_state`.
 */
export async function cancelMeeting(
  tx: Tx,
  id: string,
  reason: string | null,
  context: ChangeContext,
): Promise<Meeting> {
  return tx.transaction(async (inner) => {
    const before = await findMeeting(inner, id);
    const meeting = await markCancelled(inner, before, reason, context);
    await announceCancelled(inner, before, meeting, context);
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: 'meeting.cancelled',
        subject: id,
        before: { status: before.status },
        after: { status: meeting.status, reason },
      },
      context,
    );
    return meeting;
  });
}

/**
 * Decides about a meeting on a bank holiday: `keep` its date or `skip` it. To move it, use `moveMeeting`.
 *
 * @throws ConvenorError `not_found`, `wrong_state` when it does not wait for a decision.
 */
export async function decideMeeting(
  tx: Tx,
  id: string,
  decision: 'keep' | 'skip',
  context: ChangeContext,
): Promise<Meeting> {
  return tx.transaction(async (inner) => {
    const before = await findMeeting(inner, id);
    const after =
      decision === 'keep'
        ? await markKept(inner, before, context)
        : await markSkipped(inner, before, before.statusReason, context);
    await planMeetingReminders(inner, [after], context);
    await followMeetingsInDrafts(inner, [after], context, { outdated: false });
    await recordAudit(
      inner,
      {
        actor: context.actor,
        action: `meeting.${decision === 'keep' ? 'kept' : 'skipped'}`,
        subject: id,
        before: { status: before.status },
        after: { status: after.status },
      },
      context,
    );
    return after;
  });
}

/** Writes the occurrences of all series up to the horizon and brings every coming meeting's reminders in step. */
export async function planAhead(tx: Tx, context: PlanningContext): Promise<void> {
  for (const series of await activeSeries(tx)) {
    await tx.transaction(async (inner) => {
      await planNewMeetings(inner, await writeOccurrences(inner, series, nationOf(context)), context);
    });
  }
  await tx.transaction(async (inner) => {
    const coming = await nextMeetings(inner, { after: context.clock.now(), limit: MOST_COMING });
    await planMeetingReminders(inner, coming, context);
  });
}

async function planNewMeetings(tx: Tx, added: readonly Meeting[], context: PlanningContext): Promise<void> {
  await planMeetingReminders(tx, added, context);
  for (const meeting of added) {
    if (meeting.status !== 'undecided') continue;
    await queueServiceMail(
      tx,
      {
        kind: 'bank-holiday',
        to: { kind: 'administrators' },
        data: { meetingId: meeting.id },
        dedupeKey: `bank-holiday:${meeting.id}`,
      },
      context,
    );
  }
}

async function followChange(
  tx: Tx,
  before: Meeting,
  after: Meeting,
  context: PlanningContext,
): Promise<void> {
  const mustBeTold = !sameVersion(toldVersion(before), toldVersion(after));
  await planMeetingReminders(tx, [after], context, { outdated: mustBeTold });
  await followMeetingsInDrafts(tx, [after], context, { outdated: mustBeTold });
  if (mustBeTold) await planCorrection(tx, 'changed', before, after, context);
}

/** Calls meetings of a series off: as cancelled when people were told of them, else without a word. */
async function callOff(tx: Tx, off: readonly Meeting[], context: PlanningContext): Promise<void> {
  const told = await toldMeetings(
    tx,
    off.map(({ id }) => id),
  );
  for (const meeting of off.filter(({ id }) => told.has(id))) {
    await announceCancelled(tx, meeting, await markCancelled(tx, meeting, null, context), context);
  }
  const skipped = off
    .filter(({ id }) => !told.has(id))
    .map((meeting): Meeting => ({ ...meeting, status: 'skipped' }));
  await planMeetingReminders(tx, skipped, context);
  await followMeetingsInDrafts(tx, skipped, context, { outdated: true });
}

async function announceCancelled(
  tx: Tx,
  before: Meeting,
  after: Meeting,
  context: PlanningContext,
): Promise<void> {
  await planMeetingReminders(tx, [after], context, { outdated: true });
  await followMeetingsInDrafts(tx, [after], context, { outdated: true });
  await planCorrection(tx, 'cancelled', before, after, context);
}

function auditView(meeting: Meeting): object {
  const { title, wallStart, zone, durationMinutes, link, reminders, status, sequence } = meeting;
  return { title, wallStart, zone, durationMinutes, link, reminders, status, sequence };
}

function nationOf({ clock, settings }: PlanningContext) {
  return { clock, nation: settings.bankHolidays };
}
