import type { FastifyRequest } from 'fastify';
import { senderModel } from '../../announcements/notice-content.ts';
import { ConvenorError, notFound } from '../../kernel/errors.ts';
import { templatesFolder } from '../../kernel/paths.ts';
import { changeMailText } from '../../organisation/mail-texts.ts';
import { readSettings } from '../../organisation/settings.ts';
import type { MailModels, WhatsAppKind } from '../../render/mail-models.ts';
import {
  MAIL_PARTS,
  MAIL_TEXTS,
  mailTextFields,
  mailTextKey,
  parseMailTexts,
  type MailPart,
} from '../../render/mail-texts.ts';
import { mailSample } from '../../render/samples.ts';
import { escapeHtml, fillSlots } from '../../render/slots.ts';
import { whatsappLook } from '../../render/whatsapp-look.ts';
import { acting } from '../acting.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { inScheme, mailFrame } from '../mail-frame.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';

type ByKey = { Params: { key: string } };
type Texts = Readonly<Record<string, string>>;

const ABOUT = { href: '/admin/settings/mails', label: 'Words of the mails' };
const LABELS: Readonly<Record<MailPart, string>> = {
  subject: 'Subject',
  words: 'Words in the mail',
  whatsapp: 'Words in the WhatsApp text',
};

/**
 * The words of our mails and WhatsApp texts that an organisation may choose: each with an example of what it stands in,
 * and the way back.
 */
export const mailTextPages = routes({ name: 'mail-texts', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, config, renderer } = app.deps;

  app.get('/admin/settings/mails', async (_request, reply) => {
    const { mailTexts } = await readSettings(db);
    const texts = Object.keys(MAIL_TEXTS).map(textNamed);
    const groups = new Set(texts.map(({ group }) => group));
    return reply.page('admin/mail-texts', {
      title: ABOUT.label,
      section: 'settings',
      back: { href: '/admin/settings', label: 'Settings' },
      lead: 'Convenor writes these mails by itself. Say it in your own words; dates, links and the way to leave stay as they are.',
      groups: [...groups].map((title) => ({
        title,
        texts: texts
          .filter(({ group }) => group === title)
          .map(({ key, name, parts, shipped }) => ({
            key,
            name,
            text: mailTexts[key] ?? shipped.words,
            isOwn: parts.some((part) => mailTextKey(key, part) in mailTexts),
          })),
      })),
    });
  });

  app.get<ByKey>('/admin/settings/mails/:key', async (request, reply) => {
    const { key, parts, shipped } = textNamed(request.params.key);
    const { mailTexts } = await readSettings(db);
    const values = parts.map((part) => [part, mailTexts[mailTextKey(key, part)] ?? shipped[part]]);
    return reply.page('admin/mail-text', await model(key, freshForm(Object.fromEntries(values))));
  });

  app.post<ByKey>('/admin/settings/mails/:key', async (request, reply) => {
    const context = await acting(request);
    const { key, ...which } = textNamed(request.params.key);
    const typed = typedIn(request, which.parts);
    try {
      const texts = parseMailTexts(typed, which);
      await db.transaction(async (tx) => {
        for (const part of which.parts) {
          const text = texts[part];
          if (text === undefined) continue;
          const own = text === which.shipped[part] ? undefined : text;
          await changeMailText(tx, mailTextKey(key, part), own, context);
        }
      });
    } catch (error) {
      return reply.code(422).page('admin/mail-text', await model(key, rejectedForm(typed, error, LABELS)));
    }
    flash(request, 'good', 'The words are saved. What is written from now on carries them.');
    return reply.redirect(`/admin/settings/mails/${key}`, 303);
  });

  app.post<ByKey>('/admin/settings/mails/:key/revert', async (request, reply) => {
    const { key, parts } = textNamed(request.params.key);
    const part = parts.find((one) => one === field(request, 'part'));
    if (part === undefined) throw notFound('text', field(request, 'part').slice(0, 40));
    await changeMailText(db, mailTextKey(key, part), undefined, await acting(request));
    flash(request, 'good', `${LABELS[part]}: again as it came with Convenor.`);
    return reply.redirect(`/admin/settings/mails/${key}`, 303);
  });

  app.get<ByKey>('/admin/settings/mails/:key/mail', async (request, reply) => {
    const { key } = textNamed(request.params.key);
    return mailFrame(reply, await example(key, {}));
  });

  /** The example with the texts as they are typed, for the frame below the form. */
  app.post<ByKey>('/admin/settings/mails/:key/preview', async (request, reply) => {
    const { key, ...which } = textNamed(request.params.key);
    try {
      const texts = parseMailTexts(typedIn(request, which.parts), which);
      const own = Object.entries(texts).map(([part, text]) => [mailTextKey(key, part as MailPart), text]);
      return await mailFrame(reply, await example(key, Object.fromEntries(own) as Texts));
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      const faults = rejectedForm({}, error, LABELS).problems.map(
        ({ message }) => `<li>${escapeHtml(message)}</li>`,
      );
      const page = `<!doctype html><html lang="en-GB"><title>Please look at this again</title><body style="margin:16px;background:#fff;color:#222;font:16px sans-serif"><p>Please look at this again:</p><ul>${faults.join('')}</ul></body></html>`;
      return mailFrame(reply.code(422), page);
    }
  });

  async function model(key: string, form: FormModel) {
    const { name, group, parts, shipped, ...which } = textNamed(key);
    const { mailTexts } = await readSettings(db);
    return {
      title: `${group}: ${name.toLowerCase()}`,
      section: 'settings',
      back: ABOUT,
      key,
      form,
      hasWhatsApp: parts.includes('whatsapp'),
      fields: mailTextFields(which).map((one) => `{{${one}}}`),
      own: parts
        .filter((part) => mailTextKey(key, part) in mailTexts)
        .map((part) => ({ part, label: LABELS[part], shipped: shipped[part] })),
    };
  }

  /** An example of the mail with its subject and the WhatsApp text, from the organisation as it is. */
  async function example(key: string, own: Texts): Promise<string> {
    const { sample, parts } = textNamed(key);
    const settings = await readSettings(db);
    const mailTexts = { ...settings.mailTexts, ...own };
    const { kind, model: shown } = mailSample(templatesFolder, sample);
    const sender = senderModel({ ...settings, mailTexts }, config.BASE_URL);
    const full = { ...shown, sender, why: settings.whyYouGetThis };
    const { subject, html } = fillSlots(renderer.mail(kind, full), {
      greetingName: 'Alex',
      unsubscribeUrl: `${config.BASE_URL}/u/example`,
      preferencesUrl: `${config.BASE_URL}/preferences/example`,
      rsvpUrl: `${config.BASE_URL}/rsvp/example`,
    });
    const whatsapp = parts.includes('whatsapp')
      ? renderer.whatsapp(kind as WhatsAppKind, full as MailModels[WhatsAppKind])
      : undefined;
    return withSurroundings(html, subject, whatsapp);
  }
});

