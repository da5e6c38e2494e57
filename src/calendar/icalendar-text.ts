/** Text on its way into a calendar file: what may be in it, and how its lines are folded. */

/** Line ends of every kind, also those that only some parsers take for one. */
const LINE_ENDS = /\r\n|[\r\n\v\f\u0085\u2028\u2029]/g;

/** Control characters, the byte order mark and halves of surrogate pairs; the joiner inside emoji stays. */
const NOT_TEXT = /[\p{Cc}\p{Cs}\ufeff]/gu;

/**
 * One line of plain text for a title or a name. Double quotes become single ones: a parameter value cannot
 * hold them (RFC 5545 section 3.2), and few programs read the escape of RFC 6868.
 */
export function oneLine(text: string): string {
  return text
    .replace(LINE_ENDS, ' ')
    .replaceAll('\t', ' ')
    .replace(NOT_TEXT, '')
    .replaceAll('"', "'")
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** A name for a parameter. It has no escapes (RFC 5545 section 3.2), but some parsers take a backslash for one. */
export function parameterText(text: string): string {
  return oneLine(text.replaceAll('\\', '/'));
}

/** Plain text of several lines, for a description. */
function manyLines(text: string): string {
  const keep = (line: string): string => line.replaceAll('\t', ' ').replace(NOT_TEXT, '').trimEnd();
  return text.replace(LINE_ENDS, '\n').split('\n').map(keep).join('\n').trim();
}

/** The link stands in the text too, unless it does already: many programs show neither URL nor CONFERENCE. */
export function textWithLink(text: string, link: string | undefined): string {
  const plain = manyLines(text);
  if (link === undefined || plain.includes(link)) return plain;
  return `${plain}\n\nJoin online: ${link}`.trim();
}

/** The escapes of a TEXT value (RFC 5545 section 3.3.11). */
export function escapeText(text: string): string {
  return text.replace(/[\\;,]/g, '\\$&').replaceAll('\n', '\\n');
}

const MAX_OCTETS = 75;

function foldLine(line: string): string {
  const parts: string[] = [];
  let part = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > MAX_OCTETS) {
      parts.push(part);
      part = ' ';
      octets = 1;
    }
    part += character;
    octets += size;
  }
  return [...parts, part].join('\r\n');
}

/**
 * Folds every line at 75 octets without cutting a character, and ends the last one (RFC 5545 section 3.1).
 * Lines that were folded by another measure are unfolded first.
 */
export function refold(content: string): string {
  const lines = content
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .filter((line) => line !== '');
  return lines.map((line) => `${foldLine(line)}\r\n`).join('');
}
