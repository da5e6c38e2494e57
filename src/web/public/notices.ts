import { formatDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { readSettings } from '../../organisation/settings.ts';
import { fileComplaint } from '../../subscribers/complaints.ts';
import { groupPolicyText } from '../../subscribers/group-policy.ts';
import { privacyNotice } from '../../subscribers/privacy-notice.ts';
import { field, freshForm, rejectedForm } from '../form.ts';
import { routes } from '../plugin.ts';
import { isFilledByMachine, SENDING_IN, withSentences } from './open-form.ts';

const LABELS = { name: 'Your name', email: 'Your e-mail address', text: 'Your complaint' };

/** What the group tells everybody: its policy, what happens to data, and where to complain. */
export const noticePages = routes({ name: 'notices', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge } = app.deps;

  app.get('/policy', async (_request, reply) =>
    reply.page('public/policy', {
      title: 'The policy of the group',
      text: groupPolicyText(await readSettings(db)),
    }),
  );

  app.get('/privacy', async (_request, reply) =>
    reply.page('public/privacy', {
      title: 'What we do with your data',
      sections: privacyNotice(await readSettings(db)),
    }),
  );

  app.get('/complaint', async (_request, reply) =>
    reply.page('public/complaint', { title: 'Complain to us', form: freshForm() }),
  );

  app.post('/complaint', { config: { rateLimit: SENDING_IN } }, async (request, reply) => {
    const values = {
      name: field(request, 'name'),
      email: field(request, 'email'),
      text: field(request, 'text'),
    };
    const answer = { title: 'We have your complaint', reference: '', answerTo: values.email, by: '' };
    if (isFilledByMachine(request)) return reply.page('public/complained', answer);
    try {
      const { reference, acknowledgeBy } = await fileComplaint(db, values, { clock });
      void nudge();
      const { timeZone } = await readSettings(db);
      const by = formatDate(toWall(acknowledgeBy, timeZone).toPlainDate());
      return await reply.page('public/complained', { ...answer, reference, by });
    } catch (error) {
      const sentences: Record<string, string> = values.text === '' ? { text: 'Say what it is about.' } : {};
      const form = withSentences(rejectedForm(values, error, LABELS), sentences);
      return reply.code(422).page('public/complaint', { title: 'Complain to us', form });
    }
  });
});
