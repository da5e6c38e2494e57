import type { MailKind, MailModels, WhatsAppKind } from './mail-models.ts';
import type { RenderedMail } from './slots.ts';

/** All templates, compiled. */
export interface Renderer {
  /** A mail of the given kind with marks for what differs per person; `fillSlots` puts the values in. */
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
}
