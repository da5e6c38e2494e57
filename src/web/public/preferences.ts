import { toInstant, toWall } from '../../calendar/wall.ts';
import { formatDate } from '../../calendar/format.ts';
import { TOPICS, type Topic } from '../../db/schema.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { readSettings } from '../../organisation/settings.ts';
import { eraseSubscriber } from '../../subscribers/erasure.ts';
import { undoUnsubscribe, unsubscribe, whenNothingIsUnderWay } from '../../subscribers/opt-out.ts';
import { changePreferences } from '../../subscribers/preferences.ts';
import { INVITATION_VALID, requestRecordLink } from '../../subscribers/self-service.ts';
import { findSubscriber, type Subscriber } from '../../subscribers/subscribers.ts';
import { currentWordings } from '../../subscribers/wordings.ts';
import type { Evidence } from '../../subscribers/consent-ledger.ts';
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

const LABELS = {
  name: 'Your name',
  pausedUntil: 'The day',
  topics: 'Your topics',
};

/** What an act has the page say. */
interface Said {
  readonly saved: string;
  readonly canUndo?: boolean;
}

/** The page where people choose what they get. The signed link in each mail leads to it. */
export const preferencePages = routes({ name: 'preferences', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, links, addressHash, nudge } = app.deps;

  /** What the buttons beside the form do. */
  const ACTS = new Map<string, (subscriberId: string, evidence: Evidence) => Promise<Said>>([
    [
      'leave',
      async (subscriberId, evidence) => {
        const { withdrawn } = await unsubscribe(
          db,
          { subscriberId, topic: 'all', source: 'preferences', evidence },
          { clock },
        );
        return {
          saved: 'You have left the list. You get no more mail from us.',
          canUndo: withdrawn.length > 0,
        };
      },
    ],
    [
      'undo',
      async (subscriberId, evidence) => {
        await undoUnsubscribe(db, { subscriberId, source: 'preferences', evidence }, { clock });
        return { saved: 'You are on the list again.' };
      },
    ],
    [
      'record',
      async (subscriberId) => {
        await requestRecordLink(db, subscriberId, { clock });
        return { saved: 'We have sent the link to your address. It works for one day.' };
      },
    ],
  ]);

  app.get<ByToken>('/preferences/:token', async (request, reply) => {
    const subscriber = await subscriberBy(request.params.token);
    return reply.page('public/preferences', await model(request.params.token, subscriber));
  });

  app.post<ByToken>('/preferences/:token', async (request, reply) => {
    const { token } = request.params;
    const subscriber = await subscriberBy(token);
    const said = await ACTS.get(field(request, 'act'))?.(subscriber.id, evidenceOf(request));
    if (said !== undefined) {
      void nudge();
      await whenNothingIsUnderWay(db, subscriber.id);
      return reply.page('public/preferences', {
        ...(await model(token, await subscriberBy(token))),
        ...said,
      });
    }
    const values = {
      wanted: fieldList(request, 'topics'),
      name: field(request, 'name'),
      pause: field(request, 'pause'),
      pausedUntil: field(request, 'pausedUntil'),
    };
    try {
      const wanted = new Set(values.wanted);
      await changePreferences(
        db,
        {
          subscriberId: subscriber.id,
          topics: Object.fromEntries(TOPICS.map((topic) => [topic, wanted.has(topic)])),
          name: values.name,
          ...(await pauseOf(values)),
          wordings: await wordingsShown(fieldList(request, 'wording'), wanted),
          source: 'preferences',
          evidence: evidenceOf(request),
        },
        { clock, addressHash },
      );
    } catch (error) {
      if (!isAboutInput(error)) throw error;
      const form = rejectedForm(values, error, LABELS);
      return reply.code(422).page('public/preferences', await model(token, subscriber, form));
    }
    void nudge();
    await whenNothingIsUnderWay(db, subscriber.id);
    return reply.page('public/preferences', {
      ...(await model(token, await subscriberBy(token))),
      saved: 'Your choice is saved. It holds from now on.',
    });
  });

  app.get<ByToken>('/preferences/:token/erase', async (request, reply) => {
    const { token } = request.params;
    const subscriber = await subscriberBy(token);
    return reply.page('public/erase', {
      title: 'Delete everything about you?',
      action: `/preferences/${token}/erase`,
      preferences: `/preferences/${token}`,
      address: masked(subscriber.email),
    });
  });

  app.post<ByToken>('/preferences/:token/erase', async (request, reply) => {
    const { id } = await subscriberBy(request.params.token);
    await unsubscribe(
      db,
      { subscriberId: id, topic: 'all', source: 'preferences', evidence: evidenceOf(request) },
      { clock },
    );
    await whenNothingIsUnderWay(db, id);
    await eraseSubscriber(db, { id, by: 'preferences' }, { clock, addressHash, actor: `subscriber:${id}` });
    void nudge();
    return reply.page('public/erased', { title: 'We have deleted everything about you' });
  });

  async function subscriberBy(token: string): Promise<Subscriber> {
    const id = idFrom(links, 'preferences', token);
    const subscriber = await findSubscriber(db, id);
    if (subscriber === undefined) {
      throw new ConvenorError(
        'not_found',
        'We keep nothing about you any more, and you get no mail from us.',
      );
    }
    return subscriber;
  }

  /** A day that was typed goes before the list of periods. */
  async function pauseOf({ pause, pausedUntil }: { pause: string; pausedUntil: string }) {
    const { timeZone } = await readSettings(db);
    const start = (day: Temporal.PlainDate) => ({ pausedUntil: toInstant(day.toPlainDateTime(), timeZone) });
    if (pausedUntil !== '') return start(dayFrom(pausedUntil));
    if (pause === 'keep') return {};
    if (!['1', '3', '6'].includes(pause)) return { pausedUntil: null };
    return start(today(timeZone).add({ months: Number(pause) }));
  }

  /** The wordings beside the boxes that were ticked, when they are still the ones that the page shows. */
  async function wordingsShown(shown: readonly string[], wanted: ReadonlySet<string>) {
    const current = await currentWordings(db, { clock });
    const ticked = TOPICS.filter((topic) => wanted.has(topic) && shown.length > 0);
    if (ticked.some((topic) => !shown.includes(current[topic].id))) {
      throw invalidInput({
        field: 'topics',
        message: 'stand beside a text that has changed meanwhile. Please read it, and save again',
      });
    }
    return Object.fromEntries(ticked.map((topic) => [topic, current[topic].id]));
  }

  function today(timeZone: string): Temporal.PlainDate {
    return toWall(clock.now(), timeZone).toPlainDate();
  }

  async function model(token: string, subscriber: Subscriber, form?: FormModel) {
    const { timeZone } = await readSettings(db);
    const wordings = await currentWordings(db, { clock });
    const chosen: readonly string[] =
      form === undefined ? subscriber.topics : (form.values['wanted'] as readonly string[]);
    const paused =
      subscriber.pausedUntil !== null && Temporal.Instant.compare(subscriber.pausedUntil, clock.now()) > 0
        ? formatDate(toWall(subscriber.pausedUntil, timeZone).toPlainDate())
        : undefined;
    return {
      title: 'What you get from us',
      action: `/preferences/${token}`,
      address: masked(subscriber.email),
      form: form ?? freshForm({ name: subscriber.name ?? '' }),
      firstDay: today(timeZone).add({ days: 1 }).toString(),
      lastDay: today(timeZone).add({ days: 365 }).toString(),
      topics: TOPICS.map((topic) => ({
        topic,
        label: TOPIC_WORDS[topic],
        about: TOPIC_HINTS[topic],
        wording: wordings[topic].text,
        wordingId: wordings[topic].id,
        chosen: chosen.includes(topic),
      })),
      paused,
      pauses: [
        ...(paused === undefined ? [] : [{ value: 'keep', label: `until ${paused}`, selected: true }]),
        ...PAUSES.map(([value, label]) => ({ value, label, selected: paused === undefined && value === '' })),
      ],
      hasLeft: subscriber.topics.length === 0,
      inviteLink: links.inviteUrl(subscriber.id, clock.now().add(INVITATION_VALID)),
      saved: undefined as string | undefined,
      canUndo: false,
    };
  }
});

/** @throws ConvenorError `invalid_input` for `pausedUntil`. */
function dayFrom(text: string): Temporal.PlainDate {
  try {
    return Temporal.PlainDate.from(text);
  } catch {
    throw invalidInput({ field: 'pausedUntil', message: 'must be a date, such as 2027-06-30' });
  }
}
