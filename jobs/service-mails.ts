import { and, eq, lte } from 'drizzle-orm';
import { z } from 'zod';
import { serviceMails } from '../src/db/schema.ts';
import { withoutAddresses } from '../src/kernel/log.ts';
import type { Outcome } from '../src/mail/types.ts';
import { senderIdentity } from '../src/organisation/sender-identity.ts';
import {
  claimServiceMail,
  settleServiceMail,
  type ServiceMail,
  type ServiceMailSettlement,
} from '../src/organisation/service-mail-ledger.ts';
import type { Services } from './services.ts';
import { fillSlots } from '../src/render/slots.ts';
import { findSubscriber } from '../src/subscribers/subscribers.ts';
import { defineJob } from './define.ts';
import { retryAt } from './outcome.ts';
import { persist } from './persist.ts';
import { serviceMailContent } from './service-mail-content.ts';

/** Tries after which a service mail is given up. */
const MOST_ATTEMPTS = 8;

/** Sends mail that concerns one person: a confirmation, a message to the administrator, a test. */
export const sendServiceMails = defineJob({
  name: 'service-mail',
  schema: z.object({ serviceMailId: z.uuid() }),
  concurrency: 2,

  async due({ db, clock }) {
    const waiting = await db
      .select({ id: serviceMails.id })
      .from(serviceMails)
      .where(and(eq(serviceMails.state, 'pending'), lte(serviceMails.nextAttemptAt, clock.now())))
      .orderBy(serviceMails.nextAttemptAt)
      .limit(50);
    return waiting.map(({ id }) => ({ key: id, payload: { serviceMailId: id } }));
  },

  async run({ serviceMailId }, services) {
    const { db, clock, log } = services;
    const mail = await claimServiceMail(db, serviceMailId, { clock });
    if (!mail) return;
    const settlement = await sendOne(mail, services);
    await persist(() => settleServiceMail(db, mail.id, settlement, { clock }), log);
  },
});

async function sendOne(mail: ServiceMail, services: Services): Promise<ServiceMailSettlement> {
  const { mailer, clock, log, config, links } = services;
  try {
    const to = await recipientOf(mail, services);
    if (!to) return { state: 'cancelled', reason: 'The person is not there any more.' };
    const identity = senderIdentity(await services.settings(), config.MAIL_FROM);
    const content = await serviceMailContent(mail, services);
    const personal =
      mail.recipientKind === 'subscriber' && mail.recipient
        ? {
            unsubscribeUrl: links.unsubscribeUrl(mail.recipient),
            preferencesUrl: links.preferencesUrl(mail.recipient),
          }
        : {};
    const { subject, html, text } = fillSlots(content, { greetingName: to.name ?? null, ...personal });
    const outcome = await mailer.send({
      messageId: `${mail.id}@${identity.domain}`,
      from: identity.from,
      to,
      subject,
      html,
      text,
      ...(content.attachments ? { attachments: content.attachments } : {}),
      ...(content.calendar ? { calendar: content.calendar } : {}),
    });
    return settlementOf(outcome, mail.attempts, clock.now());
  } catch (err) {
    log.error({ err, serviceMailId: mail.id }, 'A service mail could not be made');
    return {
      state: 'failed',
      reason: err instanceof Error ? withoutAddresses(err.message) : 'Unknown fault.',
    };
  }
}

async function recipientOf(
  mail: ServiceMail,
  { db }: Services,
): Promise<{ name?: string; address: string } | undefined> {
  if (mail.recipientKind === 'address') return mail.recipient ? { address: mail.recipient } : undefined;
  const person = mail.recipient ? await findSubscriber(db, mail.recipient) : undefined;
  return person && { ...(person.name ? { name: person.name } : {}), address: person.email };
}

function settlementOf(outcome: Outcome, attempts: number, now: Temporal.Instant): ServiceMailSettlement {
  if (outcome.result === 'accepted') return { state: 'sent', reason: outcome.response };
  if (outcome.result === 'unknown') return { state: 'unknown', reason: outcome.reason };
  const final = outcome.result === 'refused' && outcome.fault !== 'sender';
  if (final || attempts >= MOST_ATTEMPTS) return { state: 'failed', reason: outcome.reason };
  return { state: 'pending', reason: outcome.reason, retryAt: retryAt(now, attempts) };
}
