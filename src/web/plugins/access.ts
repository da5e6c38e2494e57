import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConvenorError, notFound } from '../../kernel/errors.ts';
import { serverPlugin } from '../plugin.ts';
import { accessTo, type Access } from '../route-table.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route there is, as `GET /admin`. */
    readonly registeredRoutes: ReadonlySet<string>;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** A UUID, or the file that is named by one. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.ics)?$/i;
const CHANGES_NOTHING = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Routes whose caller is known by a cookie, so that a change must prove that it comes from a page of ours. */
const KNOWN_BY_COOKIE: ReadonlySet<Access | undefined> = new Set(['guest', 'editor', 'administrator']);

/**
 * Who may use which route, decided by the route table before anything else runs. A route that is not in the
 * table stops the server from starting.
 */
export const access = serverPlugin({ name: 'access', needs: ['sessions'] }, (app) => {
  const registered = new Set<string>();
  app.decorate('registeredRoutes', registered);
  app.addHook('onRoute', (route) => {
    const methods = [route.method].flat();
    const levels = new Set(methods.map((method) => accessTo(method, route.url)));
    if (levels.size !== 1) throw new Error(`${route.url}: give each method a route of its own.`);
    for (const method of methods) registered.add(`${method} ${route.url}`);
    route.config = { ...route.config, access: [...levels][0]! };
  });

  app.addHook('onRequest', async (request) => {
    refuse(request.routeOptions.config.access, request);
  });

  // An id that cannot be one is not looked up: the database would call it a fault of ours.
  app.addHook('preHandler', async (request) => {
    const { id } = (request.params ?? {}) as { id?: string };
    if (id !== undefined && !ID.test(id)) throw notFound('page', request.url);
  });

  app.addHook('preHandler', async (request, reply) => {
    const level = request.routeOptions.config.access;
    if (CHANGES_NOTHING.has(request.method) || !KNOWN_BY_COOKIE.has(level)) return;
    await checkOrigin(request, reply);
  });

  function checkOrigin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return new Promise((resolve, reject) => {
      // The plugin answers by itself when the token is wrong; the answer must leave by our own door.
      const door = { send: () => reject(stale()) } as unknown as FastifyReply;
      app.csrfProtection(request, Object.setPrototypeOf(door, reply) as FastifyReply, resolve);
    });
  }
});

function stale(): ConvenorError {
  return new ConvenorError(
    'forbidden',
    'This page was open for too long, or you have signed in again since. Go back, load the page again and send it once more; nothing was changed.',
  );
}

function refuse(level: Access | undefined, request: FastifyRequest): void {
  if (level !== 'editor' && level !== 'administrator') return;
  if (request.admin === null) throw new ConvenorError('not_signed_in', 'Please sign in to see this page.');
  if (level === 'administrator' && request.admin.role !== 'administrator') {
    throw new ConvenorError(
      'forbidden',
      'Only an administrator may do this. You are signed in as an editor; ask an administrator to do it for you.',
    );
  }
}
