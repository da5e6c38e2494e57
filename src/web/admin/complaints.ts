import type { FastifyRequest } from 'fastify';
import { formatDate, formatDateTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import type { ConvenorError } from '../../kernel/errors.ts';
import {
  acknowledgeComplaint,
  closeComplaint,
  listComplaints,
  noteOnComplaint,
  readComplaint,
  reopenComplaint,
  type Complaint,
  type ComplaintEvent,
  type ComplaintOrder,
} from '../../subscribers/complaints.ts';
import { readSettings } from '../../organisation/settings.ts';
import { acting } from '../acting.ts';
import { actorNames } from '../actors.ts';
import { allPages, csv, lines } from '../csv.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { pageOf, readList } from '../lists.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { fromNow, type Word } from '../words.ts';

type ById = { Params: { id: string } };

const STATE_WORDS: Readonly<Record<Complaint['state'], Word>> = {
  open: { state: 'new', tone: 'warn' },
  acknowledged: { state: 'being looked at', tone: 'info' },
  closed: { state: 'closed', tone: '' },
};

const EVENT_WORDS: Readonly<Record<ComplaintEvent['kind'], string>> = {
  received: 'Came in',
  acknowledged: 'Acknowledged',
  note: 'Note',
  closed: 'Closed',
  reopened: 'Opened again',
};

const PAGE = 40;

function complaintList(request: FastifyRequest) {
  const list = readList<ComplaintOrder>(request, {
    path: '/admin/complaints',
    file: '/admin/complaints/list.csv',
    orders: { newest: 'the newest first', oldest: 'the oldest first' },
    tabs: ['show'],
  });
  const closed = list.value('show') === 'all';
  return { list, closed, filter: { closed, text: list.text, order: list.order } };
}

/** Complaints about the use of data: each is acknowledged within 30 days, answered, and closed with what came of it. */
export const complaintPages = routes({ name: 'complaints', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge } = app.deps;

  app.get('/admin/complaints', async (request, reply) => {
    const { timeZone } = await readSettings(db);
    const { closed, list, filter } = complaintList(request);
    const found = await listComplaints(db, { ...filter, after: list.after, limit: PAGE + 1 });
    const { rows, next } = pageOf(found, PAGE, ({ id }) => id);
    return reply.page('admin/complaints', {
      title: 'Complaints',
      section: 'complaints',
      listTitle: closed ? 'All complaints' : 'To do',
      tabs: [
        { href: list.address({ show: '' }), label: 'To do', current: !closed },
        { href: list.address({ show: 'all' }), label: 'All', current: closed },
      ],
      list: list.view({ rows: rows.length, next }),
      complaints: rows.map((complaint) => ({
        id: complaint.id,
        reference: complaint.reference,
        start: complaint.text.length > 80 ? `${complaint.text.slice(0, 80)}…` : complaint.text,
        when: formatDate(toWall(complaint.receivedAt, timeZone).toPlainDate()),
        due: complaint.state === 'open' ? `Acknowledge ${dueIn(complaint, timeZone)}` : '',
        ...wordOf(complaint),
      })),
    });
  });

  app.get('/admin/complaints/list.csv', async (request, reply) => {
    const { timeZone } = await readSettings(db);
    const { filter } = complaintList(request);
    const all = allPages(async (after) =>
      pageOf(await listComplaints(db, { ...filter, after, limit: 501 }), 500, ({ id }) => id),
    );
    const day = (at: Temporal.Instant | null) =>
      at === null ? '' : toWall(at, timeZone).toPlainDate().toString();
    return csv(
      reply,
      'complaints.csv',
      ['number', 'came in', 'acknowledge by', 'acknowledged', 'closed', 'state', 'name', 'email', 'text'],
      lines(all, (complaint) => [
        complaint.reference,
        day(complaint.receivedAt),
        day(complaint.acknowledgeBy),
        day(complaint.acknowledgedAt),
        day(complaint.closedAt),
        wordOf(complaint).state,
        complaint.name ?? '',
        complaint.email ?? '',
        complaint.text,
      ]),
    );
  });

  app.get<ById>('/admin/complaints/:id', async (request, reply) =>
    reply.page('admin/complaint', await model(request.params.id, freshForm())),
  );

  app.post<ById>('/admin/complaints/:id/acknowledge', async (request, reply) => {
    const { email } = await acknowledgeComplaint(db, request.params.id, await acting(request));
    await nudge();
    flash(
      request,
      'good',
      email === null ? 'Noted as acknowledged.' : 'Acknowledged. The person gets a mail that says so.',
    );
    return reply.redirect(`/admin/complaints/${request.params.id}`, 303);
  });

  app.post<ById>('/admin/complaints/:id/note', async (request, reply) => {
    const { id } = request.params;
    const context = await acting(request);
    const rejected = await attempt(request, 'note', (text) => noteOnComplaint(db, { id, text }, context));
    if (rejected !== undefined) return reply.code(422).page('admin/complaint', await model(id, rejected));
    flash(request, 'good', 'The note is kept.');
    return reply.redirect(`/admin/complaints/${id}`, 303);
  });

  app.post<ById>('/admin/complaints/:id/close', async (request, reply) => {
    const { id } = request.params;
    const context = await acting(request);
    const rejected = await attempt(request, 'outcome', (outcome) =>
      closeComplaint(db, { id, outcome }, context),
    );
    if (rejected !== undefined) return reply.code(422).page('admin/complaint', await model(id, rejected));
    flash(request, 'good', 'The complaint is closed.');
    return reply.redirect(`/admin/complaints/${id}`, 303);
  });

  app.post<ById>('/admin/complaints/:id/reopen', async (request, reply) => {
    await reopenComplaint(db, request.params.id, await acting(request));
    flash(request, 'good', 'The complaint is open again.');
    return reply.redirect(`/admin/complaints/${request.params.id}`, 303);
  });

  /** Does an act with the text of a field; gives the form again when the text will not do. */
  async function attempt(
    request: FastifyRequest,
    name: 'note' | 'outcome',
    act: (text: string) => Promise<unknown>,
  ): Promise<FormModel | undefined> {
    const text = field(request, name);
    try {
      await act(text);
      return undefined;
    } catch (error) {
      const form = rejectedForm({ [name]: text }, error, {});
      const message = (error as ConvenorError).problems[0]?.message ?? form.problems[0]!.message;
      const words = `The text ${message}.`;
      return { ...form, errors: { [name]: words }, problems: [{ field: name, message: words }] };
    }
  }

  async function model(id: string, form: FormModel) {
    const complaint = await readComplaint(db, id);
    const { timeZone } = await readSettings(db);
    const nameOf = await actorNames(db);
    return {
      title: `Complaint ${complaint.reference}`,
      section: 'complaints',
      back: { href: '/admin/complaints', label: 'Complaints' },
      form,
      complaint: {
        id,
        text: complaint.text,
        name: complaint.name ?? undefined,
        email: complaint.email ?? undefined,
        when: formatDateTime(complaint.receivedAt, timeZone),
        due: complaint.state === 'open' ? dueIn(complaint, timeZone) : undefined,
        isOpen: complaint.state === 'open',
        isClosed: complaint.state === 'closed',
        ...wordOf(complaint),
      },
      events: complaint.events.map((event) => ({
        what: EVENT_WORDS[event.kind],
        when: formatDateTime(event.at, timeZone),
        by: nameOf(event.actor),
        text: event.text,
      })),
    };
  }

  function dueIn({ acknowledgeBy }: Complaint, timeZone: string): string {
    const day = formatDate(toWall(acknowledgeBy, timeZone).toPlainDate());
    return `by ${day} (${fromNow(acknowledgeBy, clock.now(), timeZone)})`;
  }

  function wordOf(complaint: Complaint): Word {
    const late =
      complaint.state === 'open' && Temporal.Instant.compare(complaint.acknowledgeBy, clock.now()) <= 0;
    return late ? { state: 'overdue', tone: 'bad' } : STATE_WORDS[complaint.state];
  }
});
