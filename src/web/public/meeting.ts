import { meetingEvent } from '../../announcements/notice-content.ts';
import { buildInvite } from '../../calendar/icalendar.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { nextMeetings } from '../../meetings/occurrences.ts';
import { readSettings } from '../../organisation/settings.ts';
import { joinLink } from '../../rooms/view.ts';
import { routes } from '../plugin.ts';
import { meetingRow } from '../views.ts';
import { invitationView, momentOf, organiserOf } from './invitation.ts';

type ById = { Params: { id: string } };

/** The public page of a meeting, its calendar file, and the link that leads to wherever it takes place. */
export const meetingPublicPages = routes({ name: 'meeting', needs: ['access', 'pages'] }, (app) => {
  const { db, clock, config } = app.deps;

  app.get<ById>('/m/:id', async (request, reply) => {
    const { id } = request.params;
    return id.endsWith('.ics') ? calendarFile(id.slice(0, -4)) : showMeeting(id);

    async function showMeeting(meetingId: string) {
      const now = clock.now();
      const meeting = await findMeeting(db, meetingId);
      const following = await nextMeetings(db, {
        after: Temporal.Instant.compare(meeting.startsAt, now) > 0 ? meeting.startsAt : now,
        limit: 3,
        except: meeting.id,
        ...(meeting.seriesId === null ? {} : { seriesId: meeting.seriesId }),
      });
      const view = invitationView(meeting, { now, baseUrl: config.BASE_URL });
      const isReady = (await joinLink(db, meeting)) !== null;
      return reply.page('public/meeting', {
        title: meeting.title,
        meeting: { ...view, canJoin: view.canJoin && isReady },
        waitsForRoom: view.canJoin && !isReady,
        others: following
          .filter(({ status }) => status === 'scheduled')
          .map((other) => meetingRow(other, now)),
      });
    }

    async function calendarFile(meetingId: string) {
      const meeting = await findMeeting(db, meetingId);
      const organiser = organiserOf(await readSettings(db), config);
      const event = meetingEvent(meeting, { baseUrl: config.BASE_URL, organiser });
      const method = event.status === 'CANCELLED' ? 'CANCEL' : 'PUBLISH';
      return reply
        .type(`text/calendar; charset=utf-8; method=${method}`)
        .header('content-disposition', 'attachment; filename="meeting.ics"')
        .header('cache-control', 'no-cache')
        .send(buildInvite({ ...event, method, stamp: clock.now() }));
    }
  });

  app.get<ById>('/m/:id/join', async (request, reply) => {
    const meeting = await findMeeting(db, request.params.id);
    const moment = momentOf(meeting, clock.now());
    if (moment === 'off' || moment === 'over') return reply.redirect(`/m/${meeting.id}`, 302);
    // Before the room is there, the meeting's page says so.
    const link = (await joinLink(db, meeting)) ?? `/m/${meeting.id}`;
    return reply
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .redirect(link, 302);
  });
});
