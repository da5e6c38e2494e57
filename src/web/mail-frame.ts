import type { FastifyReply } from 'fastify';

/**
 * Sends a mail's HTML for a sandboxed frame in a page of ours: mails carry their styles inline, so this answer
 * has a policy of its own, which allows that and nothing else: no script, no request, no form.
 */
export function mailFrame(reply: FastifyReply, html: string): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    )
    .header('x-frame-options', 'SAMEORIGIN')
    .send(html);
}
