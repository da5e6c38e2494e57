import { planAhead } from '../src/announcements/meeting-changes.ts';
import { regularJob } from './regular.ts';

/** Writes the occurrences of every series up to the horizon, with their reminders. Changes by people are planned at once, in their own transaction. */
export const planAheadJob = regularJob({
  name: 'plan-ahead',
  every: Temporal.Duration.from({ minutes: 10 }),

  async run({ db, clock, settings }) {
    await planAhead(db, { clock, settings: await settings() });
    return {};
  },
});
