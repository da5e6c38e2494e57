/**
 * Many mails of one kind, quickly. What is the same in all of them is composed and encoded once; for each recipient
 * only their own lines are. The bytes are those that `composeMessage` gives for the same mail: it stays the reference.
 */
import MimeNode from 'nodemailer/lib/mime-node';
import { encode, wrap } from 'nodemailer/lib/qp';
import { boundaryBase, composeMessage, mailbox, textLines, verbatim } from './compose.ts';
import type { MailAddress, OutgoingMail } from './types.ts';
import { messageSpace } from './wire.ts';

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

/** Above this the library encodes a text in several pieces, whose line breaks depend on where they meet. */
const LONGEST_TEXT = 60_000;

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
type OwnPlace = Exclude<Place, 'html' | 'text'>;

/**
 * Makes the function that composes the mails of one pattern.
 *
 * @returns `undefined` for a pattern that is beyond it, such as a very long one; `composeMessage` takes those.
 * @throws invalidInput as `composeMessage` does; the function throws for `to` and `oneClickUrl` of a recipient.
 */
export async function createSplicer<Values>(
  pattern: MailPattern<Values>,
): Promise<((personal: Personal<Values>) => Buffer) | undefined> {
  const html = encodeLines(pattern.html);
  const text = encodeLines(pattern.text);
  if (html === undefined || text === undefined) return undefined;
  const { subject } = pattern;
  const parts = (await frameOf(pattern)).flatMap<Pieces<Values>[number] | { place: OwnPlace }>((part) => {
    if (typeof part === 'string') return [part];
    if (part.place === 'html') return html;
    return part.place === 'text' ? text : [{ place: part.place }];
  });
  const fixed = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part));
  return ({ messageId, date, to, oneClickUrl, values }) => {
    verbatim(oneClickUrl);
    const own: Record<OwnPlace, string> = {
      messageId: headerLine('Message-ID', `<${messageId}>`),
      date: `Date: ${httpDate(date)}`,
      to: headerLine('To', mailbox('to', to)),
      subject: typeof subject === 'string' ? '' : headerLine('Subject', subject(values)),
      oneClickUrl: `<${oneClickUrl}>`,
      boundary: boundaryBase(messageId),
    };
    return joined(
      fixed.map((part) => {
        if (Buffer.isBuffer(part)) return part;
        return typeof part === 'function' ? part(values) : own[part.place];
      }),
    );
  };
}

function joined(parts: readonly (Buffer | string)[]): Buffer {
  let length = 0;
  for (const part of parts) length += Buffer.isBuffer(part) ? part.length : Buffer.byteLength(part);
  const whole = messageSpace(length);
  let end = 0;
  for (const part of parts) end += Buffer.isBuffer(part) ? part.copy(whole, end) : whole.write(part, end);
  return whole;
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

/** Quoted-printable of a text: each line is encoded by itself, so lines without places are encoded here and now. */
function encodeLines<Values>(pieces: Pieces<Values>): Pieces<Values> | undefined {
  const lines: (string | ((values: Values) => string))[][] = [[]];
  let length = 0;
  for (const piece of pieces) {
    if (typeof piece !== 'string') {
      lines.at(-1)!.push(piece);
      continue;
    }
    length += Buffer.byteLength(piece);
    const [first = '', ...others] = piece.split(/\r\n|\r|\n/);
    lines.at(-1)!.push(first);
    for (const line of others) lines.push([line]);
  }
  const last = lines.at(-1)!.filter((piece) => piece !== '');
  if (lines.length > 1 && last.length === 0) lines.pop();
  // A last line of nothing but a place may turn out to be none at all.
  const uncertain = last.length > 0 && last.every((piece) => typeof piece !== 'string');
  if (length > LONGEST_TEXT || uncertain) return undefined;
  const encoded: (string | ((values: Values) => string))[] = [];
  for (const line of lines) {
    if (line.every((piece) => typeof piece === 'string')) encoded.push(encodeLine(line.join('')));
    else encoded.push(lineEncoder(line));
  }
  return joinFixed(encoded);
}

function joinFixed<Values>(pieces: Pieces<Values>): Pieces<Values> {
  const joined: (string | ((values: Values) => string))[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') joined[joined.length - 1] = last + piece;
    else joined.push(piece);
  }
  return joined;
}

function encodeLine(line: string): string {
  return wrap(encode(textLines(line)), 76);
}

/** The characters at the end of a value that are encoded as themselves and that no line break looks at. */
const PLAIN_CHARACTER = /[\w-]/;
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  PLAIN_CHARACTER.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Where the plain end of a value begins. */
function plainFrom(value: string): number {
  let start = value.length;
  while (start > 0 && PLAIN[value.charCodeAt(start - 1)] === 1) start--;
  return start;
}

/** An encoded line: fixed stretches, and stretches of the plain ends of values. */
type Layout = readonly (string | { readonly piece: number; readonly from: number; readonly to: number })[];

const LAYOUTS_KEPT = 200;

/**
 * Encodes one line with places. Where it is broken does not depend on the plain ends of its values, such as the tokens of
 * links, so that what was found for one recipient serves all whose values are alike but for these.
 */
function lineEncoder<Values>(line: Pieces<Values>): (values: Values) => string {
  const layouts = new Map<string, Layout>();
  return (values) => {
    const ends: string[] = [];
    const filled: string[] = [];
    let shape = '';
    for (const piece of line) {
      if (typeof piece === 'string') {
        filled.push(piece, '');
        ends.push('');
        continue;
      }
      const value = piece(values);
      const from = plainFrom(value);
      ends.push(value.slice(from));
      filled.push(value.slice(0, from), value.slice(from));
      shape += `${from}:${value.slice(0, from)}${value.length - from};`;
    }
    let layout = layouts.get(shape);
    if (layout === undefined) {
      const text = filled.join('');
      if (/[\r\n]/.test(text)) return encodeLine(text);
      if (layouts.size >= LAYOUTS_KEPT) layouts.clear();
      layout = layoutOf(filled, encodeLine(text));
      layouts.set(shape, layout);
    }
    let encoded = '';
    for (const part of layout)
      encoded += typeof part === 'string' ? part : ends[part.piece]!.slice(part.from, part.to);
    return encoded;
  };
}

/**
 * Finds the plain ends again in their encoded line.
 *
 * @param filled in turn a stretch of any text and a plain end, which is empty after fixed text.
 */
function layoutOf(filled: readonly string[], encoded: string): Layout {
  const layout: (string | { piece: number; from: number; to: number })[] = [];
  let at = 0;
  let fixed = '';
  const soft = (): void => {
    while (encoded.startsWith('=\r\n', at)) {
      fixed += '=\r\n';
      at += 3;
    }
  };
  filled.forEach((text, index) => {
    if (index % 2 === 0) {
      for (let bytes = Buffer.byteLength(text); bytes > 0; bytes--) {
        soft();
        const width = encoded[at] === '=' ? 3 : 1;
        fixed += encoded.slice(at, at + width);
        at += width;
      }
      return;
    }
    for (let from = 0; from < text.length;) {
      soft();
      const end = encoded.indexOf('=\r\n', at);
      const to = Math.min(text.length, end < 0 ? text.length : from + end - at);
      layout.push(fixed, { piece: (index - 1) / 2, from, to });
      fixed = '';
      at += to - from;
      from = to;
    }
  });
  layout.push(fixed + encoded.slice(at));
  return layout;
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
