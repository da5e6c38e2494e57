import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, rows, type OpenDatabase } from '../../src/db/open.ts';
import { NOBODY, sitemap } from '../e2e/sitemap.ts';
import { testDatabaseUrl, useTestDatabase } from '../support/database.ts';
import { fillGroup } from './large-group.ts';
import { Browser, openSite, type Site } from './site.ts';

const PEOPLE = 5_000;
const ANNOUNCEMENTS = 20;
const GROWING = ['deliveries', 'subscribers', 'topic_subscriptions', 'consent_events'];
/** A page of a list is fifty; what is written below and beside it may take a few times that. */
const MOST_ROWS = 500;
/** A part of a name is looked for in all people, and of a choice among them it is said how many they are. */
const SEARCH = /^\/admin\/subscribers\?/;

const database = useTestDatabase();
let alone: OpenDatabase;
let site: Site;
let browser: Browser;

beforeEach(async () => {
  // What a connection has read is known when it says so: the site has a single one.
  alone = await openDatabase({ url: await testDatabaseUrl(database), connections: 1 });
  site = await openSite(alone);
  await fillGroup(site, { people: PEOPLE, announcements: ANNOUNCEMENTS, each: PEOPLE / 5 });
  browser = new Browser(site);
  await browser.signIn('administrator@example.org');
});
afterEach(async () => {
  await site.app.close();
  await alone.close();
});

/** Rows of each table that were read so far, or entries of its indexes. */
async function rowsRead(): Promise<Record<string, number>> {
  await alone.db.execute(sql`select pg_stat_force_next_flush()`);
  const found = await rows<{ name: string; n: number }>(
    alone.db,
    sql`select t.relname as name, (t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0))::int as n
      from pg_stat_user_tables t left join pg_stat_user_indexes i using (relid) group by t.relid, t.relname, t.seq_tup_read`,
  );
  return Object.fromEntries(found.map(({ name, n }) => [name, n]));
}

describe('the pages of the administrators', () => {
  it('read no table that grows as a whole', async () => {
    const tooMuch: string[] = [];
    const searches: (readonly [table: string, n: number])[] = [];
    for (const { name, path } of await sitemap(site)) {
      if (!path.startsWith('/admin') || path.includes(NOBODY)) continue;
      const before = await rowsRead();
      expect((await browser.get(path)).statusCode, path).toBeLessThan(500);
      const after = await rowsRead();
      const read = GROWING.map((table) => [table, after[table]! - before[table]!] as const);
      if (SEARCH.test(path)) searches.push(...read.filter(([, n]) => n >= PEOPLE));
      else
        tooMuch.push(...read.filter(([, n]) => n > MOST_ROWS).map(([table, n]) => `${name}: ${n} ${table}`));
    }
    expect(tooMuch).toEqual([]);
    // The counting counts.
    expect(searches.length).toBeGreaterThan(0);
  });
});
