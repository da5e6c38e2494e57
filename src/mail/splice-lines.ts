/** Quoted-printable lines with places for a recipient's own words. */
import { encode, wrap } from 'nodemailer/lib/qp';
import { textLines } from './compose.ts';

/** One line of text before it is encoded: fixed stretches, and the numbers of places. */
export type PlacedLine = readonly (string | number)[];

/** What stands in the places of one recipient's mail, each under its number. */
export type Filled = readonly string[];

/** A line encoded: fixed stretches, and stretches of the values of places, which stand there as they are. */
export type Layout = readonly (
  string | { readonly place: number; readonly from: number; readonly to: number }
)[];

/** Above this the library encodes a text in several pieces, whose line breaks depend on where they meet. */
const LONGEST_TEXT = 60_000;

/**
 * Quoted-printable of a text: each line is encoded by itself, so lines without places are encoded here and now.
 *
 * @param pieces fixed stretches, and the numbers of places.
 * @returns `undefined` where a mail composed by itself may have other line breaks.
 */
export function encodeLines(pieces: PlacedLine): (string | PlacedLine)[] | undefined {
  const lines: (string | number)[][] = [[]];
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
  return lines.map((line) =>
    line.every((piece) => typeof piece === 'string') ? encodeLine(line.join('')) : line,
  );
}

function encodeLine(line: string): string {
  return wrap(encode(textLines(line)), 76);
}

/** The characters that are encoded as themselves and that no line break looks at. */
const PLAIN_CHARACTER = /[\w-]/;
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  PLAIN_CHARACTER.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Whether a value is plain from there on. */
export function isPlain(value: string, from: number): boolean {
  for (let at = from; at < value.length; at++) if (PLAIN[value.charCodeAt(at)] !== 1) return false;
  return true;
}

/** Where the plain end of a value begins, such as the token of a link. */
export function plainFrom(value: string): number {
  let start = value.length;
  while (start > 0 && PLAIN[value.charCodeAt(start - 1)] === 1) start--;
  return start;
}

/**
 * Encodes one line. Where it is broken does not depend on the plain ends of its values, so that the layout for one
 * recipient serves all whose values are alike but for these.
 *
 * @returns `undefined` where a value brings a line break along.
 */
export function layoutOf(line: PlacedLine, filled: Filled): Layout | undefined {
  const text = textOf(line, filled);
  if (/[\r\n]/.test(text)) return undefined;
  const encoded = encodeLine(text);
  const layout: (string | { place: number; from: number; to: number })[] = [];
  let at = 0;
  let fixed = '';
  const soft = (): void => {
    while (encoded.startsWith('=\r\n', at)) {
      fixed += '=\r\n';
      at += 3;
    }
  };
  const skip = (stretch: string): void => {
    for (let bytes = Buffer.byteLength(stretch); bytes > 0; bytes--) {
      soft();
      const width = encoded[at] === '=' ? 3 : 1;
      fixed += encoded.slice(at, at + width);
      at += width;
    }
  };
  for (const piece of line) {
    if (typeof piece === 'string') {
      skip(piece);
      continue;
    }
    const value = filled[piece]!;
    const start = plainFrom(value);
    skip(value.slice(0, start));
    for (let from = start; from < value.length;) {
      soft();
      const end = encoded.indexOf('=\r\n', at);
      const to = Math.min(value.length, end < 0 ? value.length : from + end - at);
      layout.push(fixed, { place: piece, from, to });
      fixed = '';
      at += to - from;
      from = to;
    }
  }
  layout.push(fixed + encoded.slice(at));
  return layout;
}

function textOf(line: PlacedLine, filled: Filled): string {
  return line.map((piece) => (typeof piece === 'string' ? piece : filled[piece]!)).join('');
}

const LAYOUTS_KEPT = 200;

/** Encodes one line for many recipients whose values are not much alike, such as names. */
export function lineEncoder(line: PlacedLine): (filled: Filled) => string {
  const layouts = new Map<string, Layout>();
  const places = line.filter((piece) => typeof piece !== 'string');
  return (filled) => {
    let shape = '';
    for (const place of places) {
      const value = filled[place]!;
      const from = plainFrom(value);
      shape += `${from}:${value.slice(0, from)}${value.length - from};`;
    }
    let layout = layouts.get(shape);
    if (layout === undefined) {
      layout = layoutOf(line, filled);
      if (layout === undefined) return encodeLine(textOf(line, filled));
      if (layouts.size >= LAYOUTS_KEPT) layouts.clear();
      layouts.set(shape, layout);
    }
    let encoded = '';
    for (const part of layout)
      encoded += typeof part === 'string' ? part : filled[part.place]!.slice(part.from, part.to);
    return encoded;
  };
}
