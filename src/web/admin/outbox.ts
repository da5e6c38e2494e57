import type { FastifyRequest } from 'fastify';
import { formatShortDateTime, formatDateTime } from '../../calendar/format.ts';
import { notFound } from '../../kernel/errors.ts';
import { countOutbox, listOutbox, readOutboxMessage, type OutboxOrder } from '../../outbox/outbox.ts';
import { acting } from '../acting.ts';
import { allPages, csv, lines } from '../csv.ts';
import { query } from '../form.ts';
import { readList } from '../lists.ts';
import { mailFrame } from '../mail-frame.ts';
import { routes } from '../plugin.ts';
import { grouped } from '../words.ts';

type ById = { Params: { id: string } };

/** The outbox: what would have been sent if a mail server were set up. */
export const outboxPages = routes({ name: 'outbox', needs: ['access', 'pages'] }, (app) => {
  const { db, config } = app.deps;

  app.get('/admin/outbox', async (request, reply) => {
    const { timeZone } = (await acting(request)).settings;
    const list = outboxList(request);
    const { entries, next } = await listOutbox(db, {
      search: list.text,
      order: list.order,
      after: list.after,
    });
    return reply.page('admin/outbox', {
      title: 'Outbox',
      section: 'outbox',
      active: config.SMTP_URL === undefined,
      total: grouped(await countOutbox(db)),
      list: list.view({ rows: entries.length, next: next ?? undefined }),
      entries: entries.map((entry) => ({
        id: entry.id,
        subject: entry.subject,
        recipient: entry.recipient,
        when: formatShortDateTime(entry.at, timeZone),
      })),
    });
  });

  app.get('/admin/outbox/list.csv', async (request, reply) => {
    const { timeZone } = (await acting(request)).settings;
    const { text: search, order } = outboxList(request);
    const all = allPages(async (after) => {
      const { entries, next } = await listOutbox(db, { limit: 500, search, order, after });
      return { rows: entries, next: next ?? undefined };
    });
    return csv(
      reply,
      'outbox.csv',
      ['subject', 'to', 'when', 'bytes', 'message id'],
      lines(all, ({ subject, recipient, at, size, messageId }) => [
        subject,
        recipient,
        formatShortDateTime(at, timeZone),
        String(size),
        messageId,
      ]),
    );
  });

  app.get<ById>('/admin/outbox/:id', async (request, reply) => {
    const { timeZone } = (await acting(request)).settings;
    const mail = await readOutboxMessage(db, request.params.id);
    const view = ['text', 'source'].find((one) => one === query(request, 'view')) ?? 'html';
    const base = `/admin/outbox/${mail.id}`;
    return reply.page('admin/outbox-mail', {
      title: mail.subject,
      section: 'outbox',
      back: { href: '/admin/outbox', label: 'Outbox' },
      mail: {
        id: mail.id,
        recipient: mail.recipient,
        when: formatDateTime(mail.at, timeZone),
        size: `${grouped(Math.ceil(mail.size / 1024))} kB`,
        messageId: mail.messageId,
        text: mail.text ?? '',
        source: view === 'source' ? Buffer.from(mail.raw).toString('utf8') : '',
      },
      headers: mail.headers,
      attachments: mail.attachments.map(({ index, filename, contentType, method }) => ({
        href: `${base}/attachments/${index}`,
        filename,
        about: method === null ? contentType : `${contentType}, ${method}`,
      })),
      showsHtml: view === 'html',
      showsText: view === 'text',
      showsSource: view === 'source',
      tabs: [
        { href: base, label: 'As people see it', current: view === 'html' },
        { href: `${base}?view=text`, label: 'Plain text', current: view === 'text' },
        { href: `${base}?view=source`, label: 'Source', current: view === 'source' },
      ],
    });
  });

  app.get<ById>('/admin/outbox/:id/html', async (request, reply) => {
    const { html } = await readOutboxMessage(db, request.params.id);
    return mailFrame(reply, html ?? '<!doctype html><title>Empty</title><p>This mail has no HTML part.</p>');
  });

  app.get<ById>('/admin/outbox/:id/source', async (request, reply) => {
    const { raw } = await readOutboxMessage(db, request.params.id);
    return reply
      .type('message/rfc822')
      .header('content-disposition', `attachment; filename="${request.params.id}.eml"`)
      .send(Buffer.from(raw));
  });

  app.get<{ Params: { id: string; index: string } }>(
    '/admin/outbox/:id/attachments/:index',
    async (request, reply) => {
      const { attachments } = await readOutboxMessage(db, request.params.id);
      const found = attachments.find(({ index }) => String(index) === request.params.index);
      if (found === undefined) throw notFound('attachment', request.params.index);
      const name = found.filename.replace(/[^\w.\- ]/g, '_');
      return reply
        .type(found.contentType)
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(Buffer.from(found.content));
    },
  );
});

function outboxList(request: FastifyRequest) {
  return readList<OutboxOrder>(request, {
    path: '/admin/outbox',
    file: '/admin/outbox/list.csv',
    orders: {
      newest: 'the newest first',
      oldest: 'the oldest first',
      address: 'by address',
      subject: 'by subject',
    },
  });
}
