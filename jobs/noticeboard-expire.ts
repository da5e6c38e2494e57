import { and, inArray, lte } from 'drizzle-orm';
import { z } from 'zod';
import { expireItems } from '../src/announcements/bulletins-items.ts';
import { items } from '../src/db/schema.ts';
import { defineJob } from './define.ts';

/** Ends items whose last day is over. The noticeboard leaves them out to the second, whenever this runs. */
export const expireItemsJob = defineJob({
  name: 'noticeboard-expire',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock }) {
    const [over] = await db
      .select({ id: items.id })
      .from(items)
      .where(
        and(
          inArray(items.state, ['awaiting_review', 'asked', 'approved']),
          lte(items.openUntil, clock.now()),
        ),
      )
      .limit(1);
    return over ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { db, clock }) {
    await expireItems(db, { clock });
  },
});
