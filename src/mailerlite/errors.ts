import { z } from 'zod';
import { withoutAddresses } from '../kernel/log.ts';

/**
 * The closed list of ways in which a call to MailerLite fails.
 *
 * - `unauthenticated`: the key is wrong or was withdrawn.
 * - `not_found`: the thing does not exist (any more).
 * - `invalid`: MailerLite refuses what was sent; `fields` says what about it.
 * - `opted_out`: the person has left, bounced or complained in MailerLite, which takes nobody back by its API.
 *   Never worth a retry; only a MailerLite form or the person can change it.
 * - `plan_refused`: the account's plan does not include it.
 * - `rate_limited`: too many calls; `retryAfterSeconds` says how long to wait.
 * - `unavailable`: not reachable, or a fault on their side.
 * - `timeout`: no answer in time, or the caller stopped waiting.
 * - `malformed`: the answer is not what the API promises.
 */
export type MailerLiteFault =
  | 'unauthenticated'
  | 'not_found'
  | 'invalid'
  | 'opted_out'
  | 'plan_refused'
  | 'rate_limited'
  | 'unavailable'
  | 'timeout'
  | 'malformed';

interface Details {
  readonly status?: number | undefined;
  readonly fields?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly subscriberId?: string | undefined;
  readonly mayHaveHappened?: boolean | undefined;
}

/** A failed call. Neither the message nor anything else in it holds the API key, an address or a request. */
export class MailerLiteError extends Error {
  override readonly name = 'MailerLiteError';
  readonly kind: MailerLiteFault;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** What was refused: the name of the field to what is wrong with it, in MailerLite's words. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly retryAfterSeconds: number | undefined;
  /** The MailerLite id of the person, where a refusal for `opted_out` names it. */
  readonly subscriberId: string | undefined;
  /** True when the request may have been carried out although no answer came. */
  readonly mayHaveHappened: boolean;

  constructor(kind: MailerLiteFault, message: string, details: Details = {}) {
    super(message);
    this.kind = kind;
    this.status = details.status;
    this.fields = details.fields ?? {};
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.subscriberId = details.subscriberId;
    this.mayHaveHappened = details.mayHaveHappened ?? false;
  }
}

/** What a 429 without `Retry-After` is taken for: the length of the window. */
const DEFAULT_WAIT_SECONDS = 60;

const errorBody = z.object({
  message: z.string().catch(''),
  errors: z.record(z.string(), z.array(z.string())).catch({}),
  subscriber: z.union([z.string(), z.number()]).transform(String).optional().catch(undefined),
});

/**
 * The error for an answer with a status of 400 or above, alone or as an item of a batch. Texts are not relied
 * on where status and keys suffice: MailerLite has changed several of them.
 */
export function refusalOf(status: number, body: unknown, retryAfter?: string | null): MailerLiteError {
  const bare = typeof body === 'string' ? { message: body } : body;
  const parsed = errorBody.safeParse(bare);
  const {
    message,
    errors: fields,
    subscriber,
  } = parsed.success ? parsed.data : { message: '', errors: {}, subscriber: undefined };
  const said = message === '' ? '' : ` MailerLite says: “${withoutAddresses(message.slice(0, 300))}”`;
  const details = { status, fields: withoutPersons(fields) };
  if (status === 401) {
    return new MailerLiteError(
      'unauthenticated',
      'MailerLite does not accept the API key. Make a new one in MailerLite under Integrations and set MAILERLITE_API_KEY.',
      details,
    );
  }
  if (status === 429) {
    const seconds = Number(retryAfter);
    const wait =
      retryAfter != null && Number.isFinite(seconds) && seconds > 0 ? seconds : DEFAULT_WAIT_SECONDS;
    return new MailerLiteError(
      'rate_limited',
      `MailerLite asks to wait for ${wait} seconds before the next call.`,
      {
        ...details,
        retryAfterSeconds: wait,
      },
    );
  }
  if (status === 404 || status === 410) {
    return new MailerLiteError('not_found', 'This no longer exists in MailerLite.', details);
  }
  if (status === 408 || status >= 500) {
    return new MailerLiteError(
      'unavailable',
      `MailerLite has a fault of its own (status ${status}).${said}`,
      {
        ...details,
        mayHaveHappened: true,
      },
    );
  }
  if (status === 403 || 'emails.0.content' in fields || /\bplan\b/i.test(message)) {
    return new MailerLiteError(
      'plan_refused',
      `The MailerLite plan of this account does not include this.${said}`,
      details,
    );
  }
  if (isOptOut(fields, subscriber)) {
    return new MailerLiteError(
      'opted_out',
      'This person has left the list in MailerLite, which takes nobody back by its API. ' +
        'They can come back themselves with a MailerLite form.',
      { ...details, subscriberId: subscriber },
    );
  }
  return new MailerLiteError('invalid', `MailerLite refused the request (status ${status}).${said}`, details);
}

/** The refusal names the subscriber beside `errors`, which no other one does; the words are the second sign. */
function isOptOut(
  fields: Readonly<Record<string, readonly string[]>>,
  subscriber: string | undefined,
): boolean {
  const messages = [...(fields['email'] ?? []), ...(fields['status'] ?? [])];
  return (
    messages.length > 0 &&
    (subscriber !== undefined || messages.some((text) => /unsubscribed|bounced|junk|complain/i.test(text)))
  );
}

function withoutPersons(fields: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(fields).map(([key, list]) => [key, list.map(withoutAddresses)]));
}

interface HttpFailure {
  readonly response?: {
    readonly status: number;
    readonly data: unknown;
    readonly headers: Readonly<Record<string, unknown>>;
  };
  readonly code?: string;
}

/** Codes of connections that were never made, so that nothing can have happened. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * The own error for whatever a call threw. The original is dropped and not kept as a cause: an error of the HTTP
 * client shows the API key wherever it is printed.
 */
export function toMailerLiteError(error: unknown): MailerLiteError {
  if (error instanceof MailerLiteError) return error;
  const failure = (typeof error === 'object' && error !== null ? error : {}) as HttpFailure;
  if (failure.response !== undefined) {
    const { status, data, headers } = failure.response;
    const retryAfter = headers['retry-after'];
    return refusalOf(status, data, typeof retryAfter === 'string' ? retryAfter : null);
  }
  const cause = (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
  const code = failure.code ?? (typeof cause === 'string' ? cause : undefined);
  return new MailerLiteError(
    'unavailable',
    `MailerLite cannot be reached${code === undefined ? '' : ` (${code})`}. Nothing is lost; it is tried again.`,
    { mayHaveHappened: code === undefined || !NEVER_SENT.has(code) },
  );
}
