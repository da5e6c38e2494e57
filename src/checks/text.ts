/** Checks of what was written, each with its line. */
import type { Finding } from '../kernel/finding.ts';
import { markdownOutline, type Outline } from '../render/markdown.ts';
import { addressFault } from './addresses.ts';
import type { Checked } from './types.ts';

/** Words that say nothing about where a link leads when they are read alone (WCAG 2.2, 2.4.9). */
const EMPTY_WORDS = new Set(['here', 'click here', 'this', 'link', 'this link', 'more', 'read more']);

export function outlineOf({ body, valueOf }: Pick<Checked, 'body' | 'valueOf'>): Outline {
  return markdownOutline(body, valueOf);
}

/** Links that are malformed, lead nowhere that a reader can go, or say nothing. */
export function checkLinks({
  baseUrl,
  ...checked
}: Pick<Checked, 'body' | 'valueOf' | 'baseUrl'>): Finding[] {
  const { links, images, passages } = outlineOf(checked);
  const findings: Finding[] = [];
  for (const { url, line } of [...links, ...images]) {
    const fault = addressFault(url, baseUrl);
    if (fault) findings.push({ level: fault.level, check: 'links', line, message: fault.message });
  }
  for (const { text, line } of links) {
    if (EMPTY_WORDS.has(text.trim().toLowerCase()) || text.trim() === '') {
      findings.push({
        level: 'warning',
        check: 'links',
        line,
        message: `The words of a link should say where it leads; "${text.trim()}" does not.`,
      });
    }
  }
  for (const { text, line } of passages) {
    if (/\]\(/.test(text)) {
      findings.push({
        level: 'error',
        check: 'links',
        line,
        message: 'A link is not complete: write [words](https://address) without spaces in the address.',
      });
    }
  }
  return findings.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** Pictures that say nothing to somebody who does not see them. */
export function checkImages(checked: Pick<Checked, 'body' | 'valueOf'>): Finding[] {
  return outlineOf(checked)
    .images.filter(({ alt }) => alt.trim() === '')
    .map(({ line }) => ({
      level: 'error',
      check: 'pictures',
      line,
      message: 'Say in words what the picture shows: ![what it shows](https://address).',
    }));
}

/** Headings out of order: the subject is the heading of the first level, so the text begins with ##. */
export function checkHeadings(checked: Pick<Checked, 'body' | 'valueOf'>): Finding[] {
  const findings: Finding[] = [];
  let before = 1;
  for (const { level, line, text } of outlineOf(checked).headings) {
    if (level === 1) {
      findings.push({
        level: 'error',
        check: 'headings',
        line,
        message: 'The subject is the first heading already: begin with ##.',
      });
    } else if (level > before + 1) {
      findings.push({
        level: 'error',
        check: 'headings',
        line,
        message: `"${text}" leaves out a level: write ${'#'.repeat(before + 1)} instead of ${'#'.repeat(level)}.`,
      });
    }
    before = Math.max(level, 2);
  }
  return findings;
}

/** Merge fields that there are none of, or that nothing can be put into. */
export function checkFields({ fieldFaults, mail }: Pick<Checked, 'fieldFaults' | 'mail'>): Finding[] {
  const findings: Finding[] = fieldFaults.map(({ line, message }) => ({
    level: 'error',
    check: 'fields',
    line,
    message,
  }));
  if (findings.length === 0 && /\{\{|\}\}/.test(`${mail.subject}\n${mail.text}`)) {
    findings.push({
      level: 'error',
      check: 'fields',
      message: 'Braces of a merge field are left in the finished mail.',
    });
  }
  return findings;
}
