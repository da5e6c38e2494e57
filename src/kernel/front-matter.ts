import { invalidInput } from './errors.ts';

/** A text file with values at its top, between two lines of three hyphens. */
export interface FrontMatter {
  readonly values: Readonly<Record<string, string>>;
  readonly body: string;
  /** The line of the file on which the body begins, counted from 1. */
  readonly bodyLine: number;
}

/**
 * Reads `key: value` lines between `---` and `---` at the top of a file. Values are text up to the end of the line;
 * quotation marks around the whole value are left out, a line that begins with `#` is a remark.
 *
 * @throws invalidInput on `file` with the line, for a block that is not closed, a line without a key or a key given twice.
 */
export function parseFrontMatter(text: string): FrontMatter {
  const lines = text
    .replace(/^\ufeff/, '')
    .replace(/\r\n?/g, '\n')
    .split('\n');
  if (lines[0]?.trimEnd() !== '---') return { values: {}, body: lines.join('\n'), bodyLine: 1 };
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---');
  if (end < 0) {
    throw invalidInput({
      field: 'file',
      message: 'line 1: the block that begins with --- is not closed by a second ---',
    });
  }
  const values: Record<string, string> = {};
  lines.slice(1, end).forEach((line, index) => {
    if (line.trim() === '' || line.trimStart().startsWith('#')) return;
    const match = /^\s*([A-Za-z][\w-]*)\s*:(?:\s+(.*))?$/.exec(line);
    const at = `line ${index + 2}`;
    if (match === null) {
      throw invalidInput({ field: 'file', message: `${at}: write "key: value" (example: topic: training)` });
    }
    const key = match[1]!;
    if (Object.hasOwn(values, key))
      throw invalidInput({ field: 'file', message: `${at}: "${key}" is given twice` });
    const value = (match[2] ?? '').trim();
    values[key] =
      /^"(.*)"$|^'(.*)'$/
        .exec(value)
        ?.slice(1)
        .find((inner) => inner !== undefined) ?? value;
  });
  return { values, body: lines.slice(end + 1).join('\n'), bodyLine: end + 2 };
}
