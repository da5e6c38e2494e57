import type { FastifyReply, FastifyRequest } from 'fastify';
import { attendanceOfPerson } from '../../attendance/report.ts';
import { formatDate, formatDateTime, formatShortDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { MEMBER_KINDS, SUBSCRIBER_STATES, TOPICS, type Topic } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import { changePreferences } from '../../subscribers/preferences.ts';
import { subscriberRecord } from '../../subscribers/subscriber-record.ts';
import {
  countSubscribers,
  searchSubscribers,
  SUBSCRIBER_ORDERS,
  subscribersByState,
  type SubscriberFilter,
  type SubscriberOrder,
} from '../../subscribers/subscriber-search.ts';
import {
  addSubscriber,
  allowAgain,
  getSubscriber,
  removeSubscriber,
  updateSubscriber,
} from '../../subscribers/subscribers.ts';
import { SUPPRESSION_WORDS } from '../../subscribers/suppressions.ts';
import { acting } from '../acting.ts';
import { allPages, csv, lines } from '../csv.ts';
import { field, fieldList, freshForm, isAboutInput, query, rejectedForm, isUuid } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import {
  counted,
  DELIVERY_WORDS,
  grouped,
  people,
  SOURCE_WORDS,
  SUBSCRIBER_WORDS,
  TOPIC_WORDS,
} from '../words.ts';
import { capital } from '../views.ts';

type ById = { Params: { id: string } };

const PAGE = 50;
const LABELS = {
  email: 'E-mail address',
  name: 'Name',
  memberKind: 'Membership',
  hcpcNumber: 'HCPC number',
  note: 'How they agreed',
  topics: 'Topics',
  reason: 'Why',
};
const FIELDS = ['email', 'name', 'memberKind', 'hcpcNumber', 'note'] as const;

/** Subscribers: search, one person's whole history, adding, correcting, removing. */
export const subscriberPages = routes({ name: 'subscribers', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, addressHash, nudge } = app.deps;

  app.get('/admin/subscribers', async (request, reply) => {
    const { settings } = await acting(request);
    const filter = filterOf(request);
    const order = orderOf(request);
    const after = query(request, 'after');
    const { subscribers, next } = await searchSubscribers(db, {
      ...filter,
      order,
      limit: PAGE,
      ...(isUuid(after) ? { after } : {}),
    });
    const states = await subscribersByState(db);
    const everybody = Object.values(states).reduce((a, b) => a + b, 0);
    const complete = after === '' && next === undefined;
    const { state: _, ...narrowed } = filter;
    const total =
      Object.keys(narrowed).length === 0
        ? filter.state === undefined
          ? everybody
          : states[filter.state]
        : complete
          ? subscribers.length
          : await countSubscribers(db, filter);
    const parameters = addressOf(filter, order);
    return reply.page('admin/subscribers', {
      title: 'Subscribers',
      section: 'subscribers',
      text: filter.text ?? '',
      topicOptions: choiceOf(
        'any topic',
        TOPICS.map((topic) => [topic, TOPIC_WORDS[topic]]),
        filter.topic,
      ),
      kindOptions: choiceOf(
        'everybody',
        MEMBER_KINDS.map((kind) => [kind, capital(`${MEMBER_KIND_WORDS[kind]}s`)]),
        filter.memberKind,
      ),
      mailOptions: choiceOf(
        'everybody',
        [
          ['yes', 'only “do not mail”'],
          ['no', 'without “do not mail”'],
        ],
        filter.suppressed === undefined ? undefined : filter.suppressed ? 'yes' : 'no',
      ),
      orderOptions: SUBSCRIBER_ORDERS.map((value) => ({
        value,
        label: ORDER_WORDS[value],
        selected: value === order,
      })),
      tabs: [
        {
          href: address({ ...parameters, state: undefined }),
          label: 'Everybody',
          count: grouped(everybody),
          current: filter.state === undefined,
        },
        ...SUBSCRIBER_STATES.map((state) => ({
          href: address({ ...parameters, state }),
          label: capital(SUBSCRIBER_WORDS[state].state),
          count: grouped(states[state]),
          current: filter.state === state,
        })),
      ],
      state: filter.state ?? '',
      searched: Object.keys(filter).length > 0,
      total: people(total),
      subscribers: subscribers.map((one) => ({
        id: one.id,
        email: one.email,
        name: one.name ?? '',
        topics: one.topics.map((topic) => TOPIC_WORDS[topic]).join(', '),
        since: formatShortDate(toWall(one.createdAt, settings.timeZone).toPlainDate()),
        ...(one.suppressed === null ? SUBSCRIBER_WORDS[one.state] : { state: 'do not mail', tone: 'bad' }),
      })),
      csv: total === 0 ? undefined : address(parameters, '/admin/subscribers/list.csv'),
      start: after === '' ? undefined : address(parameters),
      next: next === undefined ? undefined : address({ ...parameters, after: next }),
    });
  });

  app.get('/admin/subscribers/list.csv', async (request, reply) => {
    const { settings } = await acting(request);
    const filter = filterOf(request);
    const order = orderOf(request);
    const everybody = allPages(async (after) => {
      const { subscribers, next } = await searchSubscribers(db, {
        ...filter,
        order,
        limit: 1_000,
        ...(after === undefined ? {} : { after }),
      });
      return { rows: subscribers, next };
    });
    return csv(
      reply,
      'subscribers.csv',
      ['email', 'name', 'membership', 'topics', 'state', 'since', 'do not mail'],
      lines(everybody, (one) => [
        one.email,
        one.name ?? '',
        one.memberKind === null ? '' : MEMBER_KIND_WORDS[one.memberKind],
        one.topics.join(';'),
        SUBSCRIBER_WORDS[one.state].state,
        toWall(one.createdAt, settings.timeZone).toPlainDate().toString(),
        one.suppressed === null ? '' : SUPPRESSION_WORDS[one.suppressed],
      ]),
    );
  });

  app.get('/admin/subscribers/new', async (_request, reply) =>
    reply.page('admin/subscriber-form', newForm(freshForm(), ['meetings'])),
  );

  app.post('/admin/subscribers/new', async (request, reply) => {
    const context = await acting(request);
    const values = posted(request);
    const topics = fieldList(request, 'topics');
    try {
      const { email, name, memberKind, hcpcNumber, note } = values;
      const added = await addSubscriber(
        db,
        {
          email: email!,
          name: name!,
          memberKind: memberKind!,
          hcpcNumber: hcpcNumber!,
          topics,
          ...(note ? { note } : {}),
        },
        { ...context, addressHash },
      );
      await nudge();
      flash(request, 'good', 'The person is on the list.');
      return await reply.redirect(`/admin/subscribers/${added.id}`, 303);
    } catch (error) {
      return reply
        .code(422)
        .page('admin/subscriber-form', newForm(rejectedForm(values, error, LABELS), topics));
    }
  });

  app.get<ById>('/admin/subscribers/:id', async (request, reply) =>
    showPerson(request, reply, request.params.id),
  );

  app.get<ById>('/admin/subscribers/:id/edit', async (request, reply) => {
    const { email, name, memberKind, hcpcNumber } = await getSubscriber(db, request.params.id);
    const values = { email, name: name ?? '', memberKind: memberKind ?? '', hcpcNumber: hcpcNumber ?? '' };
    return reply.page('admin/subscriber-form', editForm(request.params.id, freshForm(values)));
  });

  app.post<ById>('/admin/subscribers/:id/edit', async (request, reply) => {
    const context = await acting(request);
    const { note: _, ...values } = posted(request);
    try {
      await updateSubscriber(db, { id: request.params.id, ...values }, { ...context, addressHash });
    } catch (error) {
      return reply
        .code(422)
        .page('admin/subscriber-form', editForm(request.params.id, rejectedForm(values, error, LABELS)));
    }
    flash(request, 'good', 'Saved.');
    return reply.redirect(`/admin/subscribers/${request.params.id}`, 303);
  });

  app.post<ById>('/admin/subscribers/:id/topics', async (request, reply) => {
    await acting(request);
    const wanted = new Set(fieldList(request, 'topics'));
    const note = field(request, 'note');
    try {
      await changePreferences(
        db,
        {
          subscriberId: request.params.id,
          topics: Object.fromEntries(TOPICS.map((topic) => [topic, wanted.has(topic)])),
          source: 'administrator',
          note: note || 'changed by an administrator',
        },
        { clock, addressHash },
      );
    } catch (error) {
      if (!isAboutInput(error) && !(error instanceof ConvenorError && error.code === 'wrong_state'))
        throw error;
      flash(request, 'bad', error.message);
      return reply.redirect(`/admin/subscribers/${request.params.id}`, 303);
    }
    await nudge();
    flash(request, 'good', 'Saved. It holds from now on.');
    return reply.redirect(`/admin/subscribers/${request.params.id}`, 303);
  });

  app.get<ById>('/admin/subscribers/:id/remove', async (request, reply) => {
    const subscriber = await getSubscriber(db, request.params.id);
    return reply.page('admin/remove-subscriber', removeForm(subscriber, freshForm()));
  });

  app.post<ById>('/admin/subscribers/:id/remove', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const reason = field(request, 'reason');
    try {
      await removeSubscriber(db, { id, reason }, { ...context, addressHash });
    } catch (error) {
      const form = rejectedForm({ reason }, error, LABELS);
      return reply.code(422).page('admin/remove-subscriber', removeForm(await getSubscriber(db, id), form));
    }
    await nudge();
    flash(
      request,
      'good',
      'Removed. Nothing more goes to this address, and it cannot come back by an import.',
    );
    return reply.redirect(`/admin/subscribers/${id}`, 303);
  });

  app.post<ById>('/admin/subscribers/:id/allow', async (request, reply) => {
    const context = await acting(request);
    await allowAgain(db, { id: request.params.id }, { ...context, addressHash });
    flash(request, 'good', 'The address may get mail again. The person can join anew by the form.');
    return reply.redirect(`/admin/subscribers/${request.params.id}`, 303);
  });

  async function showPerson(request: FastifyRequest, reply: FastifyReply, id: string) {
    const { timeZone } = (await acting(request)).settings;
    const subscriber = await getSubscriber(db, id);
    const record = await subscriberRecord(db, id);
    const time = (at: Temporal.Instant) => formatDateTime(at, timeZone);
    return reply.page('admin/subscriber', {
      title: subscriber.name ?? subscriber.email,
      section: 'subscribers',
      back: { href: '/admin/subscribers', label: 'Subscribers' },
      person: {
        id: subscriber.id,
        email: subscriber.email,
        ...SUBSCRIBER_WORDS[subscriber.state],
        since: formatDate(toWall(subscriber.createdAt, timeZone).toPlainDate()),
        kind: subscriber.memberKind === null ? undefined : capital(MEMBER_KIND_WORDS[subscriber.memberKind]),
        hcpcNumber: subscriber.hcpcNumber ?? undefined,
        paused:
          subscriber.pausedUntil !== null && Temporal.Instant.compare(subscriber.pausedUntil, clock.now()) > 0
            ? time(subscriber.pausedUntil)
            : undefined,
        suppressed:
          subscriber.suppressed === null
            ? undefined
            : `${capital(SUPPRESSION_WORDS[subscriber.suppressed])}.`,
        canAllow: subscriber.suppressed === 'removed' || subscriber.suppressed === 'bounced',
        canRemove: subscriber.state !== 'removed',
        onList: subscriber.state === 'active',
      },
      topics: topicChoices(subscriber.topics),
      consent: record.consent.map((event) => ({
        when: time(event.at),
        given: event.act === 'given',
        what: `${event.act === 'given' ? 'Agreed to' : event.act === 'withdrawn' ? 'Turned off' : 'Lapsed:'} ${TOPIC_WORDS[event.topic].toLowerCase()}`,
        how: capital(SOURCE_WORDS[event.source]),
        note: event.note ?? undefined,
        wording: event.wordingText ?? undefined,
        from: event.ip ?? undefined,
      })),
      messages: record.messages.map((message) => ({
        href: `/admin/announcements/${message.announcementId}`,
        title: message.title,
        when: formatDateTime(message.settledAt ?? message.plannedFor, timeZone),
        reason: message.reason ?? '',
        ...DELIVERY_WORDS[message.state],
      })),
      serviceMails: record.serviceMails.map((mail) => ({
        kind: SERVICE_MAIL_WORDS[mail.kind] ?? capital(mail.kind.replaceAll('-', ' ')),
        when: time(mail.createdAt),
        ...DELIVERY_WORDS[mail.state],
      })),
      meetings: (await attendanceOfPerson(db, id)).map((meeting) => ({
        href: `/admin/meetings/${meeting.meetingId}`,
        title: meeting.title,
        when: formatDateTime(meeting.startsAt, meeting.zone),
        answer: meeting.answer === null ? '' : ANSWER_WORDS[meeting.answer],
        came:
          meeting.minutes === null
            ? ''
            : meeting.minutes === 0
              ? 'came for less than a minute'
              : `came for ${counted(meeting.minutes, 'minute')}`,
        certificate: meeting.checkCode ?? '',
      })),
      complaints: record.complaints.map((complaint) => ({
        reference: complaint.reference,
        when: time(complaint.receivedAt),
        ...COMPLAINT_WORDS[complaint.state],
      })),
      acts: record.administration.map(({ at, action }) => ({
        when: time(at),
        what: capital(action.replace(/^[a-z]+\./, '').replaceAll('_', ' ')),
      })),
    });
  }
});

