import { z } from 'zod';
import type { Log } from '../kernel/log.ts';
import { MailerLiteError, toMailerLiteError } from './errors.ts';
import type { Pace, PaceKind } from './pacing.ts';
import { createSdk, type Sdk, type SdkAnswer } from './sdk.ts';

export interface ConnectionOptions {
  readonly apiKey: string;
  /** Base address without `/api`. */
  readonly baseUrl: string;
  readonly pace: Pace;
  /** Longest wait for one answer in milliseconds; 15,000 when left out. */
  readonly timeoutMs?: number;
  readonly log: Log;
}

/** How one call is made. */
export interface CallOptions {
  /** Opt-outs are urgent: they may use the reserve of the budget. */
  readonly priority?: PaceKind;
  readonly signal?: AbortSignal | undefined;
  /** The caller has waited for its turn already (`takeTurn`), so that what it sends is fresh. */
  readonly turnTaken?: boolean;
}

/** One account: every call goes through the pace, ends in time, and fails with `MailerLiteError` only. */
export interface Connection {
  /** Makes a call by the SDK and parses what it answers. */
  call<T>(
    name: string,
    schema: z.ZodType<T>,
    make: (sdk: Sdk) => Promise<SdkAnswer>,
    options?: CallOptions,
  ): Promise<T>;
  /** The same for an endpoint that the SDK has no call for; `path` begins with `/api`. */
  get<T>(name: string, schema: z.ZodType<T>, path: string, options?: CallOptions): Promise<T>;
}

const TIMEOUT_MS = 15_000;

/** A connection to one MailerLite account. */
export function createConnection(options: ConnectionOptions): Connection {
  const { apiKey, baseUrl, pace, timeoutMs = TIMEOUT_MS, log } = options;
  const sdk = createSdk(apiKey, baseUrl);

  async function make<T>(
    name: string,
    schema: z.ZodType<T>,
    send: (signal: AbortSignal) => Promise<SdkAnswer>,
    { priority = 'normal', signal, turnTaken = false }: CallOptions = {},
  ): Promise<T> {
    if (!turnTaken) await pace.acquire(priority, signal);
    let answer: SdkAnswer;
    try {
      answer = await inTime(send, timeoutMs, signal);
    } catch (error) {
      const own = toMailerLiteError(error);
      if (own.kind === 'rate_limited') await pace.block(own.retryAfterSeconds ?? 60);
      log.debug({ call: name, fault: own.kind, status: own.status }, 'a MailerLite call failed');
      throw own;
    }
    return parse(name, schema, answer.data);
  }

  return {
    call: (name, schema, send, callOptions) => make(name, schema, () => send(sdk), callOptions),
    get: (name, schema, path, callOptions) =>
      make(
        name,
        schema,
        async (signal) => {
          const response = await fetch(new URL(path, baseUrl), {
            headers: {
              authorization: `Bearer ${apiKey}`,
              accept: 'application/json',
              'content-type': 'application/json',
            },
            signal,
            redirect: 'error',
          });
          const body = readJson(await response.text());
          // The same form as the SDK's failures, so that one function reads both.
          if (!response.ok) {
            throw Object.assign(new Error('refused'), {
              response: {
                status: response.status,
                data: body,
                headers: Object.fromEntries(response.headers),
              },
            });
          }
          return { status: response.status, data: body };
        },
        callOptions,
      ),
  };
}

/**
 * The SDK has neither a timeout nor a way to stop a call, so that the wait is what ends. What the call does
 * afterwards reaches nobody.
 */
async function inTime(
  send: (signal: AbortSignal) => Promise<SdkAnswer>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<SdkAnswer> {
  const ends = new AbortController();
  const timer = setTimeout(() => ends.abort(), timeoutMs);
  const stop = () => ends.abort();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  const ended = new Promise<never>((_, reject) => {
    const give = () =>
      reject(
        new MailerLiteError(
          'timeout',
          signal?.aborted === true
            ? 'The call to MailerLite was given up.'
            : `MailerLite did not answer within ${timeoutMs / 1000} seconds.`,
          { mayHaveHappened: true },
        ),
      );
    if (ends.signal.aborted) give();
    else ends.signal.addEventListener('abort', give, { once: true });
  });
  try {
    // Several SDK methods throw at once instead of rejecting.
    const call = (async () => send(ends.signal))();
    call.catch(() => undefined);
    return await Promise.race([call, ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The parsed answer; what is wrong with one that does not fit is said by key, never by value. */
export function parse<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues.slice(0, 3).map((issue) => issue.path.join('.') || 'the whole answer');
  throw new MailerLiteError(
    'malformed',
    `MailerLite's answer to ${name} is not as its API promises (${where.join(', ')}).`,
    { mayHaveHappened: true },
  );
}
