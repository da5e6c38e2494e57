import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ConvenorError, type ErrorCode } from '../../kernel/errors.ts';
import { serverPlugin } from '../plugin.ts';

const HEADINGS: Partial<Record<ErrorCode, string>> = {
  not_found: 'This page is not here',
  forbidden: 'You cannot do this',
  not_signed_in: 'Please sign in',
  too_many_requests: 'One moment, please',
  payload_too_large: 'This is too large',
  conflict: 'Something has changed meanwhile',
  wrong_state: 'This is not possible any more',
  invalid_input: 'Something is not right yet',
  unavailable: 'Not available at the moment',
};

/** The one door by which errors leave: a page for people, JSON for programs, and a line in the log when it is our fault. */
export const errors = serverPlugin({ name: 'errors', needs: ['pages'] }, (app) => {
  app.setErrorHandler(async (thrown: FastifyError, request, reply) => {
    const error = understood(thrown);
    if (error.httpStatus >= 500) request.log.error({ err: thrown }, 'The request failed');
    return answer(error, request, reply);
  });
  app.setNotFoundHandler(async (request, reply) =>
    answer(
      new ConvenorError('not_found', 'The address may be mistyped, or what was here is gone.'),
      request,
      reply,
    ),
  );

  async function answer(
    error: ConvenorError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    reply.code(error.httpStatus);
    if (wantsJson(request)) {
      const { code, message, problems } = error;
      return reply.send({ error: { code, message, ...(problems.length > 0 ? { problems } : {}) } });
    }
    if (error.code === 'not_signed_in') {
      const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.url)}` : '?unsaved=yes';
      return reply.redirect(`/admin/sign-in${next}`, 303);
    }
    const model = {
      title: HEADINGS[error.code] ?? 'This did not work',
      message: error.message,
      problems: error.problems,
      isGone: error.code === 'not_found',
      requestId: error.httpStatus >= 500 ? request.id : undefined,
    };
    try {
      return await reply.page(request.admin === null ? 'public/problem' : 'admin/problem', model);
    } catch (failure) {
      // Without its database the server cannot even say its name.
      request.log.error({ err: failure }, 'The page about an error failed');
      return reply.type('text/plain; charset=utf-8').send(`${model.title}\n\n${error.message}\n`);
    }
  }
});

function wantsJson(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0]!;
  return (
    /^\/(api|hooks|health)\//.test(path) || (request.headers.accept ?? '').startsWith('application/json')
  );
}

/** What Fastify and its plugins refuse, in our words; everything unforeseen is one sentence without details. */
function understood(error: FastifyError): ConvenorError {
  const cause = { cause: error };
  if (error instanceof ConvenorError && error.code !== 'internal') return error;
  switch (error.statusCode) {
    case 404:
      return new ConvenorError('not_found', 'The address may be mistyped, or what was here is gone.', cause);
    case 413:
      return new ConvenorError('payload_too_large', 'The file or text is larger than we can take.', cause);
    case 429:
      return new ConvenorError('too_many_requests', error.message, cause);
    case 400:
    case 406:
    case 415:
      return new ConvenorError('invalid_input', 'The server did not understand what was sent.', cause);
    case 403:
      return new ConvenorError('forbidden', 'This is not allowed.', cause);
    default:
      return new ConvenorError(
        'internal',
        'Something went wrong on our side. It is in the log. Please try again in a minute; if it stays like this, tell whoever looks after Convenor.',
        cause,
      );
  }
}
