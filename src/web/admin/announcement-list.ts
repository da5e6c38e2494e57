import type { FastifyRequest } from 'fastify';
import { audienceSizes } from '../../announcements/audience-of.ts';
import { listAnnouncements, type AnnouncementOrder } from '../../announcements/plan-query.ts';
import { formatShortDateTime } from '../../calendar/format.ts';
import { ANNOUNCEMENT_STATES } from '../../db/schema.ts';
import { allPages, csv, lines } from '../csv.ts';
import { query } from '../form.ts';
import { ordersInTime, pageOf, readList } from '../lists.ts';
import { routes } from '../plugin.ts';
import { announcementRow } from '../views.ts';
import { ANNOUNCEMENT_WORDS, people, TOPIC_WORDS } from '../words.ts';

const PAGE = 40;
const COMING = ['draft', 'awaiting_approval', 'approved', 'sending', 'held'] as const;

/** The list of announcements, to come and past, on the page and as a file. */
export const announcementListPages = routes(
  { name: 'announcement-list', needs: ['access', 'pages'] },
  (app) => {
    const { db, clock } = app.deps;

    app.get('/admin/announcements', async (request, reply) => {
      const { past, list, filter } = announcementList(request);
      const found = await listAnnouncements(db, { ...filter, limit: PAGE + 1, after: list.after });
      const { rows, next } = pageOf(found, PAGE, ({ announcement }) => announcement.id);
      const sizeOf = audienceSizes(db, clock.now());
      const shown = await Promise.all(
        rows.map(async ({ announcement, books }) => {
          const row = announcementRow({ announcement, books });
          const waits = row.people === undefined && !past;
          return waits ? { ...row, people: `to ${people(await sizeOf(announcement))}` } : row;
        }),
      );
      return reply.page('admin/announcements', {
        title: 'Announcements',
        section: 'announcements',
        past,
        list: list.view({ rows: rows.length, next }),
        announcements: shown,
      });
    });

    app.get('/admin/announcements/list.csv', async (request, reply) => {
      const { filter } = announcementList(request);
      const all = allPages(async (after) => {
        const found = await listAnnouncements(db, { ...filter, limit: 201, after });
        return pageOf(found, 200, ({ announcement }) => announcement.id);
      });
      return csv(
        reply,
        'announcements.csv',
        ['title', 'when', 'zone', 'topic', 'state', 'audience', 'sent', 'left out', 'failed', 'unknown'],
        lines(all, ({ announcement: { title, sendAt, zone, topic, state }, books }) => [
          title,
          formatShortDateTime(sendAt, zone),
          zone,
          TOPIC_WORDS[topic],
          ANNOUNCEMENT_WORDS[state].state,
          ...[books.audience, books.sent, books.excluded, books.failed, books.unknown].map(String),
        ]),
      );
    });
  },
);

const PAST = ANNOUNCEMENT_STATES.filter((state) => !(COMING as readonly string[]).includes(state));

/** What the list of announcements shows: those to come, the next one first, or the past ones, the latest first. */
function announcementList(request: FastifyRequest) {
  const past = query(request, 'show') === 'past';
  const list = readList<AnnouncementOrder>(request, {
    path: '/admin/announcements',
    file: '/admin/announcements/list.csv',
    orders: ordersInTime(past),
    tabs: ['show'],
  });
  return { past, list, filter: { states: past ? PAST : COMING, text: list.text, order: list.order } };
}
