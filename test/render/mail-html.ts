import { HtmlValidate } from 'html-validate';

/**
 * HTML of mails is held to the standard and the accessibility rules, but for three that mail clients force us to
 * break: the Word engine of classic Outlook needs conditional comments and presentational attributes, and Gmail
 * keeps only inline styles in some of its apps.
 */
const validator = new HtmlValidate({
  extends: ['html-validate:recommended', 'html-validate:standard', 'html-validate:a11y'],
  rules: { 'no-conditional-comment': 'off', 'no-deprecated-attr': 'off', 'no-inline-style': 'off' },
});

/** What is wrong with the HTML of a mail, one line each. */
export function faultsOfMailHtml(html: string): string[] {
  return validator
    .validateStringSync(html)
    .results.flatMap(({ messages }) => messages.map((m) => `line ${m.line}: ${m.message} (${m.ruleId})`));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ' };

function decodeHtml(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return ENTITIES[name!] ?? whole;
    },
  );
}

/** What a person reads: no comments, no styles, tags gone, entities decoded. */
export function visibleText(html: string): string {
  return decodeHtml(
    html
      .replace(/<!--[\s\S]*?-->/g, '')
      .replace(/<(style|title)[\s\S]*?<\/\1>/g, '')
      .replace(/<[^>]+>/g, ' '),
  ).replace(/\s+/g, ' ');
}

/** The addresses that a mail's links lead to. */
export function linksOf(html: string): string[] {
  return [...html.matchAll(/href="([^"]*)"/g)].map((match) => decodeHtml(match[1]!));
}
