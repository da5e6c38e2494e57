import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** A field of a CSV file (RFC 4180), and harmless in a spreadsheet that takes "=…" for a formula. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const BATCH = 500;

/**
 * Sends a table as a file, in UTF-8 with the mark by which spreadsheets know it. Rows that come one by one are
 * sent as they come, so that a long list needs no room.
 */
export function csv(
  reply: FastifyReply,
  filename: string,
  heading: readonly string[],
  rows: Iterable<readonly string[]> | AsyncIterable<readonly string[]>,
): FastifyReply {
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', `attachment; filename="${filename}"`)
    .header('cache-control', 'no-store')
    .send(Readable.from(pieces(heading, rows), { objectMode: false }));
}

async function* pieces(
  heading: readonly string[],
  rows: Iterable<readonly string[]> | AsyncIterable<readonly string[]>,
): AsyncGenerator<string> {
  const line = (row: readonly string[]) => `${row.map(csvField).join(',')}\r\n`;
  let piece = `\ufeff${line(heading)}`;
  let held = 0;
  for await (const row of rows) {
    piece += line(row);
    held += 1;
    if (held % BATCH === 0) {
      yield piece;
      piece = '';
    }
  }
  yield piece;
}

/** All rows of something that is read page by page; `next` is what the page after begins with. */
export async function* allPages<Row>(
  read: (after: string | undefined) => Promise<{ rows: readonly Row[]; next: string | undefined }>,
): AsyncGenerator<Row> {
  let after: string | undefined;
  do {
    const page = await read(after);
    yield* page.rows;
    after = page.next;
  } while (after !== undefined);
}

/** Each row turned into the fields of a line. */
export async function* lines<Row>(
  source: AsyncIterable<Row>,
  fields: (row: Row) => readonly string[],
): AsyncGenerator<readonly string[]> {
  for await (const row of source) yield fields(row);
}
