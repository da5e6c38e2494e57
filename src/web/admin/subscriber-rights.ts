import { formatDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { eraseSubscriber } from '../../subscribers/erasure.ts';
import { whenNothingIsUnderWay } from '../../subscribers/opt-out.ts';
import { INVITATION_VALID } from '../../subscribers/self-service.ts';
import { getSubscriber } from '../../subscribers/subscribers.ts';
import { subscriberRecord } from '../../subscribers/subscriber-record.ts';
import { acting } from '../acting.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { withSentences } from '../public/open-form.ts';

type ById = { Params: { id: string } };

/** What a person may ask for: a copy of the record, to be erased, a link with which they invite others. */
export const subscriberRightsPages = routes(
  { name: 'subscriber rights', needs: ['access', 'pages', 'forms'] },
  (app) => {
    const { db, clock, config, links, addressHash, nudge } = app.deps;

    app.get('/admin/subscribers/invite', async (_request, reply) =>
      reply.page('admin/invitation', {
        title: 'Invite people',
        section: 'subscribers',
        back: { href: '/admin/subscribers', label: 'Subscribers' },
        lead: 'Put this link on your website, in a mail or in a WhatsApp group. Whoever opens it finds the form to join.',
        link: `${config.BASE_URL}/join`,
        validUntil: undefined,
      }),
    );

    app.get<ById>('/admin/subscribers/:id/invite', async (request, reply) => {
      const { settings } = await acting(request);
      const subscriber = await getSubscriber(db, request.params.id);
      const until = clock.now().add(INVITATION_VALID);
      const name = subscriber.name ?? subscriber.email;
      return reply.page('admin/invitation', {
        title: 'Invitation link',
        section: 'subscribers',
        back: { href: `/admin/subscribers/${subscriber.id}`, label: name },
        lead: `With this link ${name} invites colleagues. The record of everybody who joins by it says so.`,
        link: links.inviteUrl(subscriber.id, until),
        validUntil: formatDate(toWall(until, settings.timeZone).toPlainDate()),
      });
    });

    app.get<ById>('/admin/subscribers/:id/record.json', async (request, reply) => {
      const record = await subscriberRecord(db, request.params.id);
      return reply
        .type('application/json; charset=utf-8')
        .header('content-disposition', 'attachment; filename="record.json"')
        .header('cache-control', 'no-store')
        .send(JSON.stringify(record, null, 2));
    });

    app.get<ById>('/admin/subscribers/:id/erase', async (request, reply) =>
      reply.page('admin/erase-subscriber', await model(request.params.id, freshForm())),
    );

    app.post<ById>('/admin/subscribers/:id/erase', async (request, reply) => {
      const context = await acting(request);
      const { id } = request.params;
      try {
        if (field(request, 'sure') === '') throw invalidInput({ field: 'sure', message: 'must be ticked' });
        await whenNothingIsUnderWay(db, id);
        await eraseSubscriber(db, { id, by: 'administrator' }, { ...context, addressHash });
      } catch (error) {
        const form = withSentences(rejectedForm({}, error, {}), {
          sure: 'Tick that the person asked for it: nobody can bring this back.',
        });
        return reply.code(422).page('admin/erase-subscriber', await model(id, form));
      }
      await nudge();
      flash(request, 'good', 'The person is erased. MailerLite is asked to forget them, too.');
      return reply.redirect('/admin/subscribers', 303);
    });

    async function model(id: string, form: FormModel) {
      const subscriber = await getSubscriber(db, id);
      const name = subscriber.name ?? subscriber.email;
      return {
        title: `Erase ${name}?`,
        section: 'subscribers',
        back: { href: `/admin/subscribers/${id}`, label: name },
        person: { id, email: subscriber.email },
        form,
      };
    }
  },
);
