/** From an `OutgoingMail` to the bytes of the message (RFC 5322, MIME). */
import { hash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import { encodeWords } from 'nodemailer/lib/mime-funcs';
import { invalidInput } from '../kernel/errors.ts';
import type { CalendarPart, MailAddress, OutgoingMail } from './types.ts';

/** One address as the envelope and the header take it: no space, no control character, one domain. */
const ADDRESS = /^[^\s\p{Cc}<>@"]+@[^\s\p{Cc}<>@"]+$/u;

export function mailbox(
  field: 'from' | 'to' | 'replyTo' | 'envelopeFrom',
  { name, address }: MailAddress,
): { name: string; address: string } {
  if (!ADDRESS.test(address)) {
    throw invalidInput({ field, message: 'must be one e-mail address such as ann@example.org' });
  }
  return { name: name ?? '', address };
}

/** Written to the header as it is: these values are ours and may not be folded inside or encoded. */
export function verbatim(value: string): { prepared: true; foldLines: false; value: string } {
  if (/[\p{Cc}]/u.test(value))
    throw invalidInput({ field: 'headers', message: 'must not hold control characters' });
  return { prepared: true, foldLines: false, value };
}

/** "Name <label.example.org>" (RFC 2919), the name in the form that a header takes. */
function listId(text: string): ReturnType<typeof verbatim> {
  const [, name = '', label] = /^(.*?)\s*<([\w.-]+)>$/u.exec(text) ?? [];
  if (label === undefined || /\p{Cc}/u.test(name)) {
    throw invalidInput({ field: 'listId', message: 'must look like "Name <label.example.org>"' });
  }
  if (/^[\w ]*$/.test(name)) return verbatim(text);
  const ascii = /^[\x20-\x7e]*$/.test(name);
  const phrase = ascii ? `"${name.replace(/["\\]/g, '\\$&')}"` : encodeWords(name, 'B', 52, true);
  return verbatim(`${phrase} <${label}>`);
}

/** Header fields of mail to a list (RFC 2369, 2919, 8058), and of all mail that no person typed (RFC 3834). */
function headersOf(message: OutgoingMail): Record<string, string | ReturnType<typeof verbatim>> {
  return {
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'OOF, AutoReply',
    ...(message.listId === undefined
      ? {}
      : { 'List-Id': listId(message.listId), 'List-Post': 'NO', Precedence: 'bulk' }),
    ...(message.oneClickUrl === undefined
      ? {}
      : {
          'List-Unsubscribe': verbatim(`<${message.oneClickUrl}>`),
          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        }),
    ...message.headers,
  };
}

/**
 * The calendar entry is an attachment of its own media type. As part of the alternatives it would replace the mail's
 * text in clients that prefer it, and the one client that treats that place specially does so only for methods that
 * ask for an answer.
 */
function calendarAttachment({ method, content, filename }: CalendarPart): object {
  const stated = /^METHOD:(\S+)/m.exec(content)?.[1];
  if (stated !== method) {
    throw invalidInput({
      field: 'calendar',
      message: `says METHOD:${stated ?? '(none)'} inside and ${method} outside`,
    });
  }
  return {
    filename,
    content: Buffer.from(content, 'utf8'),
    contentType: `text/calendar; charset=utf-8; method=${method}`,
    contentTransferEncoding: 'base64',
  };
}

/** The part of the boundaries that is this message's own; by default it is random. */
export function boundaryBase(messageId: string): string {
  return hash('sha256', messageId, 'hex').slice(0, 24);
}

/** A text whose lines all end in CRLF: its encoding then breaks each line without regard to the others. */
export function textLines(text: string): string {
  const lines = text.replace(/\r\n|\r|\n/g, '\r\n');
  return lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
}

/**
 * The message as it goes over the wire, unsigned. The same mail gives the same bytes, if it carries its date.
 *
 * @param at the date of a mail that carries none; the present.
 * @throws invalidInput on `from`, `to`, `replyTo`, `envelopeFrom`, `listId`, `headers` or `calendar`
 */
export async function composeMessage(message: OutgoingMail, at?: Temporal.Instant): Promise<Buffer> {
  const date = message.date ?? at;
  if (message.envelopeFrom !== undefined) mailbox('envelopeFrom', { address: message.envelopeFrom });
  const composer = new MailComposer({
    from: mailbox('from', message.from),
    to: mailbox('to', message.to),
    ...(message.replyTo === undefined ? {} : { replyTo: mailbox('replyTo', message.replyTo) }),
    subject: message.subject,
    text: textLines(message.text),
    html: textLines(message.html),
    encoding: 'quoted-printable',
    textEncoding: 'quoted-printable',
    messageId: `<${message.messageId}>`,
    ...(date === undefined ? {} : { date: new Date(date.epochMilliseconds) }),
    headers: headersOf(message),
    attachments: [
      ...(message.calendar === undefined ? [] : [calendarAttachment(message.calendar)]),
      ...(message.attachments ?? []).map(({ filename, content, contentType }) => ({
        filename,
        content: Buffer.from(content),
        contentType,
      })),
    ],
    baseBoundary: boundaryBase(message.messageId),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: '\r\n',
  });
  return composer.compile().build();
}
