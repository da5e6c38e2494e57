import { and, eq, sql } from 'drizzle-orm';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import { auditLog } from '../db/schema.ts';
import { rows, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';

/** Who does something: `admin:<id>`, `cli`, `subscriber:<id>`, `system` or `mailerlite`. */
export type Actor = string;

export interface AuditEntry {
  readonly actor: Actor;
  /** What was done, as `thing.verb`: `setting.changed`, `subscriber.removed`. */
  readonly action: string;
  /** What it was done to: a key or an id, never an address. */
  readonly subject: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Notes an act of an administrator. Call it in the transaction of the act itself. */
export async function recordAudit(tx: Tx, entry: AuditEntry, { clock }: { clock: Clock }): Promise<void> {
  const now = clock.now();
  await tx.insert(auditLog).values({
    id: newId(now),
    at: now,
    actor: entry.actor,
    action: entry.action,
    subject: entry.subject,
    before: entry.before ?? null,
    after: entry.after ?? null,
  });
}

export const AUDIT_ORDERS = ['newest', 'oldest'] as const;
export type AuditOrder = (typeof AUDIT_ORDERS)[number];

// Ids rise with time.
const ORDERS: Readonly<Record<AuditOrder, ListOrder>> = {
  newest: { by: auditLog.id, descending: true },
  oldest: { by: auditLog.id },
};

export interface AuditFilter {
  /** Words that all stand in what was done, to what, or in what was before and after. */
  readonly text?: string;
  /** The thing in `thing.verb`: `setting`, `subscriber`. */
  readonly thing?: string | undefined;
  readonly actor?: string | undefined;
}

/** Entries, the newest first unless asked otherwise. `after` is the id of the last row of the page before. */
export async function listAudit(
  tx: Tx,
  {
    limit = 50,
    after,
    order = 'newest',
    text = '',
    thing,
    actor,
  }: AuditFilter & { limit?: number; after?: string | undefined; order?: AuditOrder } = {},
) {
  const { behind, orderBy } = keyset(auditLog, ORDERS[order], after);
  const everything = sql`replace(${auditLog.action}, '_', ' ') || ' ' || ${auditLog.subject} || ' '
    || coalesce(${auditLog.before}::text, '') || ' ' || coalesce(${auditLog.after}::text, '')`;
  return tx
    .select()
    .from(auditLog)
    .where(
      and(
        containing(everything, text),
        thing === undefined ? undefined : sql`split_part(${auditLog.action}, '.', 1) = ${thing}`,
        actor === undefined ? undefined : eq(auditLog.actor, actor),
        behind,
      ),
    )
    .orderBy(...orderBy)
    .limit(limit);
}

/** The things that the log knows of, in the order of the alphabet: `announcement`, `setting`. */
export async function auditedThings(tx: Tx): Promise<string[]> {
  // From each thing straight to the next by the index, however many entries there are of each.
  const found = await rows<{ thing: string }>(
    tx,
    sql`with recursive things as (
        (select split_part(action, '.', 1) as thing from audit_log order by 1 limit 1)
        union all
        select (
          select split_part(action, '.', 1) from audit_log
          where split_part(action, '.', 1) > things.thing order by 1 limit 1
        )
        from things where things.thing is not null
      )
      select thing from things where thing is not null`,
  );
  return found.map(({ thing }) => thing);
}
