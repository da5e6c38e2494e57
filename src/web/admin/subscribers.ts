import type { FastifyRequest } from 'fastify';
import { TOPICS } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { recordAudit } from '../../organisation/audit.ts';
import { MEMBER_KIND_WORDS } from '../../subscribers/members.ts';
import { changePreferences } from '../../subscribers/preferences.ts';
import {
  addSubscriber,
  allowAgain,
  getSubscriber,
  removeSubscriber,
  updateSubscriber,
} from '../../subscribers/subscribers.ts';
import { acting } from '../acting.ts';
import { field, fieldList, freshForm, isAboutInput, rejectedForm } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { topicChoices } from '../topic-choices.ts';
import { capital } from '../views.ts';
import { personModel } from './subscriber-history.ts';

type ById = { Params: { id: string } };

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

/** One subscriber: the whole history, adding, correcting, choosing topics, removing. */
export const subscriberPages = routes({ name: 'subscribers', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, addressHash, nudge } = app.deps;

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

  app.get<ById>('/admin/subscribers/:id', async (request, reply) => {
    const { settings } = await acting(request);
    return reply.page('admin/subscriber', await personModel(db, request.params.id, { clock, settings }));
  });

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
    await nudge();
    flash(request, 'good', 'Saved.');
    return reply.redirect(`/admin/subscribers/${request.params.id}`, 303);
  });

  app.post<ById>('/admin/subscribers/:id/topics', async (request, reply) => {
    const { actor } = await acting(request);
    const { id } = request.params;
    const wanted = new Set(fieldList(request, 'topics'));
    const note = field(request, 'note');
    try {
      await db.transaction(async (tx) => {
        const before = await getSubscriber(tx, id);
        await changePreferences(
          tx,
          {
            subscriberId: id,
            topics: Object.fromEntries(TOPICS.map((topic) => [topic, wanted.has(topic)])),
            source: 'administrator',
            note: note || 'changed by an administrator',
          },
          { clock, addressHash },
        );
        const after = await getSubscriber(tx, id);
        if (before.topics.join() === after.topics.join()) return;
        const action = 'subscriber.topics_changed';
        const entry = { actor, action, subject: id, before: before.topics, after: after.topics };
        await recordAudit(tx, entry, { clock });
      });
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
    const { state } = await allowAgain(db, { id: request.params.id }, { ...context, addressHash });
    await nudge();
    flash(
      request,
      'good',
      state === 'active'
        ? 'The address gets mail again.'
        : 'The address may get mail again. The person can join anew by the form.',
    );
    return reply.redirect(`/admin/subscribers/${request.params.id}`, 303);
  });
});

function posted(request: FastifyRequest): Partial<Record<(typeof FIELDS)[number], string>> {
  return Object.fromEntries(FIELDS.map((name) => [name, field(request, name)]));
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
