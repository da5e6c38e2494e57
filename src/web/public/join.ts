import type { FastifyReply, FastifyRequest } from 'fastify';
import { formatDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { TOPICS } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { readSettings } from '../../organisation/settings.ts';
import {
  confirmJoining,
  readJoinRequest,
  startJoining,
  type JoinRequest,
} from '../../subscribers/joining.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import { findSubscriber } from '../../subscribers/subscribers.ts';
import { currentWordings } from '../../subscribers/wordings.ts';
import { field, fieldList, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { capital } from '../views.ts';
import { TOPIC_WORDS } from '../words.ts';
import { evidenceOf, idFrom, masked, pathOf } from './leave.ts';
import { isFilledByMachine, SENDING_IN, withSentences } from './open-form.ts';

type ByToken = { Params: { token: string } };

const LABELS = { email: 'Your e-mail address', name: 'Your name', hcpcNumber: 'The HCPC number' };
const SENTENCES = {
  memberKind: 'Say whether you are an occupational therapist or a student.',
  topics: 'Tick at least one thing that you want mail about.',
  declaration: 'Tick that this is so: the group is for the people it describes.',
};

/**
 * Joining: a form with a choice per topic, and the page behind the link in the mail that confirms it. The answer
 * to the form is the same whoever the address belongs to.
 */
export const joinPages = routes({ name: 'join', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, links, addressHash, nudge } = app.deps;

  app.get('/join', async (_request, reply) =>
    reply.page('public/join', await formPage('/join', freshForm())),
  );

  app.get<ByToken>('/join/:token', async (request, reply) => {
    const { token } = request.params;
    return reply.page('public/join', {
      ...(await formPage(`/join/${token}`, freshForm())),
      invitation: invitation(token),
    });
  });

  app.post('/join', { config: { rateLimit: SENDING_IN } }, async (request, reply) =>
    takeIn(request, reply, '/join'),
  );

  app.post<ByToken>('/join/:token', { config: { rateLimit: SENDING_IN } }, async (request, reply) => {
    const { token } = request.params;
    const { invitedBy } = invitation(token);
    return takeIn(request, reply, `/join/${token}`, invitedBy);
  });

  app.get<ByToken>('/join/confirm/:token', async (request, reply) => {
    const { token } = request.params;
    const asked = await requestBy(token);
    if (asked.confirmedAt !== null) return confirmedPage(reply, asked.subscriberId);
    const subscriber = await findSubscriber(db, asked.subscriberId);
    return reply.page('public/join-confirm', {
      title: 'One last step',
      action: `/join/confirm/${token}`,
      address: subscriber === undefined ? '' : masked(subscriber.email),
      topics: asked.topics.map((topic) => TOPIC_WORDS[topic].toLowerCase()),
      askedOn: formatDate(toWall(asked.requestedAt, (await readSettings(db)).timeZone).toPlainDate()),
    });
  });

  app.post<ByToken>('/join/confirm/:token', async (request, reply) => {
    const { id } = await requestBy(request.params.token);
    const { subscriberId } = await confirmJoining(
      db,
      { requestId: id, evidence: evidenceOf(request) },
      { clock, addressHash },
    );
    void nudge();
    return confirmedPage(reply, subscriberId);
  });

  async function takeIn(request: FastifyRequest, reply: FastifyReply, action: string, invitedBy?: string) {
    const values = {
      email: field(request, 'email'),
      name: field(request, 'name'),
      memberKind: field(request, 'memberKind'),
      hcpcNumber: field(request, 'hcpcNumber'),
      topics: fieldList(request, 'topics'),
      declaration: field(request, 'declaration') !== '',
    };
    const answer = { title: 'Look in your inbox', address: values.email, action };
    if (isFilledByMachine(request)) return reply.page('public/join-sent', answer);
    try {
      await startJoining(
        db,
        {
          form: values,
          evidence: evidenceOf(request),
          ...(invitedBy === undefined ? {} : { invitedBy }),
        },
        { clock, addressHash },
      );
    } catch (error) {
      const form = withSentences(rejectedForm(values, error, LABELS), {
        ...SENTENCES,
        ...(values.email === '' ? { email: 'Give your e-mail address.' } : {}),
      });
      return reply.code(422).page('public/join', await formPage(action, form));
    }
    void nudge();
    return reply.page('public/join-sent', answer);
  }

  async function formPage(action: string, form: FormModel) {
    const wordings = await currentWordings(db, { clock });
    const chosen = (form.values['topics'] ?? []) as readonly string[];
    return {
      title: 'Join the group',
      action,
      form,
      topics: TOPICS.map((topic) => ({
        topic,
        label: TOPIC_WORDS[topic],
        text: wordings[topic].text,
        chosen: chosen.includes(topic),
      })),
      memberKinds: Object.entries(MEMBER_KIND_WORDS).map(([memberKind, words]) => ({
        memberKind,
        words: capital(words),
        chosen: form.values['memberKind'] === memberKind,
      })),
      declaration: wordings.declaration.text,
      invitation: undefined as { text: string } | undefined,
    };
  }

  /** An invitation that is no longer good lets people join all the same. */
  function invitation(token: string): { text: string; invitedBy?: string } {
    const reading = links.readToken('invite', token);
    if (reading.result === 'expired') {
      return { text: 'This invitation has run out. You can join all the same.' };
    }
    return { text: 'A member of the group has invited you.', invitedBy: idFrom(links, 'invite', token) };
  }

  async function requestBy(token: string): Promise<JoinRequest> {
    try {
      return await readJoinRequest(db, idFrom(links, 'confirm', token));
    } catch (error) {
      if (!(error instanceof ConvenorError) || !['not_found', 'wrong_state'].includes(error.code))
        throw error;
      throw new ConvenorError(
        error.code,
        'This link does not work any more, or some of it is missing. If you were not on the list yet, please fill in the form once more.',
      );
    }
  }

  async function confirmedPage(reply: FastifyReply, subscriberId: string) {
    const subscriber = await findSubscriber(db, subscriberId);
    return reply.page('public/joined', {
      title: subscriber?.state === 'active' ? 'Welcome' : 'You are not on the list',
      isActive: subscriber?.state === 'active',
      topics: subscriber?.topics.map((topic) => TOPIC_WORDS[topic].toLowerCase()) ?? [],
      preferences: subscriber === undefined ? undefined : pathOf(links.preferencesUrl(subscriber.id)),
    });
  }
});
