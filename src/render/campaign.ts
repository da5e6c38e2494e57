/** A mail as MailerLite takes it: with its own tags where each recipient's values go. */
import { invalidInput } from '../kernel/errors.ts';
import { escapeHtml, replaceSlots, type RenderedMail, type SlotName } from './slots.ts';

/**
 * Subject and HTML of a mail for a campaign of MailerLite. Text that MailerLite would read as a tag of its own is
 * parted (`{$` becomes `{ $`, in an address `%7B$`), so that nobody who writes can call one up.
 *
 * @throws ConvenorError `invalid_input` on a slot for which MailerLite has no tag: a link that is the recipient's own.
 */
export function campaignMail(mail: RenderedMail): { subject: string; html: string } {
  return {
    subject: replaceSlots(parted(mail.subject), (slot, fallback) => tag(slot, fallback, (text) => text)),
    html: replaceSlots(
      mail.html
        .replace(/\b(?:href|src)="[^"]*"/g, (attribute) => attribute.replace(/\{(?=\$)/g, '%7B'))
        .replace(/\{(?=\$|&#36;|&#x24;|&dollar;)/gi, '{ '),
      (slot, fallback) => tag(slot, fallback, escapeHtml),
    ),
  };
}

function parted(text: string): string {
  return text.replaceAll('{$', '{ $');
}

function tag(slot: SlotName, fallback: string, escape: (text: string) => string): string {
  switch (slot) {
    case 'greetingName':
      return "Hello {$name|default('there')},";
    case 'name':
      // Quotes and brackets would end the tag.
      return `{$name|default('${escape(fallback.replace(/['"{}$|\\]/g, ''))}')}`;
    case 'unsubscribeUrl':
      return '{$unsubscribe}';
    case 'preferencesUrl':
      return '{$preferences}';
    case 'rsvpUrl':
      throw invalidInput({ field: slot, message: 'MailerLite has no tag for it' });
  }
}
