import { readSettings } from '../../organisation/settings.ts';
import { storeEvents } from '../../sync/event-inbox.ts';
import { routes } from '../plugin.ts';

/** A batch holds many people with all their fields. */
const MAX_BYTES = 8 * 1024 * 1024;

/** MailerLite reports a whole import person by person, all from a few addresses. */
const REPORTS = { max: 6_000, timeWindow: '1 minute' };

/**
 * Where MailerLite reports what people do there. The signature is checked over the raw bytes, what is said is
 * stored, and a job deals with it: MailerLite waits three seconds for the answer at most.
 */
export const mailerliteHook = routes({ name: 'hook of MailerLite', needs: ['access'] }, (app) => {
  const { db, clock, config, webhooks, nudge } = app.deps;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.post(
    '/hooks/mailerlite',
    { bodyLimit: MAX_BYTES, config: { rateLimit: REPORTS } },
    async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const signature = [request.headers['signature']].flat()[0];
      const secrets = [config.MAILERLITE_WEBHOOK_SECRET, (await readSettings(db)).mailerliteWebhookSecret];
      const genuine = secrets.some(
        (secret) => Boolean(secret) && webhooks.mailerlite.verifySignature(body, signature, secret!),
      );
      if (!genuine) {
        request.log.warn('A report to the MailerLite hook was refused: the signature is wrong');
        return reply
          .code(401)
          .send({ error: { code: 'wrong_signature', message: 'The signature does not fit the body.' } });
      }
      const stored = await storeEvents(db, webhooks.mailerlite.parseWebhook(body), { clock });
      if (stored > 0) void nudge();
      return reply.code(202).send({ stored });
    },
  );
});
