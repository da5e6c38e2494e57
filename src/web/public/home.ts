import { createHash } from 'node:crypto';
import { meetingEvent } from '../../announcements/notice-content.ts';
import { formatShortDateTime, zoneLabel } from '../../calendar/format.ts';
import { buildFeed } from '../../calendar/icalendar.ts';
import { anyAdmin } from '../../organisation/admins.ts';
import { itemFeedEvents } from '../../noticeboard/item-calendar.ts';
import { readSettings } from '../../organisation/settings.ts';
import { meetingsBetween, nextMeetings } from '../../meetings/occurrences.ts';
import { routes } from '../plugin.ts';
import { meetingRow } from '../views.ts';
import { invitationView, organiserOf } from './invitation.ts';

const SHOWN_AHEAD = { hours: 24 * 400 };
const KEPT_IN_FEED = { hours: 24 * 185 };

/** The group's own page, its dates, and the calendar that people subscribe to. */
export const homePages = routes({ name: 'home', needs: ['access', 'pages'] }, (app) => {
  const { db, clock, config } = app.deps;

  app.get('/', async (_request, reply) => {
    if (!(await anyAdmin(db))) return reply.redirect('/admin/set-up', 303);
    const now = clock.now();
    const [next, ...others] = await coming(now, 7);
    return reply.page('public/home', {
      title: 'Welcome',
      next: next === undefined ? undefined : invitationView(next, { now, baseUrl: config.BASE_URL }),
      others: others.map((meeting) => meetingRow(meeting, now)),
    });
  });

  app.get('/next', async (_request, reply) => {
    const [next] = await coming(clock.now(), 1);
    return reply
      .header('cache-control', 'no-store')
      .redirect(next === undefined ? '/' : `/m/${next.id}`, 302);
  });

  app.get('/calendar', async (_request, reply) => {
    const now = clock.now();
    const { timeZone, feedTrainingDates, feedClosingDates } = await readSettings(db);
    const feed = `${config.BASE_URL}/calendar.ics`;
    return reply.page('public/calendar', {
      title: 'Our dates in your calendar',
      zone: zoneLabel(timeZone),
      fromNoticeboard: [
        ...(feedTrainingDates ? ['training dates'] : []),
        ...(feedClosingDates ? ['closing dates of vacancies'] : []),
      ],
      feed,
      webcal: feed.replace(/^https?:/, 'webcal:'),
      google: `https://calendar.google.com/calendar/r?cid=${encodeURIComponent(feed.replace(/^https?:/, 'webcal:'))}`,
      dates: (await coming(now, 24)).map((meeting) => ({
        ...meetingRow(meeting, now),
        when: formatShortDateTime(meeting.startsAt, meeting.zone),
      })),
    });
  });

  app.get('/calendar.ics', async (request, reply) => {
    const now = clock.now();
    const settings = await readSettings(db);
    const organiser = organiserOf(settings, config);
    const span = { from: now.subtract(KEPT_IN_FEED), to: now.add(SHOWN_AHEAD) };
    const known = await meetingsBetween(db, span.from, span.to);
    const meetings = known
      .filter(({ status }) => status === 'scheduled' || status === 'cancelled')
      .map((meeting) => ({
        ...meetingEvent(meeting, { baseUrl: config.BASE_URL, organiser }),
        changedAt: meeting.updatedAt,
      }));
    const items = await itemFeedEvents(db, span, { settings, baseUrl: config.BASE_URL, organiser });
    const events = [...meetings, ...items];
    const feed = buildFeed({ name: settings.groupName, zone: settings.timeZone, events, stamp: now });
    const tag = `"${createHash('sha256').update(feed).digest('base64url').slice(0, 22)}"`;
    reply.header('etag', tag).header('cache-control', 'public, max-age=600');
    if (request.headers['if-none-match'] === tag) return reply.code(304).send();
    return reply
      .type('text/calendar; charset=utf-8')
      .header('content-disposition', 'inline; filename="calendar.ics"')
      .send(feed);
  });

  async function coming(now: Temporal.Instant, limit: number) {
    const found = await nextMeetings(db, { after: now.subtract({ hours: 3 }), limit: limit + 3 });
    return found
      .filter(
        ({ status, startsAt, durationMinutes }) =>
          status === 'scheduled' &&
          Temporal.Instant.compare(startsAt.add({ minutes: durationMinutes }), now) > 0,
      )
      .slice(0, limit);
  }
});
