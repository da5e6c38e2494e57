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

/**
 * A mail as a reader with light or dark colours sees it, whatever the colours of the one who looks at the preview:
 * the media query of its style sheet holds always, or never.
 */
export function inScheme(html: string, scheme: 'light' | 'dark'): string {
  return html.replaceAll(
    '@media (prefers-color-scheme: dark)',
    scheme === 'dark' ? '@media all' : '@media not all',
  );
}
