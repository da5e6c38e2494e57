import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import type { FastifyReply } from 'fastify';
import { ConvenorError } from '../../kernel/errors.ts';
import { serverPlugin } from '../plugin.ts';

/** What a page of ours may load: files of ours. No inline script or style, no other host, no frame around it. */
export const CONTENT_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'frame-src': ["'self'"],
  'manifest-src': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
};

/** Lets a page show the pictures of what was written, which lie on other servers. */
export function allowPictures(reply: FastifyReply): FastifyReply {
  const policy = { ...CONTENT_POLICY, 'img-src': ["'self'", 'data:', 'https:'] };
  return reply.header(
    'content-security-policy',
    Object.entries(policy)
      .map(([name, sources]) => `${name} ${sources.join(' ')}`)
      .join(';'),
  );
}

/** Headers on every answer, and a limit of requests per address that a person never reaches. */
export const security = serverPlugin({ name: 'security' }, async (app) => {
  const https = app.deps.config.BASE_URL.startsWith('https:');
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (!reply.hasHeader('permissions-policy')) {
      reply.header('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=()');
    }
    done(null, payload);
  });

  await app.register(rateLimit, {
    global: true,
    max: 600,
    timeWindow: '1 minute',
    keyGenerator: (request) => request.ip,
    allowList: (request) => request.url.startsWith('/health/') || request.url.startsWith('/assets/'),
    errorResponseBuilder: (_request, context) =>
      new ConvenorError(
        'too_many_requests',
        `That was more than we can take at once. Please wait ${context.after} and try again.`,
      ),
  });
});
