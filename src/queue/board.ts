import type { Queue } from 'bullmq';
import type { FastifyPluginCallback } from 'fastify';

/**
 * The board of all queues, to look at: no button changes anything. It asks Redis on every view, so while
 * `redisReady` says no, it answers 503 instead of waiting.
 */
export async function queueBoard(
  queues: readonly Queue[],
  basePath: string,
  redisReady: () => boolean,
): Promise<FastifyPluginCallback> {
  const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/fastify'),
  ]);
  const adapter = new FastifyAdapter();
  adapter.setBasePath(basePath);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Convenor' } },
  });
  const board = adapter.registerPlugin();
  return (server, options, done) => {
    server.addHook('onRequest', async (_request, reply) => {
      if (!redisReady())
        await reply.code(503).type('text/plain').send('Redis is away. Try again in a moment.');
    });
    void server.register(board, { ...options, prefix: '/' });
    done();
  };
}
