import { formatShortDateTime, zoneLabel } from '../../calendar/format.ts';
import { listAudit } from '../../organisation/audit.ts';
import { readSettings } from '../../organisation/settings.ts';
import { actorNames } from '../actors.ts';
import { csv } from '../csv.ts';
import { isUuid, query } from '../form.ts';
import { routes } from '../plugin.ts';
import { capital } from '../views.ts';

const PAGE = 60;
const MOST_IN_FILE = 20_000;

/** What administrators, people and the program did, with what was before and after. */
export const auditPages = routes({ name: 'audit', needs: ['access', 'pages'] }, (app) => {
  const { db } = app.deps;

  app.get('/admin/audit', async (request, reply) => {
    const { timeZone } = await readSettings(db);
    const before = query(request, 'before');
    const found = await listAudit(db, { limit: PAGE + 1, ...(isUuid(before) ? { before } : {}) });
    const page = found.slice(0, PAGE);
    const nameOf = await actorNames(db);
    return reply.page('admin/audit', {
      title: 'What was done',
      section: 'audit',
      zone: zoneLabel(timeZone),
      entries: page.map((entry) => ({
        when: formatShortDateTime(entry.at, timeZone),
        who: capital(nameOf(entry.actor)),
        what: actionWords(entry.action),
        href: subjectHref(entry.action, entry.subject),
        subject: isUuid(entry.subject) ? '' : entry.subject,
        before: shown(entry.before),
        after: shown(entry.after),
        hasDetails: entry.before !== null || entry.after !== null,
      })),
      older: found.length > PAGE ? `/admin/audit?before=${page.at(-1)!.id}` : undefined,
    });
  });

  app.get('/admin/audit.csv', async (_request, reply) => {
    const nameOf = await actorNames(db);
    const entries = await listAudit(db, { limit: MOST_IN_FILE });
    return csv(
      reply,
      'audit.csv',
      ['at', 'who', 'action', 'subject', 'before', 'after'],
      entries.map((entry) => [
        entry.at.toString(),
        nameOf(entry.actor),
        entry.action,
        entry.subject,
        entry.before === null ? '' : JSON.stringify(entry.before),
        entry.after === null ? '' : JSON.stringify(entry.after),
      ]),
    );
  });
});

/** "setting.changed" as "Setting changed". */
export function actionWords(action: string): string {
  return capital(action.replace('.', ' ').replaceAll('_', ' '));
}

const PLACES: Readonly<Record<string, string>> = {
  series: '/admin/meetings/series/',
  meeting: '/admin/meetings/',
  announcement: '/admin/announcements/',
  deliveries: '/admin/announcements/',
  subscriber: '/admin/subscribers/',
  admin: '/admin/people/',
  complaint: '/admin/complaints/',
};

/** The page of what something was done to, where there is one. */
function subjectHref(action: string, subject: string): string | undefined {
  const place = PLACES[action.split('.', 1)[0]!];
  return place === undefined || !isUuid(subject) ? undefined : `${place}${subject}`;
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1);
}
