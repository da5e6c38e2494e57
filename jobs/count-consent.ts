import { z } from 'zod';
import { consentToCount, countConsent } from '../src/subscribers/list-history.ts';
import { defineJob } from './define.ts';

/** Keeps the months of the list, which the overview draws, in step with the consent ledger. */
export const countConsentJob = defineJob({
  name: 'count-consent',
  schema: z.object({}),
  concurrency: 1,

  async due({ db }) {
    return (await consentToCount(db)) ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { db, settings }) {
    await countConsent(db, { zone: (await settings()).timeZone });
  },
});
