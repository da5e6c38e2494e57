import type { FastifyRequest } from 'fastify';
import {
  addMeeting,
  cancelMeeting,
  decideMeeting,
  moveMeeting,
} from '../../announcements/meeting-changes.ts';
import { meetingNotices } from '../../announcements/plan-query.ts';
import { formatDateTime, formatDuration, zoneLabel } from '../../calendar/format.ts';
import { describeReminderRule, parseReminderRule } from '../../calendar/reminder-rule.ts';
import { toInstant, toWall } from '../../calendar/wall.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import {
  parseMeetingChange,
  parseSingleMeetingInput,
  type MeetingChange,
} from '../../meetings/meeting-input.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import {
  listMeetings,
  meetingsBetween,
  type Meeting,
  type MeetingOrder,
} from '../../meetings/occurrences.ts';
import { listSeries } from '../../meetings/series.ts';
import { acting } from '../acting.ts';
import { allPages, csv, lines } from '../csv.ts';
import { consequencesOf } from '../dry-run.ts';
import { field, freshForm, query, rejectedForm } from '../form.ts';
import { pageOf, readList, ordersInTime } from '../lists.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { leafOf, reminderRows } from '../schedule-form.ts';
import { announcementRow, linkWords, meetingRow, meetingWhen, meetingWord, seriesView } from '../views.ts';
import { counted, fromNow, TOPIC_WORDS } from '../words.ts';
import {
  freshMeeting,
  MEETING_LABELS,
  meetingInput,
  postedMeeting,
  quietWords,
  storedMeeting,
  type MeetingFields,
} from './meeting-input.ts';
import { monthOf, monthView } from './month.ts';
import { peoplePart } from './meeting-people.ts';
import { roomPart } from './meeting-room.ts';
import { hiddenFields } from './series.ts';

type ById = { Params: { id: string } };

const PAGE = 40;
const SPAN = { hours: 24 * 125 };
const BLANK_ROW = { amount: '', unit: 'd', at: '09:00' };

