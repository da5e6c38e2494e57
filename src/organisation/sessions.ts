import { createHash } from 'node:crypto';
import { and, desc, eq, gt, lte, sql } from 'drizzle-orm';
import { sessions } from '../db/schema.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';

/** What a browser session holds. The id that the browser has is not in the database, only its hash. */
export interface StoredSession {
  readonly idHash: string;
  readonly adminId: string | null;
  readonly data: unknown;
  readonly createdAt: Temporal.Instant;
  readonly expiresAt: Temporal.Instant;
}

/** Stores a session or replaces its content. */
export async function saveSession(
  tx: Tx,
  sessionId: string,
  session: { adminId: string | null; data: unknown; expiresAt: Temporal.Instant },
  { clock }: { clock: Clock },
): Promise<void> {
  await tx
    .insert(sessions)
    .values({ idHash: hashed(sessionId), createdAt: clock.now(), ...session })
    .onConflictDoUpdate({
      target: sessions.idHash,
      set: {
        adminId: sql`excluded.admin_id`,
        data: sql`excluded.data`,
        expiresAt: sql`excluded.expires_at`,
      },
    });
}

/** The session with this id, unless it has expired. */
export async function readSession(
  tx: Tx,
  sessionId: string,
  { clock }: { clock: Clock },
): Promise<StoredSession | undefined> {
  const [found] = await tx
    .select()
    .from(sessions)
    .where(and(eq(sessions.idHash, hashed(sessionId)), gt(sessions.expiresAt, clock.now())));
  return found;
}

export async function endSession(tx: Tx, sessionId: string): Promise<void> {
  await tx.delete(sessions).where(eq(sessions.idHash, hashed(sessionId)));
}

/** The places where a person is signed in, the newest first. */
export async function listSessions(
  tx: Tx,
  adminId: string,
  { clock }: { clock: Clock },
): Promise<StoredSession[]> {
  return tx
    .select()
    .from(sessions)
    .where(and(eq(sessions.adminId, adminId), gt(sessions.expiresAt, clock.now())))
    .orderBy(desc(sessions.createdAt));
}

/** Signs a person out in one place, or everywhere when no place is named. Gives the number of sessions ended. */
export async function revokeSessions(
  tx: Tx,
  { adminId, idHash }: { adminId: string; idHash?: string },
): Promise<number> {
  const ended = await tx
    .delete(sessions)
    .where(and(eq(sessions.adminId, adminId), idHash === undefined ? undefined : eq(sessions.idHash, idHash)))
    .returning({ idHash: sessions.idHash });
  return ended.length;
}

/** Removes what has expired. Gives the number of sessions removed. */
export async function purgeSessions(tx: Tx, { clock }: { clock: Clock }): Promise<number> {
  const removed = await tx
    .delete(sessions)
    .where(lte(sessions.expiresAt, clock.now()))
    .returning({ idHash: sessions.idHash });
  return removed.length;
}

/** How a session is known in the database and in lists: enough to revoke it, useless for signing in. */
export function hashed(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('hex');
}
