import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';

const TABLES = {
  meeting: 'meetings',
  'meeting series': 'meeting_series',
  announcement: 'announcements',
  item: 'items',
  'mail in the outbox': 'outbox_messages',
} as const;

const SHORT = 8;

/** How the lists for people show an id: its end, since ids made at about the same time begin alike. */
export function shortId(id: string): string {
  return id.slice(-SHORT);
}

/**
 * The whole id of something that was named by its id, by the end of it as the lists show it, or by its beginning.
 *
 * @param field name of the argument, for the error.
 * @throws ConvenorError `invalid_input` for what is no id, `not_found`, `conflict` when several are named like that.
 */
export async function resolveId(
  tx: Tx,
  what: keyof typeof TABLES,
  text: string,
  field: string,
): Promise<string> {
  const id = text.trim().toLowerCase();
  if (!/^[0-9a-f-]+$/.test(id) || id.length < SHORT || id.length > 36) {
    throw invalidInput({ field, message: `must be the id of a ${what} or its last ${SHORT} characters` });
  }
  const found = await rows<{ id: string }>(
    tx,
    sql`select id::text as id from ${sql.raw(TABLES[what])}
      where id::text like ${`%${id}`} or id::text like ${`${id}%`} limit 2`,
  );
  if (found.length === 0) throw notFound(what, text);
  if (found.length > 1) {
    throw new ConvenorError(
      'conflict',
      `More than one ${what} has an id that begins or ends with ${id}. Give the whole id.`,
    );
  }
  return found[0]!.id;
}