/** Meetings: the list, one meeting, adding, changing and cancelling one, deciding about a bank holiday. */
export const meetingPages = routes({ name: 'meetings', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, nudge } = app.deps;

  app.get('/admin/meetings', async (request, reply) => {
    const { settings } = await acting(request);
    const now = clock.now();
    const byMonth = query(request, 'view') === 'month';
    const { past, list, filter } = meetingList(request, now);
    const coming = await meetingsBetween(db, now.subtract({ hours: 6 }), now.add(SPAN));
    const today = toWall(now, settings.timeZone).toPlainDate();
    const month = monthOf(query(request, 'month'), today);
    const found = byMonth ? [] : await listMeetings(db, { ...filter, after: list.after, limit: PAGE + 1 });
    const { rows, next } = pageOf(found, PAGE, ({ id }) => id);
    return reply.page('admin/meetings', {
      title: 'Meetings',
      section: 'meetings',
      zone: zoneLabel(settings.timeZone),
      listTitle: past ? 'Past meetings' : 'Coming meetings',
      past,
      list: list.view({ rows: rows.length, next }),
      tabs: [
        { href: list.address({ show: '', order: '' }), label: 'Coming', current: !byMonth && !past },
        { href: list.address({ show: 'past', order: '' }), label: 'Past', current: !byMonth && past },
        { href: '/admin/meetings?view=month', label: 'Calendar', current: byMonth },
      ],
      undecided: coming.filter(({ status }) => status === 'undecided').map(decisionView),
      series: (await listSeries(db)).map(seriesView),
      meetings: rows.map((meeting) => meetingRow(meeting, now)),
      month: byMonth
        ? monthView(month, await meetingsOfMonth(month, settings.timeZone), {
            today,
            now,
            nation: settings.bankHolidays,
          })
        : undefined,
    });
  });

  app.get('/admin/meetings/list.csv', async (request, reply) => {
    const now = clock.now();
    const { filter } = meetingList(request, now);
    const all = allPages(async (after) =>
      pageOf(await listMeetings(db, { ...filter, after, limit: 501 }), 500, ({ id }) => id),
    );
    return csv(
      reply,
      'meetings.csv',
      ['title', 'date', 'time', 'zone', 'minutes', 'state', 'about'],
      lines(all, (meeting) => {
        const wall = toWall(meeting.startsAt, meeting.zone);
        return [
          meeting.title,
          wall.toPlainDate().toString(),
          wall.toPlainTime().toString({ smallestUnit: 'minute' }),
          meeting.zone,
          String(meeting.durationMinutes),
          meetingWord(meeting, now).state,
          TOPIC_WORDS[meeting.topic],
        ];
      }),
    );
  });

  /** A day more at each end: meetings stand on the day of their own clock. */
  async function meetingsOfMonth(month: Temporal.PlainYearMonth, zone: string): Promise<Meeting[]> {
    const first = toInstant(month.toPlainDate({ day: 1 }).toPlainDateTime(), zone);
    return meetingsBetween(
      db,
      first.subtract({ hours: 24 }),
      first.add({ hours: 24 * (month.daysInMonth + 2) }),
    );
  }

  app.get('/admin/meetings/new', async (request, reply) => {
    const { settings } = await acting(request);
    const fields = freshMeeting(settings);
    return reply.page('admin/meeting-form', {
      ...newModel(fields),
      quiet: quietWords(settings),
      form: freshForm(fields.values),
    });
  });

  app.post('/admin/meetings/new', async (request, reply) => {
    const context = await acting(request);
    const fields = postedMeeting(request);
    try {
      const meeting = await addMeeting(db, parseSingleMeetingInput(meetingInput(fields)), context);
      await nudge();
      flash(request, 'good', `“${meeting.title}” is planned for ${meetingWhen(meeting)}.`);
      return await reply.redirect(`/admin/meetings/${meeting.id}`, 303);
    } catch (error) {
      const form = rejectedForm(fields.values, error, MEETING_LABELS);
      return reply
        .code(422)
        .page('admin/meeting-form', { ...newModel(fields), quiet: quietWords(context.settings), form });
    }
  });

  app.get<ById>('/admin/meetings/:id', async (request, reply) => {
    const meeting = await findMeeting(db, request.params.id);
    const now = clock.now();
    const { state } = meetingWord(meeting, now);
    return reply.page('admin/meeting', {
      title: meeting.title,
      section: 'meetings',
      back: { href: '/admin/meetings', label: 'Meetings' },
      decision: meeting.status === 'undecided' ? decisionView(meeting) : undefined,
      meeting: {
        id: meeting.id,
        leaf: leafOf(toWall(meeting.startsAt, meeting.zone).toPlainDate()),
        stateLine: state === 'planned' ? `Planned, ${fromNow(meeting.startsAt, now, meeting.zone)}` : state,
        when: meetingWhen(meeting),
        length: formatDuration(meeting.durationMinutes),
        reason: meeting.status === 'undecided' ? undefined : (meeting.statusReason ?? undefined),
        description: meeting.description,
        topic: `everybody who gets mail about ${TOPIC_WORDS[meeting.topic].toLowerCase()}`,
        versions: meeting.sequence === 0 ? 'never' : counted(meeting.sequence, 'time'),
        open: isOpen(meeting, now),
        seriesUrl: meeting.seriesId === null ? undefined : `/admin/meetings/series/${meeting.seriesId}`,
        pageUrl: `${config.BASE_URL}/m/${meeting.id}`,
        joinUrl: `${config.BASE_URL}/m/${meeting.id}/join`,
      },
      people: await peoplePart(db, meeting, now),
      room: await roomPart(app.deps, meeting, { open: isOpen(meeting, now) }),
      notices: (await meetingNotices(db, meeting.id)).map(announcementRow),
    });
  });

  app.get<ById>('/admin/meetings/:id/change', async (request, reply) => {
    const { settings } = await acting(request);
    const meeting = await findMeeting(db, request.params.id);
    const fields = storedMeeting(meeting);
    return reply.page('admin/meeting-form', {
      ...changeModel(meeting, fields),
      quiet: quietWords(settings),
      form: freshForm(fields.values),
    });
  });

  app.post<ById>('/admin/meetings/:id/change', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const before = await findMeeting(db, id);
    const fields = postedMeeting(request);
    try {
      const change = parseMeetingChange(meetingInput(fields), before.zone);
      if (field(request, 'confirmed') !== 'yes') {
        const found = await consequencesOf(context, (tx) => moveMeeting(tx, id, change, context));
        return await reply.page('admin/confirm', {
          title: 'Change this meeting?',
          section: 'meetings',
          back: { href: `/admin/meetings/${id}/change`, label: 'Back to the form' },
          action: `/admin/meetings/${id}/change`,
          form: freshForm(),
          hidden: hiddenFields(request),
          changes: changesView(before, change),
          ...found,
          doLabel: 'Yes, change it',
        });
      }
      await moveMeeting(db, id, change, context);
    } catch (error) {
      const form = rejectedForm(fields.values, error, MEETING_LABELS);
      return reply.code(422).page('admin/meeting-form', {
        ...changeModel(before, fields),
        quiet: quietWords(context.settings),
        form,
      });
    }
    await nudge();
    flash(request, 'good', 'The meeting is changed.');
    return reply.redirect(`/admin/meetings/${id}`, 303);
  });

  app.get<ById>('/admin/meetings/:id/cancel', async (request, reply) => {
    const context = await acting(request);
    const meeting = await findMeeting(db, request.params.id);
    return reply.page('admin/confirm', {
      title: `Cancel “${meeting.title}”?`,
      section: 'meetings',
      lead: `${meetingWhen(meeting)}. A cancelled meeting stays cancelled; people who have been told get a mail that takes it out of their calendars.`,
      back: { href: `/admin/meetings/${meeting.id}`, label: meeting.title },
      action: `/admin/meetings/${meeting.id}/cancel`,
      form: freshForm({ reason: '' }),
      ...(await consequencesOf(context, (tx) => cancelMeeting(tx, meeting.id, null, context))),
      reasonField: true,
      danger: true,
      doLabel: 'Yes, cancel the meeting',
    });
  });

  app.post<ById>('/admin/meetings/:id/cancel', async (request, reply) => {
    const context = await acting(request);
    const reason = field(request, 'reason') || null;
    const meeting = await cancelMeeting(db, request.params.id, reason, context);
    await nudge();
    flash(request, 'good', 'The meeting is cancelled.');
    return reply.redirect(`/admin/meetings/${meeting.id}`, 303);
  });

  app.post<ById>('/admin/meetings/:id/decide', async (request, reply) => {
    const context = await acting(request);
    const decision = field(request, 'decision');
    if (decision !== 'keep' && decision !== 'skip') {
      throw new ConvenorError('invalid_input', 'Choose whether to keep the date or to skip the meeting.');
    }
    const meeting = await decideMeeting(db, request.params.id, decision, context);
    await nudge();
    flash(
      request,
      'good',
      decision === 'keep' ? 'The date stays; reminders are planned.' : 'The meeting is skipped this time.',
    );
    return reply.redirect(`/admin/meetings/${meeting.id}`, 303);
  });
});

