/** Checks of the finished mail. */
import type { Finding } from '../kernel/finding.ts';
import { contrast } from '../render/colour.ts';
import { slotMark } from '../render/slots.ts';
import type { Checked } from './types.ts';

/** Gmail cuts a mail off at about 102 kB of HTML. */
export const LARGEST_MAIL = 90_000;
const LEAST_CONTRAST = 4.5;

const VOID = new Set(['area', 'br', 'col', 'hr', 'img', 'input', 'link', 'meta', 'wbr']);

/** A mail that mail programs would cut off, and the link to leave with it. */
export function checkSize({ mail }: Pick<Checked, 'mail'>): Finding[] {
  const size = Buffer.byteLength(mail.html);
  if (size <= LARGEST_MAIL) return [];
  return [
    {
      level: 'error',
      check: 'size',
      message: `The mail has ${Math.ceil(size / 1000)} kB; beyond ${LARGEST_MAIL / 1000} kB mail programs cut it off. Shorten the text.`,
    },
  ];
}

/** The way to leave, in both parts (a template of the organisation's own may have lost it). */
export function checkUnsubscribe({ mail }: Pick<Checked, 'mail'>): Finding[] {
  const mark = slotMark('unsubscribeUrl');
  const missing = [
    ...(mail.html.includes(mark) ? [] : ['HTML']),
    ...(mail.text.includes(mark) ? [] : ['plain text']),
  ];
  return missing.map((part) => ({
    level: 'error',
    check: 'unsubscribe',
    message: `The link to unsubscribe is missing from the ${part} part: the template must hold it.`,
  }));
}

interface Colours {
  readonly tag: string;
  readonly text: string;
  readonly ground: string;
}

/** Text that is hard to read on its ground (WCAG 2.2, 1.4.3), by the colours in the mail's own style attributes. */
export function checkContrast({ mail }: Pick<Checked, 'mail'>): Finding[] {
  const stack: Colours[] = [{ tag: '', text: '#000000', ground: '#ffffff' }];
  const found = new Map<string, string>();
  const html = mail.html.replace(/<!--[\s\S]*?-->|<(style|title|head)\b[\s\S]*?<\/\1>/gi, '');
  for (const [, closing, name, attributes, words] of html.matchAll(
    /<(\/?)([a-z][a-z0-9]*)\b([^>]*)>([^<]*)/gi,
  )) {
    const tag = name!.toLowerCase();
    if (closing) {
      const open = stack.findLastIndex((entry) => entry.tag === tag);
      if (open > 0) stack.length = open;
    } else if (!VOID.has(tag)) {
      const outer = stack.at(-1)!;
      const hidden = /display:\s*none/i.test(attributes!);
      const text = hexOf(/[";\s]color:\s*(#[0-9a-f]{3,6})\b/i.exec(attributes!)?.[1]) ?? outer.text;
      const ground =
        hexOf(/background(?:-color)?:\s*(#[0-9a-f]{3,6})\b/i.exec(attributes!)?.[1]) ??
        hexOf(/bgcolor="(#[0-9a-f]{3,6})"/i.exec(attributes!)?.[1]) ??
        outer.ground;
      stack.push({ tag, text: hidden ? ground : text, ground });
    }
    const { text, ground } = stack.at(-1)!;
    if (words!.trim() === '' || text === ground) continue;
    if (contrast(text, ground) < LEAST_CONTRAST)
      found.set(`${text} on ${ground}`, words!.trim().slice(0, 40));
  }
  return [...found].map(([pair, words]) => ({
    level: 'error',
    check: 'contrast',
    message: `"${words}" is hard to read: ${pair} has less contrast than ${LEAST_CONTRAST} to 1. Choose a darker colour for the group.`,
  }));
}

function hexOf(colour: string | undefined): string | undefined {
  if (colour === undefined) return undefined;
  if (colour.length === 4) return `#${colour.slice(1).replace(/./g, '$&$&')}`.toLowerCase();
  return colour.length === 7 ? colour.toLowerCase() : undefined;
}
