import { planBulletins } from '../src/announcements/bulletins.ts';
import { regularJob } from './regular.ts';

/** Drafts bulletins two days ahead and keeps them in step with their schedule and the items approved since. */
export const planBulletinsJob = regularJob({
  name: 'bulletin-plan',
  every: Temporal.Duration.from({ minutes: 5 }),

  async run({ db, clock, settings }) {
    await planBulletins(db, { clock, settings: await settings() });
    return {};
  },
});
