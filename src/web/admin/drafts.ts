import type { FastifyReply, FastifyRequest } from 'fastify';
import { createDraft, deleteDraft, editDraft, findDraft } from '../../announcements/compose.ts';
import { draftCorrection, draftForMissed } from '../../announcements/follow-up.ts';
import { draftRules } from '../../drafts/prepare.ts';
import { previewDraft } from '../../drafts/preview.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { acting, type Acting } from '../acting.ts';
import {
  atFields,
  draftChoices,
  DRAFT_LABELS,
  draftOf,
  freshDraft,
  postedDraft,
  storedDraft,
  type DraftFields,
} from '../draft-form.ts';
import { draftServices } from '../draft-services.ts';
import { checksView, draftFacts, whatsappView } from '../draft-views.ts';
import { field, freshForm, isAboutInput, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { allowPictures } from '../plugins/security.ts';
import { flash } from '../plugins/sessions.ts';

type ById = { Params: { id: string } };

/** Writing: the form with its live preview, changing and removing a draft, and drafts that follow an announcement. */
export const draftPages = routes({ name: 'drafts', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { config, db, clock, renderer, nudge } = app.deps;

  app.get('/admin/announcements/new', async (request, reply) => {
    const fields = freshDraft(request);
    return showForm(request, reply, fields, freshForm(fields));
  });

  app.post('/admin/announcements/new', async (request, reply) => {
    const context = await acting(request);
    const fields = postedDraft(request);
    if (field(request, 'act') === 'preview') return showForm(request, reply, fields, freshForm(fields));
    try {
      const input = draftOf(fields, draftRules(context.settings, config));
      const { announcement } = await createDraft(db, input, inZone(context));
      await nudge();
      flash(request, 'good', 'The draft is saved. Nothing goes out before it is approved.');
      return await reply.redirect(`/admin/announcements/${announcement.id}`, 303);
    } catch (error) {
      return showForm(request, reply.code(422), fields, rejectedForm(fields, error, DRAFT_LABELS));
    }
  });

  app.post('/admin/announcements/preview', async (request, reply) => {
    const fields = postedDraft(request);
    const id = field(request, 'id') || undefined;
    const html = renderer.page('admin/draft-live', { preview: await livePreview(request, fields, id) });
    return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(html);
  });

  app.get<ById>('/admin/announcements/:id/edit', async (request, reply) => {
    const { id } = request.params;
    const fields = storedDraft(await findDraft(db, id));
    return showForm(request, reply, fields, freshForm(fields), id);
  });

  app.post<ById>('/admin/announcements/:id/edit', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const fields = postedDraft(request);
    if (field(request, 'act') === 'preview') return showForm(request, reply, fields, freshForm(fields), id);
    try {
      const input = draftOf(fields, draftRules(context.settings, config));
      const before = await findDraft(db, id);
      await editDraft(db, id, input, { ...inZone(context), seen: Number(fields.seen) });
      await nudge();
      const approved = before.draft.approvedAt !== null;
      flash(
        request,
        approved ? 'warn' : 'good',
        approved
          ? 'The draft is saved. It had been approved as it was before, so it needs a new approval.'
          : 'The draft is saved. Nothing goes out before it is approved.',
      );
      return await reply.redirect(`/admin/announcements/${id}`, 303);
    } catch (error) {
      return showForm(request, reply.code(422), fields, rejectedForm(fields, error, DRAFT_LABELS), id);
    }
  });

  app.get<ById>('/admin/announcements/:id/delete', async (request, reply) => {
    const { announcement } = await findDraft(db, request.params.id);
    return reply.page('admin/delete-draft', {
      title: 'Remove this draft?',
      section: 'announcements',
      back: { href: `/admin/announcements/${announcement.id}`, label: announcement.title },
      announcement: { id: announcement.id, title: announcement.title },
    });
  });

  app.post<ById>('/admin/announcements/:id/delete', async (request, reply) => {
    await deleteDraft(db, request.params.id, await acting(request));
    flash(request, 'good', 'The draft is removed.');
    return reply.redirect('/admin/announcements', 303);
  });

  app.post<ById>('/admin/announcements/:id/missed', async (request, reply) => {
    const { announcement } = await draftForMissed(db, request.params.id, inZone(await acting(request)));
    await nudge();
    flash(request, 'good', 'This is a draft for those who did not get it. Nothing goes out yet.');
    return reply.redirect(`/admin/announcements/${announcement.id}`, 303);
  });

  app.post<ById>('/admin/announcements/:id/correction', async (request, reply) => {
    const { announcement } = await draftCorrection(db, request.params.id, inZone(await acting(request)));
    flash(request, 'good', 'Write what is right; it goes to exactly the people who got the mistake.');
    return reply.redirect(`/admin/announcements/${announcement.id}/edit`, 303);
  });

  async function showForm(
    request: FastifyRequest,
    reply: FastifyReply,
    fields: DraftFields,
    form: FormModel,
    id?: string,
  ) {
    const { settings } = await acting(request);
    const choices = await draftChoices(db, fields, { ...draftRules(settings, config), now: clock.now() });
    const stored = id === undefined ? undefined : await findDraft(db, id);
    return allowPictures(reply).page('admin/draft-form', {
      title: id === undefined ? 'Write an announcement' : 'Change the announcement',
      section: 'announcements',
      back:
        stored === undefined
          ? { href: '/admin/announcements', label: 'Announcements' }
          : { href: `/admin/announcements/${id}`, label: stored.announcement.title },
      lead: 'Write it once: the mail, the WhatsApp text, the calendar entry and the web page are made from it.',
      action: id === undefined ? '/admin/announcements/new' : `/admin/announcements/${id}/edit`,
      id,
      seen: fields.seen || String(stored?.draft.revision ?? ''),
      approved: (stored?.draft.approvedAt ?? null) !== null,
      form: atFields(form),
      choices,
      preview: await livePreview(request, fields, id),
    });
  }

  /** What is written as it would go out, or what must be put right before that can be shown. */
  async function livePreview(request: FastifyRequest, fields: DraftFields, id: string | undefined) {
    const { settings, actor } = await acting(request);
    if (fields.subject === '' && fields.body === '') return { blank: true };
    try {
      const input = draftOf(
        { ...fields, subject: fields.subject || '(no subject yet)', body: fields.body || '…' },
        draftRules(settings, config),
      );
      const view = await previewDraft(draftServices(app.deps), input, { id, actor });
      const { content } = view;
      return {
        facts: draftFacts(view, clock.now()),
        checks: checksView(view),
        title: content.title ?? content.subject,
        html: content.page ?? '',
        whatsapp: whatsappView(content.whatsapp ?? ''),
      };
    } catch (error) {
      if (!isAboutInput(error) && !(error instanceof ConvenorError && error.code === 'wrong_state'))
        throw error;
      return { problems: atFields(rejectedForm(fields, problemsOf(error), DRAFT_LABELS)).problems };
    }
  }
});

/** What stands against showing it, as a fault of the form. */
function problemsOf(error: ConvenorError): ConvenorError {
  return new ConvenorError('invalid_input', error.message, { problems: error.problems });
}

function inZone({ clock, actor, settings }: Acting) {
  return { clock, actor, zone: settings.timeZone };
}
