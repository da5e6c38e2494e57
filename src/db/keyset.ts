import { asc, desc, getTableName, sql, type Column, type SQL, type Table } from 'drizzle-orm';

/** One way to order the rows of a list: by a value that is never null, rows of the same value by their id. */
export interface ListOrder {
  readonly by: Column | SQL;
  readonly descending?: true;
}

/**
 * The parts of a query that turn the pages of a list by the last row of the page before, so that no row is lost or
 * shown twice when others come meanwhile, and a deep page costs what the first one costs.
 *
 * @param table the one table of the query, with a column `id`.
 * @param after id of the last row of the page before; a row that is gone gives an empty page.
 */
export function keyset(
  table: Table & { id: Column },
  { by, descending }: ListOrder,
  after: string | undefined,
): { behind: SQL | undefined; orderBy: SQL[] } {
  const { id } = table;
  const direction = descending ? desc : asc;
  const comparison = sql.raw(descending ? '<' : '>');
  return {
    behind:
      after === undefined
        ? undefined
        : sql`(${by}, ${id}) ${comparison} (select ${by}, ${id} from ${sql.identifier(getTableName(table))} where ${id} = ${after}::uuid)`,
    orderBy: [direction(by), direction(id)],
  };
}

/** The condition that each of the words stands somewhere in a text, in any case. */
export function containing(text: Column | SQL, words: string): SQL | undefined {
  const found = words.trim().split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);
  if (found.length === 0) return undefined;
  return sql.join(
    found.map((word) => sql`${text} ilike ${`%${word.replace(/[\\%_]/g, '\\$&')}%`}`),
    sql` and `,
  );
}

const MOST_WORDS = 10;
