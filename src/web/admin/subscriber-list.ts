import type { FastifyRequest } from 'fastify';
import { formatShortDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { MEMBER_KINDS, SUBSCRIBER_STATES, TOPICS } from '../../db/schema.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import {
  countSubscribers,
  searchSubscribers,
  subscribersByState,
  type SubscriberFilter,
  type SubscriberOrder,
} from '../../subscribers/subscriber-search.ts';
import { SUPPRESSION_WORDS } from '../../subscribers/suppressions.ts';
import { acting } from '../acting.ts';
import { allPages, csv, lines } from '../csv.ts';
import { readList } from '../lists.ts';
import { routes } from '../plugin.ts';
import { capital } from '../views.ts';
import { grouped, people, SUBSCRIBER_WORDS, TOPIC_WORDS } from '../words.ts';

const PAGE = 50;

/** The list of subscribers: searched, narrowed, sorted, page by page, and as a file. */
export const subscriberListPages = routes({ name: 'subscriber list', needs: ['access', 'pages'] }, (app) => {
  const { db } = app.deps;

  app.get('/admin/subscribers', async (request, reply) => {
    const { settings } = await acting(request);
    const { list, filter } = subscriberList(request);
    const { subscribers, next } = await searchSubscribers(db, {
      ...filter,
      order: list.order,
      limit: PAGE,
      ...(list.after === undefined ? {} : { after: list.after }),
    });
    const states = await subscribersByState(db);
    const everybody = Object.values(states).reduce((a, b) => a + b, 0);
    const { state, ...narrowed } = filter;
    const all = state === undefined ? everybody : states[state];
    const isWhole = list.after === undefined && next === undefined;
    const total =
      Object.keys(narrowed).length === 0
        ? all
        : isWhole
          ? subscribers.length
          : await countSubscribers(db, filter);
    return reply.page('admin/subscribers', {
      title: 'Subscribers',
      section: 'subscribers',
      list: list.view({ rows: subscribers.length, next }),
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
      tabs: [
        {
          href: list.address({ state: '' }),
          label: 'Everybody',
          count: grouped(everybody),
          current: state === undefined,
        },
        ...SUBSCRIBER_STATES.map((one) => ({
          href: list.address({ state: one }),
          label: capital(SUBSCRIBER_WORDS[one].state),
          count: grouped(states[one]),
          current: state === one,
        })),
      ],
      nobodyYet: everybody === 0,
      total: people(total),
      subscribers: subscribers.map((one) => ({
        id: one.id,
        email: one.email,
        name: one.name ?? '',
        topics: one.topics.map((topic) => TOPIC_WORDS[topic]).join(', '),
        since: formatShortDate(toWall(one.createdAt, settings.timeZone).toPlainDate()),
        ...(one.suppressed === null ? SUBSCRIBER_WORDS[one.state] : { state: 'do not mail', tone: 'bad' }),
      })),
    });
  });

  app.get('/admin/subscribers/list.csv', async (request, reply) => {
    const { settings } = await acting(request);
    const { list, filter } = subscriberList(request);
    const everybody = allPages(async (after) => {
      const { subscribers, next } = await searchSubscribers(db, {
        ...filter,
        order: list.order,
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
});

function subscriberList(request: FastifyRequest) {
  const list = readList<SubscriberOrder>(request, {
    path: '/admin/subscribers',
    file: '/admin/subscribers/list.csv',
    orders: { address: 'by address', name: 'by name', newest: 'the newest first' },
    filters: ['topic', 'kind', 'suppressed'],
    tabs: ['state'],
  });
  const { text } = list;
  const state = SUBSCRIBER_STATES.find((one) => one === list.value('state'));
  const topic = TOPICS.find((one) => one === list.value('topic'));
  const memberKind = MEMBER_KINDS.find((one) => one === list.value('kind'));
  const suppressed = list.value('suppressed');
  const filter: SubscriberFilter = {
    ...(text === '' ? {} : { text }),
    ...(state === undefined ? {} : { state }),
    ...(topic === undefined ? {} : { topic }),
    ...(memberKind === undefined ? {} : { memberKind }),
    ...(suppressed === 'yes' || suppressed === 'no' ? { suppressed: suppressed === 'yes' } : {}),
  };
  return { list, filter };
}

function choiceOf(any: string, choices: readonly (readonly [string, string])[], chosen: string | undefined) {
  return [
    { value: '', label: any, selected: chosen === undefined },
    ...choices.map(([value, label]) => ({ value, label, selected: value === chosen })),
  ];
}
