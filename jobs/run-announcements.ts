import { sql } from 'drizzle-orm';
import { z } from 'zod';
import {
  closeLateAnnouncement,
  finishAnnouncement,
  startAnnouncement,
} from '../src/announcements/life-cycle.ts';
import { isQuiet } from '../src/calendar/quiet-hours.ts';
import { rows } from '../src/db/open.ts';
import { defineJob } from './define.ts';

/** What an announcement needs next, apart from handing over its messages. */
const STEPS = ['start', 'close_late', 'finish'] as const;

/** Moves announcements along: starts them at their time, closes what is too late, finishes what is done. */
export const runAnnouncements = defineJob({
  name: 'run-announcements',
  schema: z.object({ announcementId: z.uuid(), step: z.enum(STEPS) }),
  concurrency: 2,

  async due({ db, clock, settings }) {
    const now = clock.now();
    const { timeZone, quietHours } = await settings();
    const quiet = isQuiet(now, timeZone, quietHours);
    const at = sql`${now.toString()}::timestamptz`;
    const found = await rows<{ announcementId: string; step: (typeof STEPS)[number] }>(
      db,
      sql`select * from (
          select a.id as "announcementId", case
            when a.late_after <= ${at} and (a.state <> 'sending' or exists (
              select 1 from deliveries d where d.announcement_id = a.id and d.state = 'pending'
            )) then 'close_late'
            when a.state = 'approved' and a.frozen_at is not null and a.send_at <= ${at} and not ${quiet}::boolean
              then 'start'
            when a.state = 'sending' and not exists (
              select 1 from deliveries d where d.announcement_id = a.id and d.state in ('pending', 'sending')
            ) then 'finish'
          end as step
          from announcements a
          where a.state in ('awaiting_approval', 'approved', 'sending', 'held') and a.send_at <= ${at}
        ) s where step is not null limit 50`,
    );
    return found.map((payload) => ({ key: `${payload.announcementId}-${payload.step}`, payload }));
  },

  async run({ announcementId, step }, services) {
    const { db, clock } = services;
    if (step === 'start')
      await startAnnouncement(db, announcementId, { clock, settings: await services.settings() });
    else if (step === 'close_late') await closeLateAnnouncement(db, announcementId, { clock });
    else await finishAnnouncement(db, announcementId, { clock });
  },
});
