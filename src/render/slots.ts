/**
 * A mail is rendered once per announcement. What differs from person to person is left as a mark and filled in for
 * each: the mark is `U+E000 name U+E001`, two private-use characters that no text from outside keeps.
 */
import { invalidInput } from '../kernel/errors.ts';
import { cleanLine } from './clean.ts';

/** Every slot and what may stand in it. A further personal link is a further line here. */
const SLOTS = {
  /** "Hello Ann," or, without a name, "Hello,". */
  greetingName: 'greeting',
  unsubscribeUrl: 'url',
  preferencesUrl: 'url',
} as const satisfies Record<string, 'greeting' | 'url'>;

type SlotName = keyof typeof SLOTS;

/**
 * Values for one recipient. `greetingName` is the name as the person gave it; what stands in the mail is derived
 * from it. A mark in the mail without a value here is an error; a value without a mark is not.
 */
export type SlotValues = { readonly greetingName: string | null } & {
  readonly [Name in Exclude<SlotName, 'greetingName'>]?: string;
};

/** A mail that may hold slot marks (in `html` and `text`), as `Renderer.mail` gives it. Plain JSON. */
export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** A mail for one person, without marks. */
export interface FilledMail extends RenderedMail {
  readonly filled: true;
}

const MARK = /\ue000(\w+)\ue001/;

/** The mark of a slot, for templates. */
export function slotMark(name: string): string {
  if (!Object.hasOwn(SLOTS, name)) {
    throw new Error(`"${name}" is no slot; there are ${Object.keys(SLOTS).join(', ')}`);
  }
  return `\ue000${name}\ue001`;
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

type Piece = string | { readonly slot: SlotName };

function pieces(template: string): Piece[] {
  return template
    .split(MARK)
    .map((part, index) => (index % 2 === 0 ? part : { slot: part as SlotName }))
    .filter((piece) => piece !== '');
}

function valueOf(slot: SlotName, values: SlotValues): string {
  if (SLOTS[slot] === 'greeting') {
    const name = greetingNameOf(values.greetingName);
    return name === null ? 'Hello,' : `Hello ${name},`;
  }
  const value = values[slot];
  if (value === undefined || value === null || !/^https?:\/\/[^\s"'<>]+$/.test(value)) {
    throw invalidInput({ field: slot, message: 'must be a web address; the mail has a place for it' });
  }
  return value;
}

/** `fillSlots` for many recipients of one mail: the mail is taken apart once. */
export function slotFiller(mail: RenderedMail): (values: SlotValues) => FilledMail {
  const html = pieces(mail.html);
  const text = pieces(mail.text);
  const put = (parts: readonly Piece[], values: SlotValues, escape: (value: string) => string): string =>
    parts.map((part) => (typeof part === 'string' ? part : escape(valueOf(part.slot, values)))).join('');
  return (values) => ({
    subject: mail.subject,
    html: put(html, values, escapeHtml),
    text: put(text, values, (value) => value),
    filled: true,
  });
}

/**
 * The mail as one person gets it. Values are escaped for the part that they stand in.
 *
 * @throws invalidInput on the slot whose value is missing or is no web address
 */
export function fillSlots(mail: RenderedMail, values: SlotValues): FilledMail {
  return slotFiller(mail)(values);
}
