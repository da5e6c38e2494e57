import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ConvenorError } from '../../kernel/errors.ts';
import { routes } from '../plugin.ts';

const PATH = '/admin/queues';

/** The board writes its styles inline; the web fonts that it asks for are not let in. */
const BOARD_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** What a browser needs of the board's answer; everything else is decided here. */
const PASSED_ON = ['content-type', 'cache-control', 'etag', 'last-modified', 'location'];

/**
 * The board of the job queues, to look at. Whatever it may offer, nothing but reading gets through. Few ever look, so
 * it is loaded when somebody does.
 */
export const queuePages = routes({ name: 'queues', needs: ['access'] }, (app) => {
  let loading: Promise<FastifyInstance> | undefined;
  const load = async () => {
    const board = fastify({ routerOptions: { ignoreTrailingSlash: true } });
    await board.register(await app.deps.queue.board(PATH), { prefix: PATH });
    return board;
  };

  app.addHook('onRequest', async (request, reply) => {
    reply.header('content-security-policy', BOARD_POLICY);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new ConvenorError('forbidden', 'The queues are here to look at, not to change.');
    }
  });
  app.addHook('onClose', async () => (await loading)?.close());

  const show = async (request: FastifyRequest, reply: FastifyReply) => {
    const board = await (loading ??= load());
    const answer = await board.inject({ method: 'GET', url: request.url });
    for (const name of PASSED_ON) {
      const value = answer.headers[name];
      if (value !== undefined) reply.header(name, value);
    }
    return reply.code(answer.statusCode).send(answer.rawPayload);
  };
  app.all(PATH, show);
  app.all(`${PATH}/*`, show);
});
