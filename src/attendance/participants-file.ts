import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { invalidInput, type ConvenorError } from '../kernel/errors.ts';
import { readFileTime, type DateOrder } from './file-times.ts';
import type { ParticipantRow } from './merge.ts';

/** The meeting that the file is about, to read its times by. */
export interface FileContext {
  readonly startsAt: Temporal.Instant;
  readonly durationMinutes: number;
  /** Zone of the Zoom account that made the file: its times carry none. */
  readonly zone: string;
}

export interface ParticipantsFile {
  readonly rows: readonly ParticipantRow[];
  /** The meeting's number at Zoom, where the file tells it, digits only. */
  readonly meetingNumber: string | undefined;
  /** Lines that could not be used, with the reason. */
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
}

const csvRecords = z.array(z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) }));

const COLUMNS = {
  name: /^(?:user )?name(?: \(original name\))?$/,
  email: /^(?:user )?email$/,
  join: /^join time$/,
  leave: /^leave time$/,
  minutes: /^(?:total )?duration \(minutes\)$/,
  waiting: /^in waiting room$/,
} as const;
type Column = keyof typeof COLUMNS;
const COLUMN_NAMES = ['name', 'email', 'join', 'leave', 'minutes', 'waiting'] as const satisfies Column[];
type Columns = ReadonlyMap<Column, number>;

interface Line {
  readonly number: number;
  readonly cells: readonly string[];
}

const EXPECTED =
  'must be the participants file that Zoom exports (columns “Name (original name)”, “Email”, and “Join time” with “Leave time” or “Duration (minutes)”)';

/**
 * Reads the participants file (CSV) of a meeting, as Zoom has exported it over the years: with or without a
 * block about the meeting before the list, both sets of column names, one line per connection or one per
 * person, any of its date formats, with or without a byte order mark.
 *
 * @throws ConvenorError `invalid_input` for the field `file` when it is not such a file, or of another meeting.
 */
export function readParticipantsFile(bytes: Uint8Array, context: FileContext): ParticipantsFile {
  const { lines, headerAt } = findList(decode(bytes));
  const columns = findColumns(lines[headerAt]!.cells);
  const list = lines.slice(headerAt + 1);
  if (list.length === 0) throw wrongFile('has no participants in it');
  const order = columns.has('join') ? chooseOrder(list, columns, context) : 'month_first';
  const rows: ParticipantRow[] = [];
  const skipped: { line: number; reason: string }[] = [];
  for (const line of list) {
    const row = readRow(line, columns, order, context);
    if (typeof row === 'string') skipped.push({ line: line.number, reason: row });
    else rows.push(row);
  }
  if (rows.length === 0)
    throw wrongFile(`has no line that can be used: line ${skipped[0]!.line}: ${skipped[0]!.reason}`);
  return { rows, meetingNumber: findMeetingNumber(lines.slice(0, headerAt)), skipped };
}

