import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Topic } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import type { Evidence } from '../../subscribers/consent-ledger.ts';
import type { LinkPurpose } from '../../subscribers/links.ts';
import { undoUnsubscribe, unsubscribe, whenNothingIsUnderWay } from '../../subscribers/opt-out.ts';
import { findSubscriber, type Subscriber } from '../../subscribers/subscribers.ts';
import { field } from '../form.ts';
import { routes } from '../plugin.ts';
import { TOPIC_WORDS } from '../words.ts';

type ByToken = { Params: { token: string } };

/**
 * Leaving the list by the link in a mail. A GET shows a button and changes nothing, since scanners follow links;
 * a POST acts. The same address takes the one-click POST of mail programs (RFC 8058), which comes without cookie
 * and wants a plain 2xx: any body is taken, in either encoding.
 */
export const leavePages = routes({ name: 'leave', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, links, nudge } = app.deps;
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null, {});
  });

  app.get<ByToken>('/u/:token', async (request, reply) => {
    const { token } = request.params;
    const subscriber = await findSubscriber(db, idFrom(links, 'unsubscribe', token));
    return reply.page('public/leave', {
      ...page(token, subscriber),
      title: 'Leave the list',
      canLeave: subscriber !== undefined && subscriber.topics.length > 0,
    });
  });

  app.post<ByToken>('/u/:token', async (request, reply) => {
    const { token } = request.params;
    const subscriberId = idFrom(links, 'unsubscribe', token);
    const oneClick = field(request, 'act') === '';
    const { withdrawn, excluded } = await unsubscribe(
      db,
      {
        subscriberId,
        topic: 'all',
        source: oneClick ? 'one_click' : 'unsubscribe_page',
        evidence: evidenceOf(request),
      },
      { clock },
    );
    void nudge();
    await whenNothingIsUnderWay(db, subscriberId);
    if (oneClick) return plainAnswer(reply, 'You get no more mail from this list.\n');
    return reply.page('public/left', {
      ...page(token, await findSubscriber(db, subscriberId)),
      title: 'You have left the list',
      withdrawn: withdrawn.map((topic) => TOPIC_WORDS[topic]),
      excluded,
    });
  });

  app.post<ByToken>('/u/:token/undo', async (request, reply) => {
    const { token } = request.params;
    const subscriberId = idFrom(links, 'unsubscribe', token);
    const topics = await undoUnsubscribe(
      db,
      { subscriberId, source: 'unsubscribe_page', evidence: evidenceOf(request) },
      { clock },
    );
    void nudge();
    return reply.page('public/stayed', {
      ...page(token, await findSubscriber(db, subscriberId)),
      title: 'You are on the list again',
      restored: topics.map((topic: Topic) => TOPIC_WORDS[topic]),
    });
  });

  function page(token: string, subscriber: Subscriber | undefined) {
    return {
      action: `/u/${token}`,
      address: subscriber === undefined ? undefined : masked(subscriber.email),
      topics: subscriber?.topics.map((topic) => TOPIC_WORDS[topic]) ?? [],
      preferences: subscriber === undefined ? undefined : pathOf(links.preferencesUrl(subscriber.id)),
    };
  }
});

/**
 * Who a link is about.
 *
 * @throws ConvenorError `not_found` for a link that we did not make; `wrong_state` for one that has expired.
 */
export function idFrom(
  links: { readToken(purpose: LinkPurpose, token: string): { result: string; id?: string } },
  purpose: LinkPurpose,
  token: string,
): string {
  const reading = links.readToken(purpose, token);
  if (reading.result === 'valid' && reading.id !== undefined) return reading.id;
  if (reading.result === 'expired') {
    throw new ConvenorError('wrong_state', 'This link was only good for a while. Please ask for a new one.');
  }
  throw new ConvenorError(
    'not_found',
    'This link is not complete. Some mail programs break long links over two lines: open it from the mail itself, or copy all of it.',
  );
}

/** What a browser tells about an act of consent. */
export function evidenceOf(request: FastifyRequest): Evidence {
  const userAgent = request.headers['user-agent']?.slice(0, 300);
  return { ip: request.ip, ...(userAgent === undefined ? {} : { userAgent }) };
}

/** "a…n@example.org": enough to know one's own address, too little for somebody else. */
export function masked(email: string): string {
  const at = email.lastIndexOf('@');
  const local = email.slice(0, at);
  const shown = local.length < 3 ? `${local.charAt(0)}…` : `${local.charAt(0)}…${local.slice(-1)}`;
  return `${shown}${email.slice(at)}`;
}

export function pathOf(url: string): string {
  return new URL(url).pathname;
}

function plainAnswer(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(text);
}
