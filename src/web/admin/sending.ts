import {
  compareWithLedger,
  openSendingHold,
  readProviderLog,
  releaseSending,
  rememberDeliveries,
} from '../../announcements/sending-hold.ts';
import { formatDateTime, formatShortDateTime } from '../../calendar/format.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { recordAudit } from '../../organisation/audit.ts';
import { acting } from '../acting.ts';
import { field, fileField, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { ANNOUNCEMENT_WORDS, counted, people } from '../words.ts';
import type { AnnouncementState } from '../../db/schema.ts';

/** After a restore: why sending is held, what the ledger has forgotten, and the button that lets sending go on. */
export const sendingPages = routes({ name: 'sending', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge } = app.deps;

  app.get('/admin/sending', async (request, reply) =>
    reply.page('admin/sending', await model((await acting(request)).settings.timeZone, freshForm())),
  );

  app.post('/admin/sending/log', async (request, reply) => {
    const { settings, actor } = await acting(request);
    try {
      const file = fileField(request, 'file');
      if (file === undefined) throw invalidInput({ field: 'file', message: 'must be chosen' });
      const found = readProviderLog(file.bytes.toString('utf8'));
      if (found.length === 0) {
        throw invalidInput({
          field: 'file',
          message: 'names no message of ours; it must hold the Message-IDs of the messages that were taken',
        });
      }
      await db.transaction(async (tx) => {
        await rememberDeliveries(tx, found, 'provider log');
        const after = { file: file.name, messages: found.length };
        await recordAudit(tx, { actor, action: 'sending.log_read', subject: 'sending', after }, { clock });
      });
      flash(request, 'good', `${counted(found.length, 'message')} found in the file and compared.`);
      return await reply.redirect('/admin/sending', 303);
    } catch (error) {
      const form = rejectedForm({}, error, { file: 'The file' });
      return reply.code(422).page('admin/sending', await model(settings.timeZone, form));
    }
  });

  app.post('/admin/sending/release', async (request, reply) => {
    const context = await acting(request);
    if (field(request, 'sure') !== 'yes') {
      const form = rejectedForm(
        {},
        invalidInput({ field: 'sure', message: 'Please say that you have compared.' }),
        {},
      );
      return reply.code(422).page('admin/sending', await model(context.settings.timeZone, form));
    }
    const settled = await releaseSending(db, context);
    await nudge();
    flash(
      request,
      'good',
      `Sending goes on. ${settled === 0 ? 'Nothing had been forgotten.' : `${counted(settled, 'message')} that had gone out before will not be repeated.`}`,
    );
    return reply.redirect('/admin/sending', 303);
  });

  async function model(zone: string, form: FormModel) {
    const hold = await openSendingHold(db);
    const comparison = hold === undefined ? undefined : await compareWithLedger(db);
    return {
      title: 'Sending',
      section: 'sending',
      form,
      hold: hold && {
        reason: hold.reason,
        since: formatDateTime(hold.since, zone),
        restoredTo: hold.restoredTo === null ? undefined : formatDateTime(hold.restoredTo, zone),
      },
      comparison: comparison && {
        known: counted(comparison.known, 'message'),
        foreign: comparison.foreign === 0 ? undefined : counted(comparison.foreign, 'message'),
        forgotten: comparison.announcements.map((each) => ({
          href: `/admin/announcements/${each.announcementId}`,
          title: each.title,
          when: formatShortDateTime(each.sendAt, each.zone),
          people: people(each.forgotten),
          ...ANNOUNCEMENT_WORDS[each.state as AnnouncementState],
        })),
      },
    };
  }
});