/** What the list of meetings shows: those to come, with one that is on now, or the past ones. */
function meetingList(request: FastifyRequest, now: Temporal.Instant) {
  const past = query(request, 'show') === 'past';
  const list = readList<MeetingOrder>(request, {
    path: '/admin/meetings',
    file: '/admin/meetings/list.csv',
    orders: ordersInTime(past),
    tabs: ['show'],
  });
  const span = past ? { to: now } : { from: now.subtract({ hours: 6 }) };
  return { past, list, filter: { ...span, text: list.text, order: list.order } };
}

function isOpen(meeting: Meeting, now: Temporal.Instant): boolean {
  return (
    (meeting.status === 'scheduled' || meeting.status === 'undecided') &&
    Temporal.Instant.compare(meeting.startsAt, now) > 0
  );
}

/** A meeting that waits for a decision. */
export function decisionView(meeting: Meeting) {
  return {
    id: meeting.id,
    title: meeting.title,
    date: formatDateTime(meeting.startsAt, meeting.zone),
    reason: meeting.statusReason ?? '',
  };
}

function newModel(fields: MeetingFields) {
  return {
    title: 'Single meeting',
    section: 'meetings',
    back: { href: '/admin/meetings', label: 'Meetings' },
    lead: 'A meeting that does not belong to a series.',
    action: '/admin/meetings/new',
    zoneField: true,
    reminders: reminderRows([...fields.reminders.filter(({ amount }) => amount !== ''), BLANK_ROW]),
    saveLabel: 'Save the meeting',
  };
}

function changeModel(meeting: Meeting, fields: MeetingFields) {
  return {
    title: 'Change or move',
    section: 'meetings',
    back: { href: `/admin/meetings/${meeting.id}`, label: meeting.title },
    lead: `Now: ${meetingWhen(meeting)}. You will see what the change sends before it happens.`,
    action: `/admin/meetings/${meeting.id}/change`,
    zoneField: false,
    zoneName: zoneLabel(meeting.zone),
    reminders: reminderRows([...fields.reminders.filter(({ amount }) => amount !== ''), BLANK_ROW]),
    saveLabel: 'Continue',
  };
}

/** What a change makes different, in words. */
function changesView(before: Meeting, change: MeetingChange) {
  const after = {
    ...before,
    ...change,
    ...(change.wallStart === undefined ? {} : { startsAt: toInstant(change.wallStart, before.zone) }),
  };
  const words = (meeting: typeof after) => ({
    Title: meeting.title,
    When: meetingWhen(meeting),
    'What it is about': meeting.description || 'nothing',
    'Link to join': linkWords(meeting.link),
    Reminders:
      meeting.reminders.map((rule) => describeReminderRule(parseReminderRule(rule))).join('; ') || 'none',
  });
  const old = words(before);
  return Object.entries(words(after))
    .filter(([label, value]) => old[label as keyof typeof old] !== value)
    .map(([label, value]) => ({ label, before: old[label as keyof typeof old], after: value }));
}
