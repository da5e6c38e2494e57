import type { FastifyRequest } from 'fastify';
import { formatShortDateTime, zoneLabel } from '../../calendar/format.ts';
import { listAdmins } from '../../organisation/admins.ts';
import { auditedThings, listAudit, type AuditOrder } from '../../organisation/audit.ts';
import { readSettings, type SettingKey } from '../../organisation/settings.ts';
import { actorNames } from '../actors.ts';
import { allPages, csv, lines } from '../csv.ts';
import { isUuid } from '../form.ts';
import { pageOf, readList } from '../lists.ts';
import { routes } from '../plugin.ts';
import { SETTING_NAMES } from '../settings-groups.ts';
import { capital } from '../views.ts';

const PAGE = 60;

/** What administrators, people and the program did, with what was before and after. */
export const auditPages = routes({ name: 'audit', needs: ['access', 'pages'] }, (app) => {
  const { db } = app.deps;

  app.get('/admin/audit', async (request, reply) => {
    const { timeZone } = await readSettings(db);
    const { list, filter } = auditList(request);
    const found = await listAudit(db, { ...filter, after: list.after, limit: PAGE + 1 });
    const { rows, next } = pageOf(found, PAGE, ({ id }) => id);
    const nameOf = await actorNames(db);
    return reply.page('admin/audit', {
      title: 'What was done',
      section: 'audit',
      zone: zoneLabel(timeZone),
      list: list.view({ rows: rows.length, next }),
      thingOptions: [
        { value: '', label: 'everything', selected: filter.thing === undefined },
        ...(await auditedThings(db)).map((thing) => ({
          value: thing,
          label: capital(thing.replaceAll('_', ' ')),
          selected: thing === filter.thing,
        })),
      ],
      actorOptions: [
        { value: '', label: 'everybody', selected: filter.actor === undefined },
        ...(await listAdmins(db)).map(({ id, name }) => ({
          value: `admin:${id}`,
          label: name,
          selected: filter.actor === `admin:${id}`,
        })),
        ...['system', 'cli'].map((actor) => ({
          value: actor,
          label: capital(nameOf(actor)),
          selected: filter.actor === actor,
        })),
      ],
      entries: rows.map((entry) => ({
        when: formatShortDateTime(entry.at, timeZone),
        who: capital(nameOf(entry.actor)),
        what: actionWords(entry.action),
        href: subjectHref(entry.action, entry.subject),
        subject: subjectWords(entry.action, entry.subject),
        before: shown(entry.before),
        after: shown(entry.after),
        hasDetails: entry.before !== null || entry.after !== null,
      })),
    });
  });

  app.get('/admin/audit.csv', async (request, reply) => {
    const nameOf = await actorNames(db);
    const { filter } = auditList(request);
    const all = allPages(async (after) =>
      pageOf(await listAudit(db, { ...filter, after, limit: 1_001 }), 1_000, ({ id }) => id),
    );
    return csv(
      reply,
      'audit.csv',
      ['at', 'who', 'action', 'subject', 'before', 'after'],
      lines(all, (entry) => [
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

function auditList(request: FastifyRequest) {
  const list = readList<AuditOrder>(request, {
    path: '/admin/audit',
    file: '/admin/audit.csv',
    orders: { newest: 'the newest first', oldest: 'the oldest first' },
    filters: ['thing', 'actor'],
  });
  const [thing, actor] = [list.value('thing') || undefined, list.value('actor') || undefined];
  return { list, filter: { text: list.text, order: list.order, thing, actor } };
}

/** "setting.changed" as "Setting changed". */
export function actionWords(action: string): string {
  const words = action.replace('.', ' ').replaceAll('_', ' ');
  return capital(words.replace(/^admin /, 'administrator ')).replace(/\bmailerlite\b/i, 'MailerLite');
}

/** What something was done to, where it has no page: a setting by its name, a text or a file by its own. */
function subjectWords(action: string, subject: string): string {
  if (isUuid(subject)) return '';
  return (action === 'setting.changed' ? SETTING_NAMES[subject as SettingKey] : undefined) ?? subject;
}

const PLACES: Readonly<Record<string, string>> = {
  series: '/admin/meetings/series/',
  meeting: '/admin/meetings/',
  announcement: '/admin/announcements/',
  deliveries: '/admin/announcements/',
  subscriber: '/admin/subscribers/',
  admin: '/admin/people/',
  complaint: '/admin/complaints/',
  draft: '/admin/announcements/',
  item: '/admin/items/',
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
