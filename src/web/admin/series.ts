import type { FastifyReply, FastifyRequest } from 'fastify';
import { addSeries, archiveSeries, editSeries } from '../../announcements/meeting-changes.ts';
import { zoneLabel } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { meetingsBetween, HORIZON } from '../../meetings/occurrences.ts';
import { findSeries } from '../../meetings/series.ts';
import { acting, type Acting } from '../acting.ts';
import { consequencesOf } from '../dry-run.ts';
import { field, freshForm, query, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { scheduleModel } from '../schedule-form.ts';
import { counted } from '../words.ts';
import { meetingRow, seriesView } from '../views.ts';
import {
  datesPreview,
  freshSeries,
  MEETING_LABELS,
  postedSeries,
  quietWords,
  seriesOf,
  storedSeries,
  type SeriesFields,
} from './meeting-input.ts';

type ById = { Params: { id: string } };

/** Series of meetings: the form with its preview of dates, one series, its change and its end. */
export const seriesPages = routes({ name: 'series', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge } = app.deps;

  app.get('/admin/meetings/series/new', async (request, reply) => {
    const context = await acting(request);
    const fields = freshSeries(context.settings);
    return showForm(reply, context, fields, freshForm(fields.values), query(request, 'first') === 'yes');
  });

  app.post('/admin/meetings/series/new', async (request, reply) => {
    const context = await acting(request);
    const fields = postedSeries(request);
    const first = field(request, 'first') === 'yes';
    if (field(request, 'act') === 'preview') {
      return showForm(reply, context, fields, freshForm(fields.values), first);
    }
    try {
      const { series, meetings } = await addSeries(db, seriesOf(fields, todayOf(context)), context);
      await nudge();
      flash(
        request,
        'good',
        meetings.length === 0
          ? 'The series is saved. Its first meeting lies more than four months ahead and will be planned in time.'
          : `The series is saved: ${counted(meetings.length, 'meeting')} planned for the next four months.`,
      );
      return await reply.redirect(first ? '/admin' : `/admin/meetings/series/${series.id}`, 303);
    } catch (error) {
      const form = rejectedForm(fields.values, error, MEETING_LABELS);
      return showForm(reply.code(422), context, fields, form, first);
    }
  });

  app.post('/admin/meetings/series/preview', async (request, reply) => {
    const { settings } = await acting(request);
    const preview = datesPreview(postedSeries(request), settings, clock.now());
    return reply
      .type('text/html; charset=utf-8')
      .send(app.deps.renderer.page('admin/dates-preview', { preview }));
  });

  app.get<ById>('/admin/meetings/series/:id', async (request, reply) => {
    const series = await findSeries(db, request.params.id);
    const now = clock.now();
    const near = await meetingsBetween(
      db,
      now.subtract({ hours: 24 * 92 }),
      now.add({ hours: HORIZON.days * 24 + 48 }),
    );
    return reply.page('admin/series', {
      title: series.title,
      section: 'meetings',
      back: { href: '/admin/meetings', label: 'Meetings' },
      zone: zoneLabel(series.zone),
      series: seriesView(series),
      meetings: near
        .filter(({ seriesId }) => seriesId === series.id)
        .map((meeting) => meetingRow(meeting, now)),
    });
  });

  app.get<ById>('/admin/meetings/series/:id/edit', async (request, reply) => {
    const context = await acting(request);
    const fields = storedSeries(await findSeries(db, request.params.id));
    return showForm(reply, context, fields, freshForm(fields.values), false, request.params.id);
  });

  app.post<ById>('/admin/meetings/series/:id/edit', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const fields = postedSeries(request);
    if (field(request, 'act') === 'preview') {
      return showForm(reply, context, fields, freshForm(fields.values), false, id);
    }
    try {
      const input = seriesOf(fields, todayOf(context));
      if (field(request, 'confirmed') !== 'yes') {
        const found = await consequencesOf(context, (tx) => editSeries(tx, id, input, context));
        return await reply.page('admin/confirm', {
          title: 'Change the series?',
          section: 'meetings',
          back: { href: `/admin/meetings/series/${id}/edit`, label: 'Back to the form' },
          action: `/admin/meetings/series/${id}/edit`,
          form: freshForm(),
          hidden: hiddenFields(request),
          ...found,
          doLabel: 'Yes, change the series',
        });
      }
      await editSeries(db, id, input, context);
    } catch (error) {
      const form = rejectedForm(fields.values, error, MEETING_LABELS);
      return showForm(reply.code(422), context, fields, form, false, id);
    }
    await nudge();
    flash(request, 'good', 'The series is changed; its coming meetings follow.');
    return reply.redirect(`/admin/meetings/series/${id}`, 303);
  });

  app.get<ById>('/admin/meetings/series/:id/end', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const series = await findSeries(db, id);
    return reply.page('admin/confirm', {
      title: `End “${series.title}”?`,
      section: 'meetings',
      lead: 'Its coming meetings are called off. This cannot be undone; you can enter a new series at any time.',
      back: { href: `/admin/meetings/series/${id}`, label: series.title },
      action: `/admin/meetings/series/${id}/end`,
      form: freshForm(),
      ...(await consequencesOf(context, (tx) => archiveSeries(tx, id, context))),
      danger: true,
      doLabel: 'Yes, end the series',
    });
  });

  app.post<ById>('/admin/meetings/series/:id/end', async (request, reply) => {
    const context = await acting(request);
    const series = await archiveSeries(db, request.params.id, context);
    await nudge();
    flash(request, 'good', `“${series.title}” has ended.`);
    return reply.redirect('/admin/meetings', 303);
  });
});

function showForm(
  reply: FastifyReply,
  context: Acting,
  fields: SeriesFields,
  form: FormModel,
  first: boolean,
  id?: string,
) {
  const { settings, clock } = context;
  const changed = id !== undefined;
  return reply.page('admin/series-form', {
    title: changed ? 'Change the series' : first ? 'Your meetings' : 'New series',
    section: 'meetings',
    ...(first
      ? {}
      : changed
        ? { back: { href: `/admin/meetings/series/${id}`, label: 'The series' } }
        : { back: { href: '/admin/meetings', label: 'Meetings' } }),
    lead: 'Enter it once; every date, reminder and calendar entry follows from it.',
    action: changed ? `/admin/meetings/series/${id}/edit` : '/admin/meetings/series/new',
    first,
    form,
    schedule: scheduleModel(fields.schedule),
    quiet: quietWords(settings),
    preview: datesPreview(fields, settings, clock.now()),
    moreOpen: ['zone', 'startsOn', 'endsOn'].some((name) => name in form.errors),
    saveLabel: changed ? 'Continue' : 'Save the series',
  });
}

/** Everything that was typed, to be carried through the page that asks for confirmation. */
export function hiddenFields(request: FastifyRequest): { name: string; value: string }[] {
  return Object.entries((request.body ?? {}) as Record<string, unknown>)
    .filter(([name]) => !['_csrf', 'act', 'confirmed'].includes(name))
    .flatMap(([name, value]) => [value].flat().map((one) => ({ name, value: String(one) })));
}

export function todayOf({ clock, settings }: Acting): Temporal.PlainDate {
  return toWall(clock.now(), settings.timeZone).toPlainDate();
}
