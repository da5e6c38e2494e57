import { purgeNoticeboard } from '../src/noticeboard/retention.ts';
import { regularJob } from './regular.ts';

/** Removes items that nobody confirmed, and what is kept of ended ones, after the times that the settings give. */
export const purgeNoticeboardJob = regularJob({
  name: 'noticeboard-purge',
  every: Temporal.Duration.from({ hours: 1 }),

  async run({ db, clock, settings, log }) {
    const removed = await purgeNoticeboard(db, { clock, settings: await settings() });
    if (Object.values(removed).some((n) => n > 0))
      log.info({ removed }, 'Old items of the noticeboard were removed');
    return { ...removed };
  },
});