/** A mail with its subject and the WhatsApp text above it, where both are seen at once. */
function withSurroundings(html: string, subject: string, whatsapp: string | undefined): string {
  const strip = (label: string, content: string, style: string) =>
    `<div style="padding:10px 16px;background:#ffffff;color:#222222;font:15px/1.5 sans-serif;overflow-wrap:anywhere"><div style="color:#595959;font-size:13px">${label}</div><div style="${style}">${content}</div></div>`;
  const bubble = 'max-width:420px;margin-top:4px;padding:10px 12px;border-radius:8px;background:#d9fdd3';
  const above = [
    strip('Subject', escapeHtml(subject), 'font-weight:bold'),
    ...(whatsapp === undefined ? [] : [strip('WhatsApp', whatsappLook(whatsapp), bubble)]),
  ];
  return inScheme(html, 'light').replace(/<body[^>]*>/, (body) => `${body}${above.join('')}`);
}

function typedIn(request: FastifyRequest, parts: readonly MailPart[]): Partial<Record<MailPart, string>> {
  return Object.fromEntries(parts.map((part) => [part, field(request, part)]));
}

/** @throws ConvenorError `not_found` */
function textNamed(key: string) {
  if (!Object.hasOwn(MAIL_TEXTS, key)) throw notFound('text', key.slice(0, 40));
  const text = MAIL_TEXTS[key]!;
  return { key, ...text, parts: MAIL_PARTS.filter((part) => text.shipped[part] !== undefined) };
}
