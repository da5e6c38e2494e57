import type { FastifyReply, FastifyRequest } from 'fastify';
import { formatDate, formatDateTime, formatShortDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { SUBSCRIBER_STATES, TOPICS, type Topic } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import { changePreferences } from '../../subscribers/preferences.ts';
import { subscriberRecord } from '../../subscribers/subscriber-record.ts';
import {
  countSubscribers,
  searchSubscribers,
  subscribersByState,
  type SubscriberFilter,
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
import { field, fieldList, freshForm, isAboutInput, query, rejectedForm, isUuid } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { DELIVERY_WORDS, grouped, people, SOURCE_WORDS, SUBSCRIBER_WORDS, TOPIC_WORDS } from '../words.ts';
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
    const after = query(request, 'after');
    const { subscribers, next } = await searchSubscribers(db, {
      ...filter,
      limit: PAGE,
      ...(isUuid(after) ? { after } : {}),
    });
    const total = await countSubscribers(db, filter);
    const states = await subscribersByState(db);
    const text = query(request, 'text');
    return reply.page('admin/subscribers', {
      title: 'Subscribers',
      section: 'subscribers',
      text,
      topicOptions: [
        { value: '', label: 'any topic', selected: filter.topic === undefined },
        ...TOPICS.map((topic) => ({
          value: topic,
          label: TOPIC_WORDS[topic],
          selected: filter.topic === topic,
        })),
      ],
      tabs: [
        {
          href: address({ text, topic: filter.topic }),
          label: 'Everybody',
          count: grouped(Object.values(states).reduce((a, b) => a + b, 0)),
          current: filter.state === undefined,
        },
        ...SUBSCRIBER_STATES.map((state) => ({
          href: address({ text, topic: filter.topic, state }),
          label: capital(SUBSCRIBER_WORDS[state].state),
          count: grouped(states[state]),
          current: filter.state === state,
        })),
      ],
      state: filter.state ?? '',
      searched: text !== '' || filter.topic !== undefined || filter.state !== undefined,
      total: people(total),
      subscribers: subscribers.map((one) => ({
        id: one.id,
        email: one.email,
        name: one.name ?? '',
        topics: one.topics.map((topic) => TOPIC_WORDS[topic]).join(', '),
        since: formatShortDate(toWall(one.createdAt, settings.timeZone).toPlainDate()),
        ...(one.suppressed === null ? SUBSCRIBER_WORDS[one.state] : { state: 'do not mail', tone: 'bad' }),
      })),
      next:
        next === undefined
          ? undefined
          : address({ text, topic: filter.topic, state: filter.state, after: next }),
    });
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
        kind: mail.kind,
        when: time(mail.createdAt),
        state: mail.state,
      })),
    });
  }
});

function posted(request: FastifyRequest): Partial<Record<(typeof FIELDS)[number], string>> {
  return Object.fromEntries(FIELDS.map((name) => [name, field(request, name)]));
}

function filterOf(request: FastifyRequest): SubscriberFilter {
  const text = query(request, 'text');
  const state = SUBSCRIBER_STATES.find((one) => one === query(request, 'state'));
  const topic = TOPICS.find((one) => one === query(request, 'topic'));
  return {
    ...(text === '' ? {} : { text }),
    ...(state === undefined ? {} : { state }),
    ...(topic === undefined ? {} : { topic }),
  };
}

/** The list's address with these parameters. */
function address(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0
    ? '/admin/subscribers'
    : `/admin/subscribers?${new URLSearchParams(given).toString()}`;
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
