import { senderModel } from '../../announcements/notice-content.ts';
import { ConvenorError, notFound } from '../../kernel/errors.ts';
import { templatesFolder } from '../../kernel/paths.ts';
import { changeMailText } from '../../organisation/mail-texts.ts';
import { readSettings } from '../../organisation/settings.ts';
import { MAIL_TEXTS, mailTextFields, parseMailText } from '../../render/mail-texts.ts';
import { mailSample } from '../../render/samples.ts';
import { escapeHtml, fillSlots } from '../../render/slots.ts';
import { acting } from '../acting.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { mailFrame } from '../mail-frame.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';

type ByKey = { Params: { key: string } };

const ABOUT = { href: '/admin/settings/mails', label: 'Words of the mails' };

/** The words of our mails that an organisation may choose: each with the mail that it stands in, and the way back. */
export const mailTextPages = routes({ name: 'mail-texts', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, config, renderer } = app.deps;

  app.get('/admin/settings/mails', async (_request, reply) => {
    const { mailTexts } = await readSettings(db);
    const texts = Object.entries(MAIL_TEXTS);
    const groups = new Set(texts.map(([, { group }]) => group));
    return reply.page('admin/mail-texts', {
      title: ABOUT.label,
      section: 'settings',
      back: { href: '/admin/settings', label: 'Settings' },
      lead: 'Convenor writes these mails by itself. Say it in your own words; dates, links and the way to leave stay as they are.',
      groups: [...groups].map((title) => ({
        title,
        texts: texts
          .filter(([, { group }]) => group === title)
          .map(([key, { name, shipped }]) => ({
            key,
            name,
            text: mailTexts[key] ?? shipped,
            isOwn: key in mailTexts,
          })),
      })),
    });
  });

  app.get<ByKey>('/admin/settings/mails/:key', async (request, reply) => {
    const { key, shipped } = textNamed(request.params.key);
    const { mailTexts } = await readSettings(db);
    return reply.page('admin/mail-text', await model(key, freshForm({ text: mailTexts[key] ?? shipped })));
  });

  app.post<ByKey>('/admin/settings/mails/:key', async (request, reply) => {
    const context = await acting(request);
    const { key, shipped, ...which } = textNamed(request.params.key);
    const typed = field(request, 'text');
    try {
      const text = parseMailText(typed, which);
      await changeMailText(db, key, text === shipped ? undefined : text, context);
    } catch (error) {
      const form = rejectedForm({ text: typed }, error, { text: 'The words:' });
      return reply.code(422).page('admin/mail-text', await model(key, form));
    }
    flash(request, 'good', 'The text is saved. Mails that are written from now on carry it.');
    return reply.redirect(`/admin/settings/mails/${key}`, 303);
  });

  app.post<ByKey>('/admin/settings/mails/:key/revert', async (request, reply) => {
    const { key } = textNamed(request.params.key);
    await changeMailText(db, key, undefined, await acting(request));
    flash(request, 'good', 'The text is again as it came with Convenor.');
    return reply.redirect(`/admin/settings/mails/${key}`, 303);
  });

  app.get<ByKey>('/admin/settings/mails/:key/mail', async (request, reply) => {
    const { key } = textNamed(request.params.key);
    return mailFrame(reply, await example(key));
  });

  /** The mail with the text as it is typed, for the frame beside the form. */
  app.post<ByKey>('/admin/settings/mails/:key/preview', async (request, reply) => {
    const { key, ...which } = textNamed(request.params.key);
    try {
      return await mailFrame(reply, await example(key, parseMailText(field(request, 'text'), which)));
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      const faults = error.problems.map(({ message }) => `<li>The words: ${escapeHtml(message)}</li>`);
      const page = `<!doctype html><html lang="en-GB"><title>Please look at this again</title><p>Please look at this again:</p><ul>${faults.join('')}</ul></html>`;
      return mailFrame(reply.code(422), page);
    }
  });

  async function model(key: string, form: FormModel) {
    const { name, group, shipped, ...which } = textNamed(key);
    const { mailTexts } = await readSettings(db);
    const fields = mailTextFields(which).map((one) => `{{${one}}}`);
    return {
      title: `${group}: ${name.toLowerCase()}`,
      section: 'settings',
      back: ABOUT,
      key,
      form,
      hint: `Plain text; an empty line begins a new paragraph. It may hold ${fields.join(', ')}.`,
      shipped,
      isOwn: key in mailTexts,
    };
  }

  /** The HTML of an example of the mail, from the organisation as it is. */
  async function example(key: string, text?: string): Promise<string> {
    const { sample } = textNamed(key);
    const settings = await readSettings(db);
    const mailTexts = text === undefined ? settings.mailTexts : { ...settings.mailTexts, [key]: text };
    const { kind, model: shown } = mailSample(templatesFolder, sample);
    const sender = senderModel({ ...settings, mailTexts }, config.BASE_URL);
    return fillSlots(renderer.mail(kind, { ...shown, sender, why: settings.whyYouGetThis }), {
      greetingName: 'Alex',
      unsubscribeUrl: `${config.BASE_URL}/u/example`,
      preferencesUrl: `${config.BASE_URL}/preferences/example`,
      rsvpUrl: `${config.BASE_URL}/rsvp/example`,
    }).html;
  }
});

/** @throws ConvenorError `not_found` */
function textNamed(key: string) {
  if (!Object.hasOwn(MAIL_TEXTS, key)) throw notFound('text', key.slice(0, 40));
  return { key, ...MAIL_TEXTS[key]! };
}
