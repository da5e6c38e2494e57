import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { heartbeats } from '../src/db/schema.ts';
import { forgetAttendance } from '../src/attendance/retention.ts';
import { applyRetention } from '../src/subscribers/retention.ts';
import { remindOfComplaints } from '../src/subscribers/complaints.ts';
import { defineJob } from './define.ts';

const HEARTBEAT = 'daily';

/** Once in a day on the wall clock of the group, at the first occasion after this hour. */
const HOUR = 3;

/** Lets go of what is no longer kept, reminds of complaints, and tidies the database. */
export const daily = defineJob({
  name: 'daily',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock, settings }) {
    const { timeZone } = await settings();
    const now = clock.now().toZonedDateTimeISO(timeZone);
    if (now.hour < HOUR) return [];
    const [last] = await db.select().from(heartbeats).where(eq(heartbeats.name, HEARTBEAT));
    const doneToday = last?.at.toZonedDateTimeISO(timeZone).toPlainDate().equals(now.toPlainDate());
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
    await db
      .insert(heartbeats)
      .values({ name: HEARTBEAT, at: clock.now(), detail: { removed } })
      .onConflictDoUpdate({
        target: heartbeats.name,
        set: { at: sql`excluded.at`, detail: sql`excluded.detail` },
      });
  },
});
