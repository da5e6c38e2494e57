import { displayWidth, printable, truncate } from './text.ts';

export interface Column<Row> {
  readonly heading: string;
  readonly value: (row: Row) => string;
  readonly align?: 'right';
  /** Never shortened: an id that somebody copies, a date that must be read whole. */
  readonly whole?: true;
}

const GAP = '  ';
const NARROWEST = 8;

/**
 * Rows as a table of at most `columns` columns: the widest cells are shortened until it fits. Without a width
 * (a file or a pipe) nothing is shortened. Where even the shortest cells do not fit, each row becomes a block
 * of labelled lines.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined,
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const natural = columns.map((column, index) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index]!)), displayWidth(column.heading)),
  );
  const widths = width === undefined ? natural : fit(columns, natural, width);
  if (widths === undefined) return blocks(columns, cells);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(truncate(text, widths[index]!), widths[index]!, columns[index]!.align))
      .join(GAP)
      .trimEnd();
  return [
    line(columns.map((column) => column.heading)),
    widths.map((size) => '─'.repeat(size)).join(GAP),
    ...cells.map(line),
    '',
  ].join('\n');
}

/** Labelled values below each other: `Label  value`. */
export function fields(pairs: readonly (readonly [label: string, value: string | undefined])[]): string {
  const shown = pairs.filter(
    (pair): pair is readonly [string, string] => pair[1] !== undefined && pair[1] !== '',
  );
  const width = Math.max(0, ...shown.map(([label]) => displayWidth(label)));
  return shown.map(([label, value]) => `${pad(label, width)}${GAP}${printable(value)}\n`).join('');
}

function fit(
  columns: readonly Column<never>[],
  natural: readonly number[],
  width: number,
): number[] | undefined {
  const widths = [...natural];
  let excess = widths.reduce((sum, size) => sum + size, 0) + GAP.length * (widths.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    widths.forEach((size, index) => {
      if (columns[index]!.whole || size <= NARROWEST) return;
      if (widest < 0 || size > widths[widest]!) widest = index;
    });
    if (widest < 0) return undefined;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

function blocks(columns: readonly Column<never>[], cells: readonly (readonly string[])[]): string {
  return cells.map((row) => fields(columns.map((column, index) => [column.heading, row[index]]))).join('\n');
}

function pad(text: string, width: number, align?: 'right'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? space + text : text + space;
}
