import { ConvenorError } from '../../kernel/errors.ts';
import { routes } from '../plugin.ts';

/** The board writes its styles inline; the web fonts that it asks for are not let in. */
const BOARD_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** The board of the job queues, to look at. Whatever it may offer, nothing but reading gets through. */
export const queuePages = routes({ name: 'queues', needs: ['access'] }, async (app) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('content-security-policy', BOARD_POLICY);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new ConvenorError('forbidden', 'The queues are here to look at, not to change.');
    }
  });
  await app.register(await app.deps.queue.board('/admin/queues'), { prefix: '/admin/queues' });
});
