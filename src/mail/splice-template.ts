/** A message as blocks of bytes that are copied whole, with the few that are a recipient's own written over. */
import {
  isPlain,
  layoutOf,
  lineEncoder,
  plainFrom,
  type Filled,
  type Layout,
  type PlacedLine,
} from './splice-lines.ts';
import type { ComposedMail } from './types.ts';
import { hasDots, messageSpace } from './wire.ts';

/** Header fields that are encoded and folded anew for each recipient. */
export type OwnFields = Readonly<Record<'messageId' | 'to' | 'subject', string>>;

/**
 * A part of a message: fixed text as it goes out, the number of a place whose value goes out as it is, a line to encode
 * with its places, or a field.
 */
export type Part = string | number | PlacedLine | { readonly field: keyof OwnFields };

/** Where the characters `from` to `to` of a value stand in a block. */
interface Patch {
  readonly at: number;
  readonly place: number;
  readonly from: number;
  readonly to: number;
}

/** Bytes that all get whose values are alike, but for the patches, and a text that is made for each recipient. */
interface Block {
  readonly bytes: Buffer;
  readonly patches: readonly Patch[];
  readonly after: (filled: Filled, fields: OwnFields) => string;
}

/** What a value must be like for the blocks to fit: of this length and with this beginning, and from there on plain. */
interface Likeness {
  readonly place: number;
  readonly length: number;
  readonly beginning: string;
}

/**
 * The values of most places, such as links, are alike for all recipients but for their plain ends: what holds them becomes
 * part of the blocks. Places whose values turn out not to be, such as names, are encoded for each recipient.
 *
 * @param parts no line begins with the value of a place that goes out as it is.
 */
export function createTemplate(parts: readonly Part[]): (filled: Filled, fields: OwnFields) => ComposedMail {
  const encoders = new Map<PlacedLine, Block['after']>();
  const varying = new Set<number>();
  let template: Template | undefined;

  function encoderOf(line: PlacedLine): Block['after'] {
    const known = encoders.get(line) ?? lineEncoder(line);
    encoders.set(line, known);
    return known;
  }

  function build(filled: Filled): Template {
    const blocks = new BlockBuilder();
    for (const part of parts) {
      if (typeof part === 'string') blocks.add(part);
      else if (typeof part === 'number') {
        if (varying.has(part)) blocks.end((values) => values[part]!);
        else blocks.addValue(part, filled[part]!);
      } else if ('field' in part) blocks.end((_, fields) => fields[part.field]);
      else {
        const steady = part.every((piece) => typeof piece === 'string' || !varying.has(piece));
        const layout = steady ? layoutOf(part, filled) : undefined;
        if (layout === undefined) blocks.end(encoderOf(part));
        else blocks.addLine(layout, filled);
      }
    }
    blocks.end(() => '');
    const likenesses = filled.flatMap((value, place) => {
      if (varying.has(place)) return [];
      return { place, length: value.length, beginning: value.slice(0, plainFrom(value)) };
    });
    return { blocks: blocks.built, likenesses, dotted: blocks.built.some(({ bytes }) => hasDots(bytes)) };
  }

  return (filled, fields) => {
    if (template === undefined || !fits(template, filled, varying)) template = build(filled);
    return put(template, filled, fields);
  };
}

interface Template {
  readonly blocks: readonly Block[];
  readonly likenesses: readonly Likeness[];
  /** Whether a line of the blocks begins with a dot. */
  readonly dotted: boolean;
}

class BlockBuilder {
  readonly built: Block[] = [];
  #texts: string[] = [];
  #patches: Patch[] = [];
  #length = 0;

  add(text: string): void {
    this.#texts.push(text);
    this.#length += Buffer.byteLength(text);
  }

  addValue(place: number, value: string): void {
    const from = plainFrom(value);
    this.add(value.slice(0, from));
    this.#patch(value, { place, from, to: value.length });
  }

  addLine(layout: Layout, filled: Filled): void {
    for (const piece of layout) {
      if (typeof piece === 'string') this.add(piece);
      else this.#patch(filled[piece.place]!, piece);
    }
  }

  #patch(value: string, { place, from, to }: Omit<Patch, 'at'>): void {
    this.#patches.push({ at: this.#length, place, from, to });
    this.add(value.slice(from, to));
  }

  end(after: Block['after']): void {
    this.built.push({ bytes: Buffer.from(this.#texts.join(''), 'utf8'), patches: this.#patches, after });
    [this.#texts, this.#patches, this.#length] = [[], [], 0];
  }
}

/** @param varying is told of the places whose values are not alike. */
function fits({ likenesses }: Template, filled: Filled, varying: Set<number>): boolean {
  const known = varying.size;
  for (const { place, length, beginning } of likenesses) {
    const value = filled[place]!;
    const alike = value.length === length && value.startsWith(beginning) && isPlain(value, beginning.length);
    if (!alike) varying.add(place);
  }
  return varying.size === known;
}

function put(template: Template, filled: Filled, fields: OwnFields): ComposedMail {
  const texts: string[] = [];
  let length = 0;
  let { dotted } = template;
  for (const { bytes, after } of template.blocks) {
    const text = after(filled, fields);
    texts.push(text);
    length += bytes.length + Buffer.byteLength(text);
    dotted ||= text.startsWith('.') || text.includes('\n.');
  }
  const whole = messageSpace(length);
  let end = 0;
  for (const [index, { bytes, patches }] of template.blocks.entries()) {
    whole.set(bytes, end);
    for (const { at, place, from, to } of patches)
      whole.write(filled[place]!.slice(from, to), end + at, 'latin1');
    end += bytes.length;
    end += whole.write(texts[index]!, end);
  }
  return { bytes: whole, dotted };
}
