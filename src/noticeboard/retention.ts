import { asc, eq, sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { items, itemSubmitters } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Retention } from '../organisation/setting-types.ts';
import type { Settings } from '../organisation/settings.ts';
import { retentionLimit } from '../subscribers/retention-time.ts';
import type { Item } from './items.ts';

/** Rows removed at once, so that the purge of a large table holds no lock for long. */
const BATCH = 500;

export interface NoticeboardPurge {
  readonly unconfirmed: number;
  readonly submitters: number;
  readonly items: number;
}

/**
 * Removes what is no longer needed: items that nobody confirmed, who handed in what has ended, and at last the ended
 * items themselves, each after the time that the settings give it. At most a batch of each; call it again until it
 * gives zeros.
 */
export async function purgeNoticeboard(
  tx: Tx,
  {
    clock,
    settings,
  }: {
    clock: Clock;
    settings: Pick<Settings, 'retentionItemsUnconfirmed' | 'retentionSubmitters' | 'retentionItems'>;
  },
): Promise<NoticeboardPurge> {
  const now = clock.now();
  const purge = async (kept: Retention, statement: (limit: SQL) => SQL): Promise<number> => {
    if (kept === undefined) return 0;
    const limit = sql`${retentionLimit(now, kept).toString()}::timestamptz`;
    return (await rows(tx, statement(limit))).length;
  };
  const ended = sql`state in ('rejected', 'withdrawn', 'expired')`;
  return {
    unconfirmed: await purge(
      settings.retentionItemsUnconfirmed,
      (limit) => sql`delete from items where id in (
        select id from items where state = 'submitted' and created_at < ${limit} order by id limit ${BATCH}
      ) and state = 'submitted' returning id`,
    ),
    submitters: await purge(
      settings.retentionSubmitters,
      (limit) => sql`delete from item_submitters where item_id in (
        select s.item_id from item_submitters s join items i on i.id = s.item_id
        where ${ended} and i.state_at < ${limit} order by s.item_id limit ${BATCH}
      ) returning item_id`,
    ),
    items: await purge(
      settings.retentionItems,
      (limit) => sql`delete from items where id in (
        select id from items where ${ended} and state_at < ${limit} order by id limit ${BATCH}
      ) returning id`,
    ),
  };
}

/**
 * Forgets an address wherever it handed something in: items that wait for its confirmation are removed, the others
 * lose the name and the address.
 *
 * @param normalised as `parseEmailAddress` gives it.
 */
export async function forgetSubmitter(tx: Tx, normalised: string): Promise<void> {
  await tx.execute(sql`
    delete from items i using item_submitters s
    where s.item_id = i.id and s.email_normalised = ${normalised} and i.state = 'submitted'`);
  await tx.execute(sql`delete from item_submitters where email_normalised = ${normalised}`);
}

/** What somebody handed in, for a copy of everything that is kept about them. */
export async function itemsHandedInBy(tx: Tx, normalised: string): Promise<Item[]> {
  const found = await tx
    .select({ item: items })
    .from(items)
    .innerJoin(itemSubmitters, eq(itemSubmitters.itemId, items.id))
    .where(eq(itemSubmitters.emailNormalised, normalised))
    .orderBy(asc(items.id));
  return found.map(({ item }) => item);
}
