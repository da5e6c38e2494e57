import { inline } from '@css-inline/css-inline';
import { cleanModel } from './clean.ts';
import { announcementWhatsApp } from './announcement-whatsapp.ts';
import type { BulletinModel } from './bulletin-models.ts';
import { compileTemplates, renderTemplate } from './environment.ts';
import { CodeCache, type CachePlace } from './code-cache.ts';
import type { AnnouncementModel, MailKind, MailModels, WhatsAppKind, WhatsAppNotice } from './mail-models.ts';
import { mailView } from './mail-view.ts';
import { mailSamples } from './samples.ts';
import type { RenderedMail } from './slots.ts';
import { readTemplates } from './template-files.ts';
import { fitWhatsApp } from './whatsapp.ts';
import { fitWhatsAppBulletin } from './whatsapp-bulletin.ts';

/** All templates, compiled. */
export interface Renderer {
  /**
   * A mail of the given kind with marks for what differs per person; `fillSlots` puts the values in.
   *
   * @throws ConvenorError `internal` naming template and line when the model lacks what the template needs
   */
  mail<Kind extends MailKind>(kind: Kind, model: MailModels[Kind]): RenderedMail;
  /** The text to post in the WhatsApp group: at most 1,000 characters, without passcode or personal links. */
  whatsapp<Kind extends WhatsAppKind>(kind: Kind, model: MailModels[Kind]): string;
  /** A web page: `templates/web/<name>.hbs`, for example `page('admin/dashboard', model)`. */
  page(name: string, model: object): string;
}

export interface RendererOptions {
  readonly templatesFolder: string;
  /** Files here take the place of those with the same path in `templatesFolder`. It need not exist. */
  readonly overridesFolder?: string;
  /** Keeps what compiling gives, so that the next start need not compile and try out everything again. */
  readonly cache?: CachePlace;
}

/** Files of a mail that are plain text; all others below `email/` are HTML. */
const TEXT_FILE = /(?:^|\/)(?:text|subject)(?:\/|$)/;

/**
 * Reads and compiles every template, then renders each mail once from its example, so that a template that lacks
 * something, of ours or of the organisation's own, is found now.
 *
 * @throws ConvenorError `invalid_config` or `internal` naming the file and what is wrong with it
 */
export function createRenderer({
  templatesFolder,
  overridesFolder,
  cache: place,
}: RendererOptions): Renderer {
  const files = readTemplates(templatesFolder, overridesFolder);
  const cache = new CodeCache(place);
  const below = (root: string) => files.filter((file) => file.name.startsWith(root));
  const email = below('email/');
  const html = compileTemplates(
    email.filter((file) => !TEXT_FILE.test(file.name)),
    { root: 'email/', escape: true, strictArguments: true, cache },
  );
  const text = compileTemplates(
    email.filter((file) => TEXT_FILE.test(file.name)),
    { root: 'email/', escape: false, strictArguments: true, cache },
  );
  const whatsapp = compileTemplates(below('whatsapp/'), {
    root: 'whatsapp/',
    escape: false,
    strictArguments: true,
    cache,
  });
  const web = compileTemplates(below('web/'), {
    root: 'web/',
    escape: true,
    strictArguments: false,
    verbatimPartials: true,
    cache,
  });

  const renderer: Renderer = {
    mail: (kind, model) => {
      const view = mailView(kind, cleanModel(model));
      return {
        // The model is clean already; the marks of slots stay.
        subject: renderTemplate(text, `${kind}/subject`, view).replace(/\s+/g, ' ').trim(),
        html: withInlineStyles(
          renderTemplate(html, `${kind}/html`, view),
          renderTemplate(html, 'mail.css', view),
        ),
        text: tidy(renderTemplate(text, `${kind}/text`, view)),
      };
    },
    whatsapp: (kind, model) => {
      const render = (view: object) => renderTemplate(whatsapp, kind, view);
      const clean = cleanModel(model as object);
      if (kind === 'announcement') return announcementWhatsApp(render, clean as AnnouncementModel);
      if (kind === 'training-bulletin' || kind === 'vacancy-bulletin') {
        return fitWhatsAppBulletin(render, kind, clean as BulletinModel);
      }
      return fitWhatsApp(render, kind, clean as MailModels[WhatsAppNotice]);
    },
    page: (name, model) => renderTemplate(web, name, model),
  };
  // Templates that were all tried out before, by this very program, need not be tried again.
  if (cache.changed) for (const { kind, model } of mailSamples(templatesFolder)) renderer.mail(kind, model);
  cache.save();
  return renderer;
}

/**
 * Puts the style sheet into `style` attributes, which every client keeps. It works on the finished mail, because a
 * parser would move template tags out of tables; once per announcement that costs little. The layout's own
 * `<style>` (media queries, dark mode) is marked to be left alone.
 */
function withInlineStyles(html: string, css: string): string {
  return inline(html, {
    extraCss: css,
    keepStyleTags: true,
    keepAtRules: false,
    minifyCss: true,
    loadRemoteStylesheets: false,
  }).replace('<style data-css-inline="ignore">', '<style>');
}

/** At most one empty line in a row, none at the ends. */
function tidy(text: string): string {
  return `${text
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}
