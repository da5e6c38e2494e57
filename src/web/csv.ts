import type { FastifyReply } from 'fastify';

/** A field of a CSV file (RFC 4180), and harmless in a spreadsheet that takes "=…" for a formula. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Sends a table as a file, in UTF-8 with the mark by which spreadsheets know it. */
export function csv(
  reply: FastifyReply,
  filename: string,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): FastifyReply {
  const lines = [heading, ...rows].map((row) => row.map(csvField).join(','));
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', `attachment; filename="${filename}"`)
    .header('cache-control', 'no-store')
    .send(`\ufeff${lines.join('\r\n')}\r\n`);
}
