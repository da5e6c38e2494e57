import { sql, type SQL } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { AddressHash } from './address-hash.ts';

export type SuppressionReason = 'bounced' | 'complained' | 'removed' | 'erased';

/** Weakest first: a stronger reason replaces a weaker one, never the other way. */
const STRENGTH: readonly SuppressionReason[] = ['bounced', 'complained', 'erased', 'removed'];

/** What stands between an address and our mail, in words for the administrator. */
export const SUPPRESSION_WORDS: Readonly<Record<SuppressionReason, string>> = {
  bounced: 'mail to this address came back; it does not exist or does not accept mail',
  complained: 'the person reported our mail as spam',
  removed: 'an administrator removed this person',
  erased: 'the person asked for their data to be erased',
};

/**
 * Puts an address on the do-not-mail list. An address that is there already keeps the stronger reason.
 *
 * @param detail what the mail server said, or the administrator's reason.
 */
export async function suppressAddress(
  tx: Tx,
  suppression: { normalised: string; reason: SuppressionReason; detail?: string },
  { clock, addressHash }: { clock: Clock; addressHash: AddressHash },
): Promise<void> {
  const now = clock.now();
  const at = sql`${now.toString()}::timestamptz`;
  const { normalised, reason, detail = null } = suppression;
  const hash = addressHash(normalised);
  await tx.transaction(async (inner) => {
    await inner.execute(sql`
      insert into suppressions (id, email_normalised, email_hash, reason, detail, at)
      values (${newId(now)}, ${normalised}, ${hash}, ${reason}, ${detail}, ${at})
      on conflict do nothing`);
    await inner.execute(sql`
      update suppressions x set reason = ${reason}, detail = ${detail}, at = ${at}
      where (x.email_hash = ${hash} or x.email_normalised = ${normalised})
        and ${strength(sql`x.reason`)} < ${strength(sql`${reason}::text`)}`);
  });
}

/** The addresses among these (normalised) that are on the do-not-mail list, each with the reason. */
export async function suppressedAmong(
  tx: Tx,
  normalised: readonly string[],
  { addressHash }: { addressHash: AddressHash },
): Promise<Map<string, SuppressionReason>> {
  if (normalised.length === 0) return new Map();
  const asked = normalised.map((address) => ({ address, hash: addressHash(address) }));
  const found = await rows<{ address: string; reason: SuppressionReason }>(
    tx,
    sql`select a.address, x.reason
      from jsonb_to_recordset(${JSON.stringify(asked)}::text::jsonb) as a(address text, hash text)
      join suppressions x on x.email_hash = a.hash or x.email_normalised = a.address`,
  );
  return new Map(found.map(({ address, reason }) => [address, reason]));
}

/**
 * Takes an address off the do-not-mail list, if it is there for one of these reasons.
 *
 * @returns whether it was.
 */
export async function liftSuppression(
  tx: Tx,
  { normalised, reasons }: { normalised: string; reasons: readonly SuppressionReason[] },
  { addressHash }: { addressHash: AddressHash },
): Promise<boolean> {
  const lifted = await rows(
    tx,
    sql`delete from suppressions x
      where (x.email_hash = ${addressHash(normalised)} or x.email_normalised = ${normalised})
      and x.reason in (select jsonb_array_elements_text(${JSON.stringify(reasons)}::text::jsonb))
      returning x.id`,
  );
  return lifted.length > 0;
}

function strength(reason: SQL): SQL {
  return sql`array_position(array['${sql.raw(STRENGTH.join("','"))}'], ${reason})`;
}
