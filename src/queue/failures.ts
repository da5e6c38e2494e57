import { eq, lt } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { jobFailures } from '../db/schema.ts';
import { withoutAddresses } from '../kernel/log.ts';

/** What is known about work that failed, by its job key (`name.key`). */
export interface Failure {
  readonly failures: number;
  readonly retryAt: Temporal.Instant;
}

const FIRST_DELAY_SECONDS = 2;
const LONGEST_DELAY_SECONDS = 600;

/** How long work rests after its n-th failure in a row: 2 s, doubled each time, at most ten minutes. */
export function backOff(failures: number): Temporal.Duration {
  return Temporal.Duration.from({
    seconds: Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(failures - 1, 20)),
  });
}

/** All work that failed at its last attempt. */
export async function readFailures(tx: Tx): Promise<ReadonlyMap<string, Failure>> {
  const found = await tx
    .select({ key: jobFailures.jobKey, failures: jobFailures.failures, retryAt: jobFailures.retryAt })
    .from(jobFailures);
  return new Map(found.map(({ key, ...failure }) => [key, failure]));
}

/** Records that attempt number `attempt` failed. Two reports of one attempt count once. */
export async function recordFailure(
  tx: Tx,
  jobKey: string,
  attempt: number,
  error: unknown,
  now: Temporal.Instant,
): Promise<void> {
  const reason = withoutAddresses(error instanceof Error ? error.message : String(error)).slice(0, 1_000);
  const values = { failures: attempt, reason, failedAt: now, retryAt: now.add(backOff(attempt)) };
  await tx
    .insert(jobFailures)
    .values({ jobKey, ...values })
    .onConflictDoUpdate({
      target: jobFailures.jobKey,
      set: values,
      setWhere: lt(jobFailures.failures, attempt),
    });
}

/** The work succeeded, or there is none any more: its next failure is a first one again. */
export async function clearFailure(tx: Tx, jobKey: string): Promise<void> {
  await tx.delete(jobFailures).where(eq(jobFailures.jobKey, jobKey));
}

/** Forgets failures of work that has not been asked for again in a week. */
export async function forgetOldFailures(tx: Tx, now: Temporal.Instant): Promise<void> {
  await tx.delete(jobFailures).where(lt(jobFailures.failedAt, now.subtract({ hours: 7 * 24 })));
}
