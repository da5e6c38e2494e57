import { parse, CsvError } from 'csv-parse';
import { invalidInput, type ConvenorError } from '../kernel/errors.ts';
import { readColumns, type ColumnNames, type ImportColumns } from './import-columns.ts';

/** One line of the file below its heading. `line` is the number of its first line, as an editor counts. */
export interface ImportLine {
  readonly line: number;
  readonly fields: readonly string[];
  readonly columns: ImportColumns;
}

/** A quote that is never closed would swallow the rest of the file into one field. */
const LONGEST_LINE = 100_000;

/**
 * Reads a CSV file line by line: UTF-8 with or without a byte order mark; comma, semicolon or tab between
 * fields; columns in any order. Holds one piece of the file at a time.
 *
 * @throws ConvenorError `invalid_input` for `file` as soon as something makes the file unreadable: another
 *   encoding, a quote left open, no column of addresses, nobody in it.
 */
export async function* readImportFile(
  source: AsyncIterable<Uint8Array>,
  names?: ColumnNames,
): AsyncGenerator<ImportLine> {
  const text = decoded(source);
  const first = await text.next();
  if (first.done === true) throw unreadable('is empty');
  const parser = parse({
    delimiter: delimiterOf(first.value),
    info: true,
    max_record_size: LONGEST_LINE,
    record_delimiter: '\n',
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
  });
  const feeding = feed(parser, first.value, text);
  let columns: ImportColumns | undefined;
  let lines = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      if (columns === undefined) {
        columns = readColumns(record, names);
        continue;
      }
      lines += 1;
      yield { line: firstLineOf(record, info.lines), fields: record, columns };
    }
    await feeding;
  } catch (error) {
    throw describe(error);
  } finally {
    parser.destroy();
    await feeding.catch(() => undefined);
  }
  if (columns === undefined) throw unreadable('is empty');
  if (lines === 0) throw unreadable('names its columns, but there is nobody in it');
}

/** Writes the text into the parser as fast as it is read from it. */
async function feed(
  parser: ReturnType<typeof parse>,
  first: string,
  rest: AsyncGenerator<string>,
): Promise<void> {
  try {
    for (let piece = first; ;) {
      if (parser.destroyed) return;
      if (!parser.write(piece)) await drained(parser);
      const next = await rest.next();
      if (next.done === true) break;
      piece = next.value;
    }
    parser.end();
  } catch (error) {
    parser.destroy(error as Error);
  }
}

function drained(parser: ReturnType<typeof parse>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      parser.off('drain', done).off('close', done);
      resolve();
    };
    parser.on('drain', done).on('close', done);
  });
}

/**
 * The file as text, piece by piece, with every line end as one line feed (the parser miscounts others inside
 * quotes). The first piece holds the whole first line that is not empty.
 */
async function* decoded(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let held = '';
  let firstLine = true;
  let begun = false;
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw unreadable(
        `is not in the encoding UTF-8 (at or after line ${line}). Save it as "CSV UTF-8" and import it again`,
      );
    }
  };
  for await (const bytes of source) {
    if (!begun && bytes.length > 0) {
      begun = true;
      refuseOtherEncodings(bytes);
    }
    let text = held + decode(bytes);
    // The line feed that may follow a carriage return could be in the next piece.
    held = text.endsWith('\r') ? '\r' : '';
    text = text.slice(0, text.length - held.length).replace(/\r\n?/g, '\n');
    if (text.includes('\0')) throw unreadable('is not a text file');
    if (firstLine && !/[^\n]\n/.test(text) && text.length < LONGEST_LINE) {
      held = text + held;
      continue;
    }
    firstLine = false;
    line += text.split('\n').length - 1;
    yield text;
  }
  yield (held + decode()).replace(/\r\n?/g, '\n');
}

function refuseOtherEncodings(bytes: Uint8Array): void {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw unreadable('is in the encoding UTF-16. Save it as "CSV UTF-8" and import it again');
  }
  if (a === 0x50 && b === 0x4b) {
    throw unreadable('is a spreadsheet or an archive. Save it as "CSV UTF-8" and import that');
  }
}

/** The sign that stands most often in the first line between names of columns. */
function delimiterOf(text: string): string {
  const header = text.replace(/^\n+/, '').split('\n', 1)[0]!;
  const counted = [',', ';', '\t'].map((sign) => ({ sign, count: header.split(sign).length }));
  return counted.reduce((best, each) => (each.count > best.count ? each : best)).sign;
}

function firstLineOf(record: readonly string[], lastLine: number): number {
  return lastLine - record.reduce((breaks, field) => breaks + field.split('\n').length - 1, 0);
}

function describe(error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = (error as { lines?: unknown }).lines;
  const where = typeof line === 'number' ? ` near line ${line}` : '';
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') {
    return unreadable(`cannot be read${where}: a quotation mark is opened and never closed`);
  }
  return unreadable(`cannot be read${where}: it is not a proper CSV file`);
}

function unreadable(message: string): ConvenorError {
  return invalidInput({ field: 'file', message });
}
