import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Db } from '../db/open.ts';
import { outboxMessages } from '../db/schema.ts';
import { composeMessage } from '../mail/compose.ts';
import { outcomeOfBadMail } from '../mail/outcome.ts';
import type { Mailer } from '../mail/types.ts';

/**
 * The mailer of an installation without a mail server: each mail is composed as it would go out, and kept. Nothing
 * leaves the machine.
 */
export function createOutboxMailer(db: Db, { clock }: { clock: Clock }): Mailer {
  return {
    kind: 'outbox',
    async send(message, signal) {
      if (signal?.aborted === true) {
        return { result: 'later', scope: 'recipient', code: 'EABORT', reason: 'Sending was stopped.' };
      }
      const at = clock.now();
      let raw: Buffer;
      try {
        raw = await composeMessage(message, at);
      } catch (error) {
        return outcomeOfBadMail(error);
      }
      await db.insert(outboxMessages).values({
        id: newId(at),
        at,
        recipient: message.to.address,
        subject: message.subject,
        messageId: message.messageId,
        deliveryId: message.deliveryId ?? null,
        raw,
      });
      return { result: 'accepted', response: 'kept in the outbox, not sent' };
    },
    check: async () => ({
      ok: true,
      detail:
        'No mail server is set: mails are kept in the outbox and nothing is sent. Set SMTP_URL to send.',
    }),
    close: async () => undefined,
  };
}
