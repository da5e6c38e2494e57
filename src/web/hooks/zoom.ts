import { receiveRoomEvent } from '../../rooms/events.ts';
import { routes } from '../plugin.ts';

/** Zoom's events are a few hundred bytes; those about a series with all its dates some kilobytes. */
const MAX_BYTES = 256 * 1024;

/** More than a large meeting in which everybody comes at once. */
const REPORTS = { max: 6_000, timeWindow: '1 minute' };

/**
 * Where Zoom reports what happens to meetings. The signature is checked over the raw bytes, what is said is stored
 * once, and jobs deal with it: Zoom waits three seconds for the answer at most. Without the secret of the event
 * subscription there is no such address.
 */
export const zoomHook = routes({ name: 'hook of Zoom', needs: ['access'] }, (app) => {
  const { db, clock, webhooks, nudge } = app.deps;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.post(
    '/hooks/zoom',
    { bodyLimit: MAX_BYTES, config: { rateLimit: REPORTS } },
    async (request, reply) => {
      if (webhooks.zoom === undefined) return reply.callNotFound();
      const reading = webhooks.zoom({
        signature: [request.headers['x-zm-signature']].flat()[0],
        timestamp: [request.headers['x-zm-request-timestamp']].flat()[0],
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      });
      if (reading.result === 'handshake') return reply.send(reading.answer);
      if (reading.result === 'refused') {
        request.log.warn({ reason: reading.reason }, 'A report to the Zoom hook was refused');
        const code = reading.status === 401 ? 'wrong_signature' : 'invalid_input';
        return reply.code(reading.status).send({ error: { code, message: `Refused: ${reading.reason}.` } });
      }
      if (await receiveRoomEvent(db, reading.received, { clock })) void nudge();
      return reply.code(204).send();
    },
  );
});
