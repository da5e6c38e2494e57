import { toInstant, toWall } from '../../calendar/wall.ts';
import { formatDate } from '../../calendar/format.ts';
import { TOPICS, type Topic } from '../../db/schema.ts';
import { notFound } from '../../kernel/errors.ts';
import { readSettings } from '../../organisation/settings.ts';
import { unsubscribe } from '../../subscribers/opt-out.ts';
import { changePreferences } from '../../subscribers/preferences.ts';
import { findSubscriber, type Subscriber } from '../../subscribers/subscribers.ts';
import { field, fieldList, freshForm, isAboutInput, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { TOPIC_WORDS } from '../words.ts';
import { evidenceOf, idFrom, masked } from './leave.ts';

type ByToken = { Params: { token: string } };

const TOPIC_HINTS: Readonly<Record<Topic, string>> = {
  meetings: 'Invitations and reminders for our meetings, about three mails a month.',
  training: 'Courses and training days.',
  vacancies: 'Open positions.',
  news: 'Everything else that concerns the group, now and then.',
};

const PAUSES = [
  ['', 'no pause'],
  ['1', 'for one month'],
  ['3', 'for three months'],
  ['6', 'for six months'],
] as const;

/** The page where people choose what they get. The signed link in each mail leads to it. */
export const preferencePages = routes({ name: 'preferences', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, links, addressHash, nudge } = app.deps;

  app.get<ByToken>('/preferences/:token', async (request, reply) => {
    const subscriber = await subscriberBy(request.params.token);
    return reply.page('public/preferences', await model(request.params.token, subscriber));
  });

  app.post<ByToken>('/preferences/:token', async (request, reply) => {
    const { token } = request.params;
    const subscriber = await subscriberBy(token);
    const evidence = evidenceOf(request);
    if (field(request, 'act') === 'leave') {
      await unsubscribe(
        db,
        { subscriberId: subscriber.id, topic: 'all', source: 'preferences', evidence },
        { clock },
      );
      void nudge();
      return reply.page('public/preferences', {
        ...(await model(token, await subscriberBy(token))),
        saved: 'You have left the list. You get no more mail from us.',
      });
    }
    const wanted = new Set(fieldList(request, 'topics'));
    const name = field(request, 'name');
    const pause = field(request, 'pause');
    try {
      await changePreferences(
        db,
        {
          subscriberId: subscriber.id,
          topics: Object.fromEntries(TOPICS.map((topic) => [topic, wanted.has(topic)])),
          name,
          ...(pause === 'keep' ? {} : { pausedUntil: await pauseUntil(pause) }),
          source: 'preferences',
          evidence,
        },
        { clock, addressHash },
      );
    } catch (error) {
      if (!isAboutInput(error)) throw error;
      const form = rejectedForm({ name, wanted: [...wanted] }, error, {
        name: 'Your name',
        pausedUntil: 'The pause',
      });
      return reply.code(422).page('public/preferences', await model(token, subscriber, form));
    }
    void nudge();
    return reply.page('public/preferences', {
      ...(await model(token, await subscriberBy(token))),
      saved: 'Your choice is saved. It holds from now on.',
    });
  });

  async function subscriberBy(token: string): Promise<Subscriber> {
    const id = idFrom(links, 'preferences', token);
    const subscriber = await findSubscriber(db, id);
    if (subscriber === undefined) throw notFound('subscriber', id);
    return subscriber;
  }

  async function pauseUntil(months: string): Promise<Temporal.Instant | null> {
    if (!['1', '3', '6'].includes(months)) return null;
    const { timeZone } = await readSettings(db);
    const day = toWall(clock.now(), timeZone)
      .toPlainDate()
      .add({ months: Number(months) });
    return toInstant(day.toPlainDateTime(), timeZone);
  }

  async function model(token: string, subscriber: Subscriber, form?: FormModel) {
    const { timeZone } = await readSettings(db);
    const chosen = form === undefined ? subscriber.topics : (form.values['wanted'] as readonly string[]);
    const paused =
      subscriber.pausedUntil !== null && Temporal.Instant.compare(subscriber.pausedUntil, clock.now()) > 0
        ? formatDate(toWall(subscriber.pausedUntil, timeZone).toPlainDate())
        : undefined;
    return {
      title: 'What you get from us',
      action: `/preferences/${token}`,
      address: masked(subscriber.email),
      form: form ?? freshForm({ name: subscriber.name ?? '' }),
      topics: TOPICS.map((topic) => ({
        topic,
        label: TOPIC_WORDS[topic],
        hint: TOPIC_HINTS[topic],
        chosen: (chosen as readonly string[]).includes(topic),
      })),
      paused,
      pauses: [
        ...(paused === undefined ? [] : [{ value: 'keep', label: `until ${paused}`, selected: true }]),
        ...PAUSES.map(([value, label]) => ({ value, label, selected: paused === undefined && value === '' })),
      ],
      hasLeft: subscriber.topics.length === 0,
    };
  }
});