const ANSWER_WORDS: Readonly<Record<string, string>> = {
  yes: 'said yes',
  no: 'said no',
  maybe: 'said maybe',
};

const SERVICE_MAIL_WORDS: Readonly<Record<string, string>> = {
  'confirm-subscription': 'Asked to confirm the address',
  welcome: 'Welcome',
};

const COMPLAINT_WORDS = {
  open: { state: 'waits', tone: 'warn' },
  acknowledged: { state: 'acknowledged', tone: 'info' },
  closed: { state: 'closed', tone: '' },
} as const;

function posted(request: FastifyRequest): Partial<Record<(typeof FIELDS)[number], string>> {
  return Object.fromEntries(FIELDS.map((name) => [name, field(request, name)]));
}

const ORDER_WORDS: Readonly<Record<SubscriberOrder, string>> = {
  address: 'by address',
  name: 'by name',
  newest: 'the newest first',
};

function filterOf(request: FastifyRequest): SubscriberFilter {
  const text = query(request, 'text');
  const state = SUBSCRIBER_STATES.find((one) => one === query(request, 'state'));
  const topic = TOPICS.find((one) => one === query(request, 'topic'));
  const memberKind = MEMBER_KINDS.find((one) => one === query(request, 'kind'));
  const suppressed = query(request, 'suppressed');
  return {
    ...(text === '' ? {} : { text }),
    ...(state === undefined ? {} : { state }),
    ...(topic === undefined ? {} : { topic }),
    ...(memberKind === undefined ? {} : { memberKind }),
    ...(suppressed === 'yes' || suppressed === 'no' ? { suppressed: suppressed === 'yes' } : {}),
  };
}

