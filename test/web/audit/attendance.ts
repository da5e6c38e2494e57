import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { juneMeeting, person } from '../../attendance/people.ts';
import type { Walk } from './walk.ts';

/** Who came to a meeting, and certificates. */
export async function recordAttendance({ act, entered, one, browser, db, clock }: Walk): Promise<void> {
  await juneMeeting(db);
  const june = { id: await one(sql`select id from meetings where title = 'Splinting after stroke'`) };
  const hilary = await person(db, clock, 'host@example.org', 'Hilary Host');
  clock.set('2027-06-02T20:30:00Z');
  await browser.signIn('ruth@example.org');
  const participants = readFileSync(new URL('../../attendance/files/old-layout.csv', import.meta.url));
  await entered(
    'POST /admin/meetings/:id/attendance/file',
    () =>
      browser.upload(
        `/admin/meetings/${june.id}/attendance/file`,
        { zone: 'Europe/London' },
        { field: 'file', name: 'participants.csv', content: participants },
      ),
    'attendance.uploaded',
    'after',
  );
  const guest = await one(
    sql`select id from attendances where meeting_id = ${june.id} and subscriber_id is null limit 1`,
  );
  await act(
    'POST /admin/meetings/:id/attendance/confirm',
    june,
    { attendance: guest, person: 'ann@example.org' },
    'attendance.confirmed',
    'after',
  );
  await act(
    'POST /admin/meetings/:id/attendance/unconfirm',
    june,
    { attendance: guest },
    'attendance.unconfirmed',
    'before',
  );
  await act(
    'POST /admin/meetings/:id/after',
    june,
    { learningAims: 'Splints', act: 'save' },
    'meeting.follow_up',
    'after',
  );
  const host = await one(
    sql`select id from attendances where meeting_id = ${june.id} and subscriber_id = ${hilary}`,
  );
  await act(
    'POST /admin/meetings/:id/certificates',
    june,
    { attendance: host },
    'certificates.issued',
    'after',
  );
  const certificate = { id: await one(sql`select id from certificates limit 1`) };
  await act(
    'POST /admin/certificates/:id/revoke',
    certificate,
    { reason: 'was not there' },
    'certificate.revoked',
    'after',
  );
}
