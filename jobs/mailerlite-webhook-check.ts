import { z } from 'zod';
import type { MailerLiteClient } from '../src/mailerlite/client.ts';
import { MailerLiteError } from '../src/mailerlite/errors.ts';
import { readWebhookState, saveWebhook, webhookIsDue } from '../src/sync/webhook-state.ts';
import { defineJob } from './define.ts';

/** Where MailerLite reports to, below the public address. */
const PATH = '/hooks/mailerlite';

/**
 * Registers our webhook with MailerLite when somebody asked for it, and sees every hour that it is in order. One for an
 * address that Convenor no longer has is removed.
 */
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
    const before = await readWebhookState(db);
    const { webhook, faults } = await mailerlite.ensureWebhook(url, { signal });
    if (before.mailerliteId !== null && before.mailerliteId !== webhook.id) {
      await removeOld(before.mailerliteId, mailerlite, signal);
    }
    await saveWebhook(db, { url, mailerliteId: webhook.id, secret: webhook.secret, faults }, { clock });
  },
});

/** The registration for an address that Convenor was reached at before. */
async function removeOld(id: string, mailerlite: MailerLiteClient, signal: AbortSignal): Promise<void> {
  try {
    await mailerlite.deleteWebhook(id, { signal });
  } catch (error) {
    if (!(error instanceof MailerLiteError) || error.kind !== 'not_found') throw error;
  }
}
