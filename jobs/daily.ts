import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { forgetAttendance } from '../src/attendance/retention.ts';
import { applyRetention } from '../src/subscribers/retention.ts';
import { remindOfComplaints } from '../src/subscribers/complaints.ts';
import { defineJob } from './define.ts';
import { lastRun, recordRun } from './regular.ts';

const NAME = 'daily';

/** Once in a day on the wall clock of the group, at the first occasion after this hour. */
const HOUR = 3;

/** Lets go of what is no longer kept, reminds of complaints, and tidies the database. */
export const daily = defineJob({
  name: NAME,
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock, settings }) {
    const { timeZone } = await settings();
    const now = clock.now().toZonedDateTimeISO(timeZone);
    if (now.hour < HOUR) return [];
    const last = await lastRun(db, NAME);
    const doneToday = last?.toZonedDateTimeISO(timeZone).toPlainDate().equals(now.toPlainDate());
    return doneToday ? [] : [{ key: now.toPlainDate().toString(), payload: {} }];
  },

  async run(_, { db, clock, addressHash, log, settings }) {
    const removed = {
      ...(await applyRetention(db, { clock, addressHash })),
      ...(await forgetAttendance(db, await settings(), { clock })),
    };
    const complaints = await remindOfComplaints(db, { clock });
    const { timeZone } = await settings();
    // The embedded database never does this by itself.
    if (clock.now().toZonedDateTimeISO(timeZone).day === 1) await db.execute(sql`vacuum analyze`);
    log.info({ removed, complaints }, 'Retention was applied');
    await recordRun({ db, clock }, NAME, { removed });
  },
});
