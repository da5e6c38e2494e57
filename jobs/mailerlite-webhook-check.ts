import { z } from 'zod';
import { saveWebhook, webhookIsDue } from '../src/sync/webhook-state.ts';
import { defineJob } from './define.ts';

/** Where MailerLite reports to, below the public address. */
const PATH = '/hooks/mailerlite';

/** Registers our webhook with MailerLite when somebody asked for it, and sees every hour that it is in order. */
export const mailerliteWebhookCheck = defineJob({
  name: 'mailerlite-webhook-check',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, clock, mailerlite }) {
    return mailerlite !== undefined && (await webhookIsDue(db, { clock }))
      ? [{ key: 'all', payload: {} }]
      : [];
  },

  async run(_, { db, clock, config, mailerlite, signal }) {
    if (mailerlite === undefined) return;
    const url = `${config.BASE_URL}${PATH}`;
    const { webhook, faults } = await mailerlite.ensureWebhook(url, { signal });
    await saveWebhook(db, { url, mailerliteId: webhook.id, secret: webhook.secret, faults }, { clock });
  },
});
