/**
 * Text that administrators write: headings, lists, emphasis, links, images by address, quotations, and merge fields
 * (`{{name|there}}`) that are no templates. HTML in it is text.
 */
import MarkdownIt, { type Token } from 'markdown-it';
import { fillMergeFields, mergeFieldAt, type MergeField } from '../kernel/merge-fields.ts';
import { escapeHtml } from './slots.ts';

/** What stands in the place of a field: text, never Markdown. */
export type FieldValue = (field: MergeField) => string;

const markdown = new MarkdownIt({ html: false, linkify: true });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
markdown.disable(['table', 'code', 'fence', 'lheading', 'reference']);

const normalise = markdown.normalizeLink.bind(markdown);
markdown.normalizeLink = (url) => (url.includes('{{') ? url : normalise(url));

markdown.inline.ruler.before('link', 'merge_field', (state, silent) => {
  const field = mergeFieldAt(state.src, state.pos);
  if (field === undefined) return false;
  if (!silent) state.push('merge_field', '', 0).meta = { name: field.name, fallback: field.fallback };
  state.pos += field.length;
  return true;
});

/** Headings of the text stand below the mail's own, which is the subject. */
const HIGHEST_HEADING = 2;
const LOWEST_HEADING = 4;

const headingTag = (token: Token): string =>
  `h${Math.min(Math.max(Number(token.tag.slice(1)), HIGHEST_HEADING), LOWEST_HEADING)}`;

markdown.renderer.rules['heading_open'] = (tokens, index) => `<${headingTag(tokens[index]!)}>`;
markdown.renderer.rules['heading_close'] = (tokens, index) => `</${headingTag(tokens[index]!)}>\n`;
markdown.renderer.rules['image'] = (tokens, index) => {
  const token = tokens[index]!;
  const alt = textOf(token.children ?? []);
  const address = String(token.attrGet('src') ?? '');
  if (!isWebAddress(address)) return escapeHtml(alt);
  return `<img src="${escapeHtml(address)}" alt="${escapeHtml(alt)}">`;
};
markdown.renderer.rules['link_open'] = (tokens, index) =>
  isLinkAddress(hrefOf(tokens[index]!)) ? `<a href="${escapeHtml(hrefOf(tokens[index]!))}">` : '<span>';
markdown.renderer.rules['link_close'] = (tokens, index) => {
  let open = index;
  while (tokens[open]!.type !== 'link_open') open -= 1;
  return isLinkAddress(hrefOf(tokens[open]!)) ? '</a>' : '</span>';
};

/** http or https, with a host. */
export function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s"'<>]+$/i.test(text) && URL.canParse(text);
}

function isLinkAddress(text: string): boolean {
  return isWebAddress(text) || /^mailto:[^\s"'<>]+@[^\s"'<>]+$/i.test(text);
}

/** Where a link leads; empty when it leads nowhere that a mail may lead to. */
export function hrefOf(token: Token): string {
  return String(token.attrGet('href') ?? '');
}

/** The tokens of a text with every field in its place, also in addresses. */
export function tokensOf(body: string, valueOf: FieldValue): Token[] {
  const tokens = markdown.parse(body, {});
  for (const token of tokens) fillTokens(token.children ?? [], valueOf);
  return tokens;
}

function fillTokens(tokens: readonly Token[], valueOf: FieldValue): void {
  for (const token of tokens) {
    if (token.type === 'merge_field') {
      token.type = 'text';
      token.content = valueOf(token.meta as unknown as MergeField);
    }
    for (const name of ['href', 'src']) {
      const address = token.attrGet(name);
      if (address !== null) token.attrSet(name, fillMergeFields(String(address), valueOf));
    }
    fillTokens(token.children ?? [], valueOf);
  }
}

/** Inline tokens as plain words, without addresses. */
export function textOf(tokens: readonly Token[]): string {
  return tokens
    .map((token) => {
      if (token.type === 'softbreak' || token.type === 'hardbreak') return ' ';
      return token.type === 'image' ? textOf(token.children ?? []) : token.content;
    })
    .join('');
}

/** A text as HTML for the body of a mail or a page. */
export function markdownHtml(body: string, valueOf: FieldValue): string {
  return markdown.renderer.render(tokensOf(body, valueOf), { ...markdown.options }, {}).trim();
}

/** What checks look at, each with its line in the text, counted from 1. */
export interface Outline {
  readonly links: readonly { readonly url: string; readonly text: string; readonly line: number }[];
  readonly images: readonly { readonly url: string; readonly alt: string; readonly line: number }[];
  readonly headings: readonly { readonly level: number; readonly text: string; readonly line: number }[];
  /** The words of each paragraph, heading and list entry. */
  readonly passages: readonly { readonly text: string; readonly line: number }[];
}

/** Links, images and headings of a text. */
export function markdownOutline(body: string, valueOf: FieldValue): Outline {
  const links: { url: string; text: string; line: number }[] = [];
  const images: { url: string; alt: string; line: number }[] = [];
  const headings: { level: number; text: string; line: number }[] = [];
  const passages: { text: string; line: number }[] = [];
  const tokens = tokensOf(body, valueOf);
  tokens.forEach((token, index) => {
    const children = token.children;
    if (children === null) return;
    let line = (token.map?.[0] ?? 0) + 1;
    const before = tokens[index - 1];
    if (before?.type === 'heading_open') {
      headings.push({ level: Number(before.tag.slice(1)), text: textOf(children), line });
    }
    let words = '';
    children.forEach((child, at) => {
      if (child.type === 'link_open') {
        const end = children.findIndex((other, i) => i > at && other.type === 'link_close');
        links.push({ url: hrefOf(child), text: textOf(children.slice(at + 1, end)), line });
      } else if (child.type === 'image') {
        images.push({ url: String(child.attrGet('src') ?? ''), alt: textOf(child.children ?? []), line });
      } else if (child.type === 'softbreak' || child.type === 'hardbreak') {
        passages.push({ text: words, line });
        words = '';
        line += 1;
      }
      words += child.type === 'image' ? '' : child.content;
    });
    passages.push({ text: words, line });
  });
  return { links, images, headings, passages };
}
