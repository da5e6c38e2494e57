import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';

/** A lease that its holder does not renew is free after this time; it is renewed every two seconds. */
export const LEASE_SECONDS = 6;

/**
 * Takes or renews a lease. Expiry is judged by the database's clock, the one clock that all processes share.
 *
 * @returns whether `holder` has the lease now.
 */
export async function holdLease(tx: Tx, name: string, holder: string): Promise<boolean> {
  const held = await rows(
    tx,
    sql`insert into leases (name, holder, expires_at)
        values (${name}, ${holder}, clock_timestamp() + ${`${LEASE_SECONDS} seconds`}::interval)
        on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
        where leases.holder = excluded.holder or leases.expires_at < clock_timestamp()
        returning name`,
  );
  return held.length === 1;
}

/** Gives a lease back, so that another process need not wait for it to run out. */
export async function releaseLease(tx: Tx, name: string, holder: string): Promise<void> {
  await tx.execute(sql`delete from leases where name = ${name} and holder = ${holder}`);
}
