import type { FastifyReply } from 'fastify';
import { announcementBooks, resolveUnknown } from '../../announcements/books.ts';
import { cancelAnnouncement, holdAnnouncement, resumeAnnouncement } from '../../announcements/life-cycle.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { acting } from '../acting.ts';
import { field, isUuid } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { people } from '../words.ts';

type ById = { Params: { id: string } };

/** The levers of an announcement: hold, resume, cancel, and settle what is unknown. */
export const announcementLevers = routes(
  { name: 'announcement-levers', needs: ['access', 'pages', 'forms'] },
  (app) => {
    const { db, nudge } = app.deps;

    app.post<ById>('/admin/announcements/:id/hold', async (request, reply) => {
      await holdAnnouncement(db, request.params.id, field(request, 'reason') || null, await acting(request));
      flash(request, 'good', 'It is on hold. Nobody else gets it until you resume it.');
      return done(request.params.id, reply);
    });

    app.post<ById>('/admin/announcements/:id/resume', async (request, reply) => {
      await resumeAnnouncement(db, request.params.id, await acting(request));
      flash(request, 'good', 'It goes on from where it stopped.');
      return done(request.params.id, reply);
    });

    app.get<ById>('/admin/announcements/:id/cancel', async (request, reply) => {
      const { announcement, books } = await announcementBooks(db, request.params.id);
      return reply.page('admin/cancel-announcement', {
        title: 'Cancel this announcement?',
        section: 'announcements',
        back: { href: `/admin/announcements/${announcement.id}`, label: announcement.title },
        announcement: {
          id: announcement.id,
          label: announcement.title,
          when: formatDateTime(announcement.sendAt, announcement.zone),
        },
        sent: books.sent > 0 ? people(books.sent) : undefined,
      });
    });

    app.post<ById>('/admin/announcements/:id/cancel', async (request, reply) => {
      await cancelAnnouncement(
        db,
        request.params.id,
        field(request, 'reason') || null,
        await acting(request),
      );
      flash(request, 'good', 'It is cancelled. Nobody else gets it.');
      return done(request.params.id, reply);
    });

    app.post<ById>('/admin/announcements/:id/resolve', async (request, reply) => {
      const outcome = field(request, 'outcome');
      const delivery = field(request, 'delivery');
      if (outcome !== 'sent' && outcome !== 'failed') {
        throw new ConvenorError('invalid_input', 'Say whether the mail arrived or not.');
      }
      const count = await resolveUnknown(
        db,
        {
          announcementId: request.params.id,
          deliveryIds: delivery === 'all' ? 'all' : [delivery].filter(isUuid),
          outcome,
        },
        await acting(request),
      );
      flash(request, 'good', `${count === 1 ? 'One delivery is' : `${count} deliveries are`} settled.`);
      return reply.redirect(`/admin/announcements/${request.params.id}`, 303);
    });

    async function done(id: string, reply: FastifyReply) {
      await nudge();
      return reply.redirect(`/admin/announcements/${id}`, 303);
    }
  },
);
