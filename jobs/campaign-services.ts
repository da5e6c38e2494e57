import type { MailerLiteClient } from '../src/mailerlite/client.ts';
import type { Services } from './services.ts';

/** What a step of a campaign uses. */
export type CampaignServices = Services & {
  readonly mailerlite: MailerLiteClient;
  readonly signal: AbortSignal;
};
