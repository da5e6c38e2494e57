import { desc, lt } from 'drizzle-orm';
import { auditLog } from '../db/schema.ts';
import type { Tx } from '../db/open.ts';
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

/** The newest entries first. `before` is the id of the last row of the previous page. */
export async function listAudit(tx: Tx, { limit = 50, before }: { limit?: number; before?: string } = {}) {
  return tx
    .select()
    .from(auditLog)
    .where(before === undefined ? undefined : lt(auditLog.id, before))
    .orderBy(desc(auditLog.id))
    .limit(limit);
}
