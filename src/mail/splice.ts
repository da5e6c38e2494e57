/**
 * Many mails of one kind, quickly. What is the same in all of them is composed and encoded once; for each recipient
 * only their own lines are. The bytes are those that `composeMessage` gives for the same mail: it stays the reference.
 */
import MimeNode from 'nodemailer/lib/mime-node';
import { boundaryBase, composeMessage, mailbox, verbatim } from './compose.ts';
import { encodeLines } from './splice-lines.ts';
import { createTemplate, type Part } from './splice-template.ts';
import type { ComposedMail, MailAddress, OutgoingMail } from './types.ts';

/** A text of fixed stretches and of places for a recipient's own words, which hold no line break. */
export type Pieces<Values> = readonly (string | ((values: Values) => string))[];

/** What the mails have in common. */
export type MailPattern<Values> = Pick<
  OutgoingMail,
  'from' | 'replyTo' | 'listId' | 'headers' | 'calendar' | 'attachments'
> & {
  readonly subject: string | ((values: Values) => string);
  readonly html: Pieces<Values>;
  readonly text: Pieces<Values>;
};

/** What is one recipient's own. */
export interface Personal<Values> {
  readonly messageId: string;
  /** The Date header. Without it the moment of composing. */
  readonly date?: Temporal.Instant | undefined;
  readonly to: MailAddress;
  readonly oneClickUrl: string;
  readonly values: Values;
}

/** The places in the frame: what stands there in a composed mail with made-up values. */
const PLACES = {
  messageId: 'Message-ID: <id@splice.invalid>',
  date: 'Date: Thu, 01 Jan 1970 00:00:00 +0000',
  to: 'To: to@splice.invalid',
  subject: 'Subject: splice-subject',
  oneClickUrl: '<https://splice.invalid/one-click>',
  boundary: boundaryBase('id@splice.invalid'),
  html: 'splice-html\r\n',
  text: 'splice-text\r\n',
} as const;

type Place = keyof typeof PLACES;

/**
 * Makes the function that composes the mails of one pattern.
 *
 * @returns `undefined` for a pattern that is beyond it, such as a very long one; `composeMessage` takes those.
 * @throws invalidInput as `composeMessage` does; the function throws for `to` and `oneClickUrl` of a recipient.
 */
export async function createSplicer<Values>(
  pattern: MailPattern<Values>,
): Promise<((personal: Personal<Values>) => ComposedMail) | undefined> {
  const places: ((personal: Personal<Values>) => string)[] = [
    ({ date }) => httpDate(date),
    ({ oneClickUrl }) => oneClickUrl,
    ({ messageId }) => boundaryBase(messageId),
  ];
  const numbers = new Map<(values: Values) => string, number>();
  const numbered = (pieces: Pieces<Values>): (string | number)[] =>
    pieces.map((piece) => {
      if (typeof piece === 'string') return piece;
      const number = numbers.get(piece) ?? places.push(({ values }) => piece(values)) - 1;
      numbers.set(piece, number);
      return number;
    });
  const html = encodeLines(numbered(pattern.html));
  const text = encodeLines(numbered(pattern.text));
  if (html === undefined || text === undefined) return undefined;
  const { subject } = pattern;
  const parts = (await frameOf(pattern)).flatMap<Part>((part) => {
    if (typeof part === 'string') return part;
    switch (part.place) {
      case 'html':
        return html;
      case 'text':
        return text;
      case 'date':
        return ['Date: ', 0];
      case 'oneClickUrl':
        return ['<', 1, '>'];
      case 'boundary':
        return 2;
      default:
        return { field: part.place };
    }
  });
  const template = createTemplate(parts);
  return (personal) => {
    const { messageId, to, oneClickUrl, values } = personal;
    verbatim(oneClickUrl);
    return template(
      places.map((place) => place(personal)),
      {
        messageId: headerLine('Message-ID', `<${messageId}>`),
        to: headerLine('To', mailbox('to', to)),
        subject: typeof subject === 'string' ? '' : headerLine('Subject', subject(values)),
      },
    );
  };
}

async function frameOf<Values>({
  subject,
  ...shared
}: MailPattern<Values>): Promise<(string | { place: Place })[]> {
  const composed = await composeMessage({
    ...shared,
    messageId: 'id@splice.invalid',
    date: Temporal.Instant.fromEpochMilliseconds(0),
    to: { address: 'to@splice.invalid' },
    oneClickUrl: 'https://splice.invalid/one-click',
    subject: typeof subject === 'string' ? subject : 'splice-subject',
    html: 'splice-html',
    text: 'splice-text',
  });
  const names = (Object.keys(PLACES) as Place[]).filter(
    (name) => name !== 'subject' || typeof subject !== 'string',
  );
  const pattern = names.map((name) => `(?<${name}>${PLACES[name].replace(/[+?.]/g, '\\$&')})`).join('|');
  const frame: (string | { place: Place })[] = [];
  const message = composed.toString('utf8');
  let end = 0;
  for (const match of message.matchAll(new RegExp(pattern, 'g'))) {
    frame.push(message.slice(end, match.index), { place: names.find((name) => match.groups?.[name])! });
    end = match.index + match[0].length;
  }
  frame.push(message.slice(end));
  for (const name of names) {
    const found = frame.filter((part) => typeof part !== 'string' && part.place === name).length;
    if (name !== 'boundary' && found !== 1)
      throw new Error(`a composed mail has ${found} places for ${name}`);
  }
  return frame;
}

/** Values that a header takes as they are, if the line is short enough to stand unfolded. */
const PLAIN_NAME = /^(?:[A-Za-z\d]+(?: [A-Za-z\d]+)*)?$/;
const PLAIN_ADDRESS = /^[a-z\d]+(?:[._+-][a-z\d]+)*@[a-z\d]+(?:[.-][a-z\d]+)*$/;
const PLAIN_ID = /^<[\w.@-]+>$/;
const LONGEST_LINE = 76;

/** A header field encoded and folded as in a composed mail. */
function headerLine(name: string, value: string | { name: string; address: string }): string {
  const line = `${name}: ${plainValue(value) ?? ''}`;
  if (line.length > name.length + 2 && line.length <= LONGEST_LINE) return line;
  const node = new MimeNode(undefined, {
    rootNode: PARENT,
    parentNode: PARENT,
    textEncoding: 'quoted-printable',
  });
  node.setHeader(name, value);
  return node.buildHeaders();
}

function plainValue(value: string | { name: string; address: string }): string | undefined {
  if (typeof value === 'string') return PLAIN_ID.test(value) ? value : undefined;
  if (!PLAIN_NAME.test(value.name) || !PLAIN_ADDRESS.test(value.address)) return undefined;
  return value.name === '' ? value.address : `${value.name} <${value.address}>`;
}

/** With a parent a part gets no Date and Message-ID of its own. */
const PARENT = new MimeNode('multipart/mixed');

let latestDate = { second: 0, text: '' };

/** A Date header field holds whole seconds: many messages in a row have the same. */
function httpDate(date: Temporal.Instant | undefined): string {
  const second = Math.floor((date?.epochMilliseconds ?? Date.now()) / 1000);
  if (second !== latestDate.second) {
    latestDate = { second, text: new Date(second * 1000).toUTCString().replace('GMT', '+0000') };
  }
  return latestDate.text;
}
