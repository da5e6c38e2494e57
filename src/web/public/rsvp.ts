import { answerInvitation, answerOf, parseAnswer } from '../../attendance/rsvps.ts';
import { RSVP_ANSWERS, type RsvpAnswer } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { findSubscriber } from '../../subscribers/subscribers.ts';
import { field, freshForm, isAboutInput, query, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { idFrom } from './leave.ts';
import { invitationView } from './invitation.ts';

type ByLink = { Params: { token: string; id: string } };

const WORDS: Readonly<Record<RsvpAnswer, { label: string; said: string }>> = {
  yes: { label: 'Yes, I will come', said: 'Thank you. We look forward to seeing you.' },
  maybe: { label: 'Perhaps', said: 'Thank you. It would be good to see you.' },
  no: { label: 'No, not this time', said: 'Thank you for telling us. Perhaps next time.' },
};

const LABELS = { answer: 'Your answer', question: 'Your question' };

/**
 * The answer to an invitation, by the signed link in a mail. A GET shows the answer that the link is for and changes
 * nothing, since scanners follow links; the button sends it.
 */
export const rsvpPages = routes({ name: 'rsvp', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, links } = app.deps;

  app.get<ByLink>('/rsvp/:token/:id', async (request, reply) => {
    const { token, id } = request.params;
    const subscriberId = await personBy(token);
    const before = await answerOf(db, id, subscriberId);
    const clicked = RSVP_ANSWERS.find((answer) => answer === query(request, 'answer'));
    const form = freshForm({ answer: clicked ?? before?.answer ?? '', question: before?.question ?? '' });
    return reply.page('public/rsvp', await model(token, id, form, before?.answer));
  });

  app.post<ByLink>('/rsvp/:token/:id', async (request, reply) => {
    const { token, id } = request.params;
    const subscriberId = await personBy(token);
    const values = { answer: field(request, 'answer'), question: field(request, 'question') };
    try {
      const answer = parseAnswer(values.answer);
      await answerInvitation(
        db,
        { meetingId: id, subscriberId, answer, question: values.question },
        { clock },
      );
      return await reply.page('public/rsvp', {
        ...(await model(token, id, freshForm(values), answer)),
        saved: WORDS[answer].said,
      });
    } catch (error) {
      if (!isAboutInput(error)) throw error;
      const form = rejectedForm(values, error, LABELS);
      return reply.code(422).page('public/rsvp', await model(token, id, form));
    }
  });

  async function personBy(token: string): Promise<string> {
    const person = await findSubscriber(db, idFrom(links, 'rsvp', token));
    if (person === undefined)
      throw new ConvenorError('not_found', 'This link belongs to nobody on the list any more.');
    return person.id;
  }

  async function model(token: string, meetingId: string, form: FormModel, before?: RsvpAnswer) {
    const meeting = await findMeeting(db, meetingId);
    const view = invitationView(meeting, { now: clock.now(), baseUrl: config.BASE_URL });
    return {
      title: 'Will you come?',
      action: `/rsvp/${token}/${meetingId}`,
      meeting: view,
      canAnswer: !view.isOver && !view.isOff,
      before: before === undefined ? undefined : WORDS[before].label,
      form,
      answers: RSVP_ANSWERS.toSorted((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)).map((answer) => ({
        answer,
        label: WORDS[answer].label,
        chosen: form.values['answer'] === answer,
      })),
    };
  }
});

const ORDER: readonly RsvpAnswer[] = ['yes', 'maybe', 'no'];
