import { and, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { rescueDeliveries } from '../src/announcements/ledger.ts';
import { deliveries, serviceMails } from '../src/db/schema.ts';
import { rescueServiceMails } from '../src/organisation/service-mail-ledger.ts';
import { defineJob } from './define.ts';

/** A worker that has given no sign of life for so long is gone: it would have given one every two seconds. */
const SILENCE = Temporal.Duration.from({ seconds: 20 });

/** Longer than any message takes to be handed over and recorded. */
const LOST = Temporal.Duration.from({ minutes: 10 });

/** Finds messages whose worker died while handing them over; their outcome is unknown. */
export const rescueDeliveriesJob = defineJob({
  name: 'rescue-deliveries',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock }) {
    const now = clock.now();
    const [delivery] = await db
      .select({ id: deliveries.id })
      .from(deliveries)
      .where(and(eq(deliveries.state, 'sending'), lt(deliveries.claimedAt, now.subtract(SILENCE))))
      .limit(1);
    const [mail] = await db
      .select({ id: serviceMails.id })
      .from(serviceMails)
      .where(and(eq(serviceMails.state, 'sending'), lt(serviceMails.claimedAt, now.subtract(LOST))))
      .limit(1);
    return delivery || mail ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { db, clock, log }) {
    const now = clock.now();
    const count = await rescueDeliveries(
      db,
      { silentSince: now.subtract(SILENCE), lostSince: now.subtract(LOST) },
      { clock },
    );
    await rescueServiceMails(db, { claimedBefore: now.subtract(LOST) }, { clock });
    if (count > 0) log.warn({ count }, 'Messages were under way when their worker stopped: outcome unknown');
  },
});
