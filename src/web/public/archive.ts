import { archiveFeed, archivePage, listArchive, type ArchiveEntry } from '../../announcements/archive.ts';
import { kindLabel } from '../../announcements/announcements.ts';
import { formatDate, formatDateTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { readSettings } from '../../organisation/settings.ts';
import { query } from '../form.ts';
import { routes } from '../plugin.ts';
import { CONTENT_POLICY } from '../plugins/security.ts';

type ById = { Params: { id: string } };

const PAGE = 20;

/** Pictures in what administrators write may come from elsewhere; nothing else may. */
const WITH_PICTURES = Object.entries({ ...CONTENT_POLICY, 'img-src': ["'self'", 'data:', 'https:'] })
  .map(([directive, sources]) => `${directive} ${sources.join(' ')}`)
  .join(';');

/** What was sent, as web pages: the archive, its Atom feed, and each announcement's own page. */
export const archivePages = routes({ name: 'archive', needs: ['access', 'pages'] }, (app) => {
  const { db, clock, config } = app.deps;

  app.get('/archive', async (request, reply) => {
    const settings = await readSettings(db);
    const before = cursor(query(request, 'before'));
    const found = await listArchive(db, { clock, settings }, { before, limit: PAGE + 1 });
    const page = found.slice(0, PAGE);
    const last = page.at(-1);
    return reply.page('public/archive', {
      title: 'What we sent',
      entries: page.map((entry) => ({
        id: entry.id,
        title: entry.title,
        label: kindLabel(entry.kind),
        when: formatDate(toWall(entry.sentAt, entry.zone).toPlainDate()),
      })),
      older:
        found.length > PAGE && last !== undefined
          ? `/archive?before=${last.sentAt.toString()}_${last.id}`
          : undefined,
    });
  });

  app.get('/archive.atom', async (_request, reply) => {
    const settings = await readSettings(db);
    return reply
      .type('application/atom+xml; charset=utf-8')
      .header('cache-control', 'public, max-age=600')
      .send(await archiveFeed(db, config.BASE_URL, { clock, settings }));
  });

  app.get<ById>('/a/:id', async (request, reply) => {
    const settings = await readSettings(db);
    const page = await archivePage(db, request.params.id, { clock, settings });
    if (page.over) {
      return reply.code(410).page('public/announcement-over', { title: 'This is over', name: page.title });
    }
    return reply
      .header('content-security-policy', WITH_PICTURES)
      .page('public/announcement', { title: page.title, isListed: page.listed, entry: entryView(page) });
  });
});

function entryView({ kind, sentAt, zone, html, meeting }: ArchiveEntry) {
  return {
    label: kindLabel(kind),
    when: formatDate(toWall(sentAt, zone).toPlainDate()),
    html,
    meeting: meeting && { href: `/m/${meeting.id}`, when: formatDateTime(meeting.startsAt, meeting.zone) },
  };
}

/** @returns `undefined` for what is no cursor. */
function cursor(text: string): { sentAt: Temporal.Instant; id: string } | undefined {
  const match = /^([\dT:.-]+Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(text);
  if (match === null) return undefined;
  try {
    return { sentAt: Temporal.Instant.from(match[1]!), id: match[2]! };
  } catch {
    return undefined;
  }
}
