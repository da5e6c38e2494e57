import { randomBytes } from 'node:crypto';
import { answerSurvey } from '../../attendance/follow-ups.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { invitationView } from './invitation.ts';
import { isFilledByMachine, SENDING_IN, withSentences } from './open-form.ts';

type ById = { Params: { id: string } };

/** Set when somebody answers, so that a second answer from the same browser replaces the first. Says nothing else. */
const COOKIE = 'convenor-survey';
const COOKIE_DAYS = 60;

const SCALE = ['not at all', 'a little', 'fairly', 'very', 'extremely'];
const SENTENCES = { usefulness: 'Please choose how useful it was.' };

/** Two questions after a meeting, for whoever has the link. No name is asked for or kept. */
export const surveyPages = routes({ name: 'survey', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config } = app.deps;
  const secure = config.BASE_URL.startsWith('https:');

  app.get<ById>('/m/:id/survey', async (request, reply) =>
    reply.page('public/survey', await model(request.params.id, freshForm())),
  );

  app.post<ById>('/m/:id/survey', { config: { rateLimit: SENDING_IN } }, async (request, reply) => {
    const { id } = request.params;
    const values = { usefulness: field(request, 'usefulness'), wish: field(request, 'wish') };
    const page = { ...(await model(id, freshForm(values))), done: true };
    if (isFilledByMachine(request)) return reply.page('public/survey', page);
    const known = request.cookies[COOKIE];
    const visitor =
      known !== undefined && /^[\w-]{22}$/.test(known) ? known : randomBytes(16).toString('base64url');
    try {
      await answerSurvey(db, { meetingId: id, visitor, raw: values }, { clock });
    } catch (error) {
      const form = withSentences(rejectedForm(values, error, { wish: 'Your answer' }), SENTENCES);
      return reply.code(422).page('public/survey', await model(id, form));
    }
    void reply.setCookie(COOKIE, visitor, {
      path: `/m/${id}/survey`,
      httpOnly: true,
      sameSite: 'lax',
      secure,
      maxAge: COOKIE_DAYS * 24 * 3600,
    });
    return reply.page('public/survey', page);
  });

  async function model(meetingId: string, form: FormModel) {
    const meeting = await findMeeting(db, meetingId);
    const view = invitationView(meeting, { now: clock.now(), baseUrl: config.BASE_URL });
    if (view.isOff)
      throw new ConvenorError('wrong_state', 'This meeting did not take place, so there is nothing to ask.');
    return {
      title: 'Two questions',
      meeting: view,
      hasBegun: view.isOn || view.isOver,
      form,
      scale: SCALE.map((words, index) => ({
        value: index + 1,
        words,
        chosen: form.values['usefulness'] === String(index + 1),
      })),
    };
  }
});
