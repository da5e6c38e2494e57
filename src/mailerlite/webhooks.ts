import { z } from 'zod';
import type { CallOptions, Connection } from './connection.ts';
import { data, numberedPage, webhookModel, type MailerLiteWebhook } from './schemas.ts';

/** Everything that can change who may be mailed. */
export const WEBHOOK_EVENTS = [
  'subscriber.created',
  'subscriber.updated',
  'subscriber.unsubscribed',
  'subscriber.added_to_group',
  'subscriber.removed_from_group',
  'subscriber.bounced',
  'subscriber.spam_reported',
  'subscriber.active',
  'subscriber.deleted',
] as const;

const one = data(webhookModel);
const page = numberedPage(webhookModel);

/** All webhooks of the account. The SDK cannot turn the page, so that this goes past it. */
export async function listWebhooks(
  connection: Connection,
  options?: CallOptions,
): Promise<MailerLiteWebhook[]> {
  const webhooks: MailerLiteWebhook[] = [];
  for (let number = 1; ; number++) {
    const answer = await connection.get(
      'the list of webhooks',
      page,
      `/api/webhooks?page=${number}`,
      options,
    );
    webhooks.push(...answer.data);
    if (number >= answer.meta.last_page) return webhooks;
  }
}

/** A registered webhook, and what was wrong with it before. */
export interface EnsuredWebhook {
  readonly webhook: MailerLiteWebhook;
  readonly faults: readonly string[];
}

/**
 * Makes sure that MailerLite reports to `url`: registers it, or mends a registration that is switched off or
 * lacks an event. Batches are asked for, because `subscriber.deleted` is sent in batches only.
 */
export async function ensureWebhook(
  connection: Connection,
  url: string,
  options?: CallOptions,
): Promise<EnsuredWebhook> {
  const wanted = { name: 'Convenor', url, events: [...WEBHOOK_EVENTS], enabled: true, batchable: true };
  const existing = (await listWebhooks(connection, options)).find((webhook) => webhook.url === url);
  if (existing === undefined) {
    const webhook = await connection.call(
      'a new webhook',
      one,
      (sdk) => sdk.webhooks.create(wanted),
      options,
    );
    return { webhook, faults: [] };
  }
  const faults = faultsOf(existing);
  if (faults.length === 0) return { webhook: existing, faults };
  const webhook = await connection.call(
    'the change of a webhook',
    one,
    (sdk) => sdk.webhooks.update(existing.id, wanted),
    options,
  );
  return { webhook, faults };
}

/** @throws MailerLiteError `not_found` when it was removed in MailerLite. */
export function getWebhook(
  connection: Connection,
  id: string,
  options?: CallOptions,
): Promise<MailerLiteWebhook> {
  return connection.call('a webhook', one, (sdk) => sdk.webhooks.find(id), options);
}

/** Stops the reports. */
export async function deleteWebhook(
  connection: Connection,
  id: string,
  options?: CallOptions,
): Promise<void> {
  await connection.call('the removal of a webhook', z.unknown(), (sdk) => sdk.webhooks.delete(id), options);
}

/** What is wrong with a registered webhook, as sentences; empty when it works. */
export function faultsOf(webhook: MailerLiteWebhook): string[] {
  const missing = WEBHOOK_EVENTS.filter((event) => !webhook.events.includes(event));
  const { responseCode } = webhook;
  return [
    ...(webhook.blocked ? ['MailerLite has blocked the webhook after failures.'] : []),
    ...(webhook.enabled ? [] : ['The webhook is switched off in MailerLite.']),
    ...(webhook.batchable ? [] : ['The webhook does not take batches, so that removals are not reported.']),
    ...(missing.length === 0 ? [] : [`The webhook does not report ${missing.join(', ')}.`]),
    ...(responseCode !== null && (responseCode < 200 || responseCode >= 300)
      ? [`The last report was answered with ${responseCode}.`]
      : []),
  ];
}
