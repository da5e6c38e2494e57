import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Settings } from '../organisation/settings.ts';
import { retentionLimit } from '../subscribers/retention-time.ts';

/**
 * Lets go of who came to meetings of long ago, of answers to their invitations and surveys, and of certificates
 * that are no longer kept for checking. That a list was taken stays.
 *
 * @returns how many rows were removed, by class.
 */
export async function forgetAttendance(
  tx: Tx,
  settings: Pick<Settings, 'retentionAttendance' | 'retentionCertificates'>,
  { clock }: { clock: Clock },
): Promise<Readonly<Record<string, number>>> {
  const now = clock.now();
  const removed = { attendance: 0, answers: 0, certificates: 0 };
  if (settings.retentionAttendance) {
    const before = sql`${retentionLimit(now, settings.retentionAttendance).toString()}::timestamptz`;
    const old = sql`(select m.id from meetings m where m.starts_at < ${before})`;
    removed.attendance = await remove(
      tx,
      sql`delete from attendances a where a.meeting_id in ${old} returning a.id`,
    );
    removed.answers =
      (await remove(tx, sql`delete from rsvps r where r.meeting_id in ${old} returning r.meeting_id`)) +
      (await remove(
        tx,
        sql`delete from survey_answers s where s.meeting_id in ${old} returning s.meeting_id`,
      ));
  }
  if (settings.retentionCertificates) {
    const before = sql`${retentionLimit(now, settings.retentionCertificates).toString()}::timestamptz`;
    removed.certificates = await remove(
      tx,
      sql`delete from certificates c where c.issued_at < ${before} returning c.id`,
    );
  }
  return removed;
}

async function remove(tx: Tx, statement: ReturnType<typeof sql>): Promise<number> {
  return (await rows(tx, statement)).length;
}
