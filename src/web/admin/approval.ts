import { approveDraft } from '../../drafts/prepare.ts';
import { findAnnouncement } from '../../announcements/announcements.ts';
import { isBulletin } from '../../announcements/bulletins-content.ts';
import { undoApproval } from '../../announcements/approval-withdrawal.ts';
import { findDraft } from '../../announcements/compose.ts';
import { recordPosted } from '../../announcements/whatsapp-posts.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { recordAudit } from '../../organisation/audit.ts';
import { queueServiceMail } from '../../organisation/service-mails.ts';
import { acting } from '../acting.ts';
import { draftServices } from '../draft-services.ts';
import { field, fieldList } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { showDraft } from './draft-page.ts';

type ById = { Params: { id: string } };

/** What lets a draft go out, and what goes with it: a test to oneself, the approval, its undoing, the note of the WhatsApp post. */
export const approvalPages = routes({ name: 'approval', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, nudge } = app.deps;

  app.post<ById>('/admin/announcements/:id/test', async (request, reply) => {
    const announcement = await findAnnouncement(db, request.params.id);
    const bulletin = await isBulletin(db, announcement.id);
    if (!bulletin) await findDraft(db, announcement.id);
    const { actor } = await acting(request);
    const { email, id } = request.admin!;
    await db.transaction(async (tx) => {
      await queueServiceMail(
        tx,
        {
          kind: 'draft-test',
          to: { kind: 'address', address: email },
          data: { announcementId: announcement.id, adminId: id },
          dedupeKey: `draft-test:${announcement.id}:${id}:${clock.now().epochMilliseconds}`,
        },
        { clock },
      );
      const entry = { actor, action: 'draft.test_mail_asked_for', subject: announcement.id };
      await recordAudit(tx, entry, { clock });
    });
    await nudge();
    flash(
      request,
      'good',
      config.SMTP_URL === undefined
        ? 'The test mail is on its way to the outbox.'
        : 'The test mail is on its way to you.',
    );
    const pages = bulletin ? 'bulletins' : 'announcements';
    return reply.redirect(`/admin/${pages}/${announcement.id}`, 303);
  });

  app.post<ById>('/admin/announcements/:id/approve', async (request, reply) => {
    const { id } = request.params;
    const { actor } = await acting(request);
    const confirmed = fieldList(request, 'confirm');
    try {
      const { announcement } = await approveDraft(
        draftServices(app.deps),
        id,
        { hash: field(request, 'hash'), confirmedWarnings: confirmed },
        actor,
      );
      await nudge();
      flash(
        request,
        'good',
        announcement.state === 'awaiting_approval'
          ? 'The other administrators are asked to approve it.'
          : 'It is approved. For five minutes you can undo this.',
      );
    } catch (error) {
      if (!(error instanceof ConvenorError) || !['wrong_state', 'conflict'].includes(error.code)) throw error;
      const drafted = await findDraft(db, id);
      if (['draft', 'awaiting_approval'].includes(drafted.announcement.state)) {
        const problems =
          error.problems.length > 0
            ? error.problems.map(({ message }) => ({ field: '', message }))
            : [{ field: '', message: error.message }];
        return showDraft(app, request, reply.code(error.httpStatus), drafted, { confirmed, problems });
      }
      flash(request, 'warn', error.message);
    }
    return reply.redirect(`/admin/announcements/${id}`, 303);
  });

  app.post<ById>('/admin/announcements/:id/undo', async (request, reply) => {
    const { id } = request.params;
    await undoApproval(db, id, await acting(request));
    flash(request, 'good', 'The approval is undone: it is a draft again, and nobody has got it.');
    return reply.redirect(`/admin/announcements/${id}`, 303);
  });

  app.post<ById>('/admin/announcements/:id/posted', async (request, reply) => {
    const { id } = request.params;
    await recordPosted(db, id, await acting(request));
    flash(request, 'good', 'Noted: it is posted in the WhatsApp group.');
    const pages = field(request, 'from') === 'bulletin' ? 'bulletins' : 'announcements';
    return reply.redirect(`/admin/${pages}/${id}#whatsapp`, 303);
  });
});
