/**
 * A mail is rendered once per announcement. What differs from person to person is left as a mark and filled in for
 * each: the mark is `U+E000 name U+E001`, two private-use characters that no text from outside keeps. A slot with
 * something to say instead is `U+E000 name|fallback U+E001`, the fallback percent-encoded.
 */
import { invalidInput } from '../kernel/errors.ts';
import { cleanLine } from './clean.ts';

/** Every slot and what may stand in it. A further personal link is a further line here. */
const SLOTS = {
  /** "Hello Ann," or, without a name, "Hello,". */
  greetingName: 'greeting',
  /** "Ann", or what the text says instead. */
  name: 'name',
  unsubscribeUrl: 'url',
  preferencesUrl: 'url',
  /** Base of the answers to an invitation. */
  rsvpUrl: 'url',
} as const satisfies Record<string, 'greeting' | 'name' | 'url'>;

export type SlotName = keyof typeof SLOTS;

/**
 * Values for one recipient. `greetingName` is the name as the person gave it; what stands in the mail is derived
 * from it. A mark in the mail without a value here is an error; a value without a mark is not.
 */
export type SlotValues = { readonly greetingName: string | null } & {
  readonly [Name in Exclude<SlotName, 'greetingName' | 'name'>]?: string;
};

/** A mail that may hold slot marks, as `Renderer.mail` gives it. Plain JSON. */
export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** A mail for one person, without marks. */
export interface FilledMail extends RenderedMail {
  readonly filled: true;
}

const MARK = /\ue000(\w+)(?:\|([^\ue001]*))?\ue001/;

/** The mark of a slot, for templates and merge fields. */
export function slotMark(name: string, fallback?: string): string {
  if (!Object.hasOwn(SLOTS, name)) {
    throw new Error(`"${name}" is no slot; there are ${Object.keys(SLOTS).join(', ')}`);
  }
  return `\ue000${name}${fallback === undefined ? '' : `|${encodeFallback(fallback)}`}\ue001`;
}

/** Letters, digits and `%` only: nothing that HTML or a parser of it would change. */
function encodeFallback(text: string): string {
  return encodeURIComponent(text).replace(
    /[^\w%.-]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
}

const TITLES = new Set(['dr', 'mr', 'mrs', 'ms', 'miss', 'mx', 'prof', 'professor', 'sir', 'dame', 'rev']);

/**
 * The name to greet somebody by: the first name, or the whole name when it begins with a title. A "name" that
 * reads like an address or a link gives `null`: a form that anybody can fill in must not put links into our mail.
 */
export function greetingNameOf(name: string | null): string | null {
  const cleaned = cleanLine(name ?? '');
  if (cleaned === '' || /[@/\\<>{}[\]]|www\.|\p{L}\.\p{L}{2,}|\d{3}/iu.test(cleaned)) return null;
  const [first = ''] = cleaned.split(' ');
  const greeting = TITLES.has(first.toLowerCase().replace(/\.$/, '')) ? cleaned : first;
  return greeting.length > 60 ? null : greeting;
}

/** HTML text and attribute values in quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

type Piece = string | { readonly slot: SlotName; readonly fallback: string };

function pieces(template: string): Piece[] {
  const parts = template.split(MARK);
  const found: Piece[] = [];
  for (let index = 0; index < parts.length; index += 3) {
    if (parts[index] !== '') found.push(parts[index]!);
    const slot = parts[index + 1];
    if (slot !== undefined) {
      found.push({ slot: slot as SlotName, fallback: decodeURIComponent(parts[index + 2] ?? '') });
    }
  }
  return found;
}

/** A text with each mark replaced by what `value` gives for it. */
export function replaceSlots(text: string, value: (slot: SlotName, fallback: string) => string): string {
  return pieces(text)
    .map((piece) => (typeof piece === 'string' ? piece : value(piece.slot, piece.fallback)))
    .join('');
}

function valueOf(slot: SlotName, fallback: string, values: SlotValues): string {
  if (slot === 'name') return greetingNameOf(values.greetingName) ?? fallback;
  if (slot === 'greetingName') {
    const name = greetingNameOf(values.greetingName);
    return name === null ? 'Hello,' : `Hello ${name},`;
  }
  const value = values[slot];
  if (value === undefined || value === null || !/^https?:\/\/[^\s"'<>]+$/.test(value)) {
    throw invalidInput({ field: slot, message: 'must be a web address; the mail has a place for it' });
  }
  return value;
}

/** A stretch of a mail that all get, or a function that gives what one recipient gets in that place. */
type SlotPiece = string | ((values: SlotValues) => string);

/**
 * A mail taken apart at its marks, once for many recipients. Values are escaped for the part that they stand in; the
 * pieces put together are what `fillSlots` gives.
 */
export function slotPieces(mail: RenderedMail): {
  readonly subject: string | ((values: SlotValues) => string);
  readonly html: readonly SlotPiece[];
  readonly text: readonly SlotPiece[];
} {
  const apart = (template: string, escape: (value: string) => string): SlotPiece[] => {
    // One function for all places where the same is to stand, so that it is found out once for each recipient.
    const known = new Map<string, SlotPiece>();
    return pieces(template).map((part) => {
      if (typeof part === 'string') return part;
      const key = `${part.slot}|${part.fallback}`;
      const piece =
        known.get(key) ?? ((values: SlotValues) => escape(valueOf(part.slot, part.fallback, values)));
      known.set(key, piece);
      return piece;
    });
  };
  const subject = apart(mail.subject, (value) => value);
  return {
    subject: subject.every((piece) => typeof piece === 'string')
      ? cleanLine(subject.join(''))
      : (values) => cleanLine(put(subject, values)),
    html: apart(mail.html, escapeHtml),
    text: apart(mail.text, (value) => value),
  };
}

function put(parts: readonly SlotPiece[], values: SlotValues): string {
  return parts.map((part) => (typeof part === 'string' ? part : part(values))).join('');
}

/**
 * The mail as one person gets it. Values are escaped for the part that they stand in.
 *
 * @throws invalidInput on the slot whose value is missing or is no web address
 */
export function fillSlots(mail: RenderedMail, values: SlotValues): FilledMail {
  const { subject, html, text } = slotPieces(mail);
  return {
    subject: typeof subject === 'string' ? subject : subject(values),
    html: put(html, values),
    text: put(text, values),
    filled: true,
  };
}