function decode(bytes: Uint8Array): string {
  if (bytes.length === 0) throw wrongFile('is empty');
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  try {
    return new TextDecoder(utf16 ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw wrongFile(
      'is not text in UTF-8; upload the file as Zoom exported it, not re-saved by another program',
    );
  }
}

/** Spreadsheet programs save with semicolons or tabs where the comma is the decimal sign. */
function findList(text: string): { lines: Line[]; headerAt: number } {
  for (const delimiter of [',', ';', '\t']) {
    const lines = readLines(text, delimiter);
    const headerAt = lines.findIndex(({ cells }) => isHeader(findColumns(cells)));
    if (headerAt !== -1) return { lines, headerAt };
  }
  throw wrongFile(EXPECTED);
}

function readLines(text: string, delimiter: string): Line[] {
  const records: unknown = parse(text, {
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
  });
  return csvRecords
    .parse(records)
    .map(({ record, info }) => ({ number: info.lines, cells: record }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
}

function findColumns(cells: readonly string[]): Columns {
  const columns = new Map<Column, number>();
  cells.forEach((cell, index) => {
    const title = cell.toLowerCase().replaceAll(/\s+/g, ' ');
    const column = COLUMN_NAMES.find((name) => COLUMNS[name].test(title));
    if (column !== undefined && !columns.has(column)) columns.set(column, index);
  });
  return columns;
}

function isHeader(columns: Columns): boolean {
  return columns.has('name') && ((columns.has('join') && columns.has('leave')) || columns.has('minutes'));
}

/** Takes the order of day and month under which the file's first join is nearest to the meeting. */
function chooseOrder(list: readonly Line[], columns: Columns, context: FileContext): DateOrder {
  const joins = list.map((line) => cellOf(line, columns, 'join')).filter((text) => text !== '');
  const candidates = (['day_first', 'month_first'] as const).flatMap((order) => {
    const times = joins
      .map((text) => readFileTime(text, order, context.zone))
      .filter((time) => time !== undefined);
    if (times.length < joins.length || times.length === 0) return [];
    const hours = Math.min(...times.map((time) => Math.abs(time.since(context.startsAt).total('hours'))));
    return [{ order, hours, first: times.toSorted((a, b) => Temporal.Instant.compare(a, b))[0]! }];
  });
  const best = candidates.toSorted((a, b) => a.hours - b.hours)[0];
  if (!best) {
    throw wrongFile(`has join times in an unknown form, such as “${joins[0] ?? ''}”`);
  }
  if (best.hours > context.durationMinutes / 60 + 1) {
    const local = best.first
      .toZonedDateTimeISO(context.zone)
      .toPlainDateTime()
      .toString({ smallestUnit: 'minute' });
    throw wrongFile(
      `does not fit this meeting: its first join is at ${local.replace('T', ' ')}. Choose the file of this meeting, or the time zone of the Zoom account that made it`,
    );
  }
  return best.order;
}

/** The line as a row, or the reason why it cannot be one. */
function readRow(
  line: Line,
  columns: Columns,
  order: DateOrder,
  { zone }: FileContext,
): ParticipantRow | string {
  const name = cellOf(line, columns, 'name');
  if (name === '') return 'has no name';
  const email = readEmail(cellOf(line, columns, 'email'));
  const person = {
    name,
    ...(email === undefined ? {} : { email }),
    inWaitingRoom: cellOf(line, columns, 'waiting').toLowerCase() === 'yes',
  };
  if (columns.has('join')) {
    const from = readFileTime(cellOf(line, columns, 'join'), order, zone);
    const to = readFileTime(cellOf(line, columns, 'leave'), order, zone);
    if (!from || !to) return 'has no join or leave time';
    if (Temporal.Instant.compare(to, from) < 0) return 'ends before it begins';
    return { ...person, time: { from, to } };
  }
  const text = cellOf(line, columns, 'minutes');
  return /^\d+$/.test(text) ? { ...person, time: { minutes: Number(text) } } : 'has no minutes';
}

function cellOf({ cells }: Line, columns: Columns, column: Column): string {
  const index = columns.get(column);
  return index === undefined ? '' : (cells[index] ?? '');
}

function readEmail(text: string): string | undefined {
  try {
    return text === '' ? undefined : parseEmailAddress(text).normalised;
  } catch {
    return undefined;
  }
}

/** The block before the list names the meeting's number under “Meeting ID” or “ID”. */
function findMeetingNumber(block: readonly Line[]): string | undefined {
  for (const [index, { cells }] of block.entries()) {
    const column = cells.findIndex((cell) => /^(?:meeting )?id$/i.test(cell));
    const digits = column === -1 ? '' : (block[index + 1]?.cells[column] ?? '').replaceAll(/\s/g, '');
    if (/^\d{9,11}$/.test(digits)) return digits;
  }
  return undefined;
}

function wrongFile(message: string): ConvenorError {
  return invalidInput({ field: 'file', message });
}
