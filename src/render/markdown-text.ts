/** The same text without HTML: as the plain part of a mail, and with WhatsApp's own marks. */
import type { Token } from 'markdown-it';
import { hrefOf, isWebAddress, textOf, tokensOf, type FieldValue } from './markdown.ts';
import { withoutMarks } from './whatsapp-marks.ts';

/** How the parts of a text are written in one form. */
interface Form {
  readonly heading: (tokens: readonly Token[]) => string;
  readonly inline: (tokens: readonly Token[]) => string;
  readonly rule: string;
}

/** A text for the plain part of a mail, with the address of every link. */
export function markdownText(body: string, valueOf: FieldValue): string {
  return write(tokensOf(body, valueOf), PLAIN);
}

/** A text in WhatsApp's marks, without addresses: the message has one link, and that one stands above. */
export function markdownWhatsApp(body: string, valueOf: FieldValue): string {
  return write(tokensOf(body, valueOf), WHATSAPP);
}

const PLAIN: Form = {
  heading: (tokens) => inlinePlain(tokens),
  inline: inlinePlain,
  rule: '* * *',
};

const WHATSAPP: Form = {
  heading: (tokens) => marked('*', withoutMarks(textOf(tokens))),
  inline: inlineWhatsApp,
  rule: '',
};

function write(tokens: readonly Token[], form: Form): string {
  const blocks: string[] = [];
  const lists: { ordered: boolean; next: number }[] = [];
  let quoted = 0;
  let entry = '';
  /** Whether the last block is an entry of a list whose entries follow each other without an empty line. */
  let tight = false;
  tokens.forEach((token, index) => {
    switch (token.type) {
      case 'bullet_list_open':
      case 'ordered_list_open':
        lists.push({ ordered: token.type.startsWith('ordered'), next: Number(token.attrGet('start') ?? 1) });
        break;
      case 'bullet_list_close':
      case 'ordered_list_close':
        lists.pop();
        if (lists.length === 0) tight = false;
        break;
      case 'list_item_open': {
        const list = lists.at(-1)!;
        entry = list.ordered ? `${list.next}. ` : '- ';
        list.next += 1;
        break;
      }
      case 'blockquote_open':
        quoted += 1;
        break;
      case 'blockquote_close':
        quoted -= 1;
        break;
      case 'hr':
        blocks.push(form.rule);
        break;
      case 'inline': {
        const before = tokens[index - 1]!;
        const words = (before.type === 'heading_open' ? form.heading : form.inline)(token.children ?? []);
        const indent = '  '.repeat(Math.max(0, lists.length - 1)) + (entry || (lists.length > 0 ? '  ' : ''));
        const text = words
          .split('\n')
          .map((line, at) => '> '.repeat(quoted) + (at === 0 ? indent : ' '.repeat(indent.length)) + line)
          .join('\n');
        if (tight && before.hidden) blocks.push(`${blocks.pop()!}\n${text}`);
        else blocks.push(text);
        tight = before.hidden;
        entry = '';
        break;
      }
      default:
    }
  });
  return blocks.filter((block) => block.trim() !== '').join('\n\n');
}

function inlinePlain(tokens: readonly Token[]): string {
  let text = '';
  let link: { at: number; url: string } | undefined;
  for (const token of tokens) {
    if (token.type === 'link_open') link = { at: text.length, url: hrefOf(token) };
    else if (token.type === 'link_close' && link) {
      const words = text.slice(link.at);
      const address = link.url.replace(/^mailto:/i, '');
      if (words !== address && words !== link.url) {
        text = `${text.slice(0, link.at)}${words}${isWebAddress(link.url) || address !== link.url ? ` (${address})` : ''}`;
      } else text = `${text.slice(0, link.at)}${address}`;
      link = undefined;
    } else if (token.type === 'softbreak' || token.type === 'hardbreak') text += '\n';
    else if (token.type === 'image') text += imageInWords(token);
    else text += token.content;
  }
  return text;
}

function imageInWords(token: Token): string {
  const alt = textOf(token.children ?? []);
  return alt === '' ? '' : `[Picture: ${alt}]`;
}

const MARKS: Readonly<Record<string, string>> = { strong: '*', em: '_', s: '~' };

/** A mark only works where it touches the words inside and no word outside. */
function marked(mark: string, words: string): string {
  const inner = words.trim();
  if (inner === '' || inner.includes('\n')) return words;
  return words.replace(inner, () => `${mark}${inner}${mark}`);
}

function inlineWhatsApp(tokens: readonly Token[]): string {
  const open: { mark: string; at: number }[] = [];
  let text = '';
  let link: { at: number; url: string } | undefined;
  tokens.forEach((token, index) => {
    const mark = MARKS[token.tag];
    if (token.type.endsWith('_open') && mark) open.push({ mark, at: text.length });
    else if (token.type.endsWith('_close') && mark) {
      const { at } = open.pop()!;
      const touches =
        /[\p{L}\p{N}]$/u.test(text.slice(0, at)) || /^[\p{L}\p{N}]/u.test(tokens[index + 1]?.content ?? '');
      if (!touches) text = text.slice(0, at) + marked(mark, text.slice(at));
    } else if (token.type === 'link_open') link = { at: text.length, url: hrefOf(token) };
    else if (token.type === 'link_close' && link) {
      if (isWebAddress(text.slice(link.at))) text = `${text.slice(0, link.at)}(see the link above)`;
      link = undefined;
    } else if (token.type === 'softbreak') text += ' ';
    else if (token.type === 'hardbreak') text += '\n';
    else if (token.type === 'image') text += '';
    else text += link ? token.content : withoutMarks(token.content);
  });
  return text.replace(/^[>\-•\s]+/, '').replace(/\bhttps?:\/\/\S+/g, '');
}