function orderOf(request: FastifyRequest): SubscriberOrder {
  return SUBSCRIBER_ORDERS.find((one) => one === query(request, 'order')) ?? 'address';
}

type Parameters = Readonly<Record<string, string | undefined>>;

/** The filter and the order as they stand in an address. */
function addressOf(
  { memberKind, suppressed, ...filter }: SubscriberFilter,
  order: SubscriberOrder,
): Parameters {
  return {
    ...filter,
    kind: memberKind,
    suppressed: suppressed === undefined ? undefined : suppressed ? 'yes' : 'no',
    order: order === 'address' ? undefined : order,
  };
}

/** The list's address, or that of its file, with these parameters. */
function address(parameters: Parameters, base = '/admin/subscribers'): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? base : `${base}?${new URLSearchParams(given).toString()}`;
}

function choiceOf(any: string, choices: readonly (readonly [string, string])[], chosen: string | undefined) {
  return [
    { value: '', label: any, selected: chosen === undefined },
    ...choices.map(([value, label]) => ({ value, label, selected: value === chosen })),
  ];
}

export function topicChoices(chosen: readonly string[]) {
  return TOPICS.map((topic: Topic) => ({ topic, label: TOPIC_WORDS[topic], chosen: chosen.includes(topic) }));
}

function kindOptions(chosen: unknown) {
  return [
    { value: '', label: 'not known', selected: !chosen },
    ...Object.entries(MEMBER_KIND_WORDS).map(([, label]) => ({
      value: label,
      label: capital(label),
      selected: label.replace(' ', '_') === String(chosen).replace(' ', '_'),
    })),
  ];
}

function newForm(form: ReturnType<typeof freshForm>, topics: readonly string[]) {
  return {
    title: 'Add somebody',
    section: 'subscribers',
    back: { href: '/admin/subscribers', label: 'Subscribers' },
    lead: 'Only add people who agreed to get mail from the group.',
    action: '/admin/subscribers/new',
    isNew: true,
    topics: topicChoices(topics),
    kinds: kindOptions(form.values['memberKind']),
    form,
    saveLabel: 'Add to the list',
  };
}

function editForm(id: string, form: ReturnType<typeof freshForm>) {
  return {
    title: 'Correct details',
    section: 'subscribers',
    back: { href: `/admin/subscribers/${id}`, label: 'Back' },
    action: `/admin/subscribers/${id}/edit`,
    isNew: false,
    topics: [],
    kinds: kindOptions(form.values['memberKind']),
    form,
    saveLabel: 'Save',
  };
}

function removeForm(
  subscriber: { id: string; email: string; name: string | null },
  form: ReturnType<typeof freshForm>,
) {
  return {
    title: `Remove ${subscriber.name ?? subscriber.email}?`,
    section: 'subscribers',
    back: { href: `/admin/subscribers/${subscriber.id}`, label: subscriber.name ?? subscriber.email },
    person: { id: subscriber.id, email: subscriber.email },
    form,
  };
}
