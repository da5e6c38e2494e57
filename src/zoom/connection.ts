import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import {
  credentialsRefused,
  noAnswer,
  parseJson,
  refusal,
  unexpectedAnswer,
  wantsNewToken,
} from './refusals.ts';
import type { TokenCache } from './token-cache.ts';

/** How to reach a Zoom account (Server-to-Server OAuth). */
export interface ZoomAccount {
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Base address of the API, without a slash at the end. */
  readonly apiUrl: string;
  readonly oauthUrl: string;
}

export interface ConnectionOptions {
  readonly account: ZoomAccount;
  readonly tokens: TokenCache;
  readonly clock: Clock;
  /** Longest wait for an answer in milliseconds; 10,000 when left out. */
  readonly timeoutMs?: number;
}

export interface ZoomRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path below the API's base address, percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Ends the call early; the error says whether it may have happened. */
  readonly signal?: AbortSignal | undefined;
}

/** Sends a request with a good token and gives the checked body of the answer. */
export interface Connection {
  send<T>(request: ZoomRequest, schema: z.ZodType<T>): Promise<T>;
}

/** A token is not used in its last minute. */
const SPARE_SECONDS = 60;
const TIMEOUT_MS = 10_000;

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * A connection to the account. Every failure is a `ZoomError`; no error, log line or cause carries the
 * credentials, the token or a body.
 */
export function createConnection({
  account,
  tokens,
  clock,
  timeoutMs = TIMEOUT_MS,
}: ConnectionOptions): Connection {
  async function requestToken(signal: AbortSignal | undefined): Promise<string> {
    const { accountId, clientId, clientSecret, oauthUrl } = account;
    const reply = await exchange(oauthUrl, false, signal, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ grant_type: 'account_credentials', account_id: accountId }).toString(),
    });
    if (reply.status !== 200) throw credentialsRefused(reply.status, reply.text, clock);
    const parsed = tokenAnswer.safeParse(parseJson(reply.text));
    if (!parsed.success) throw unexpectedAnswer('token endpoint', false);
    const lifetime = Math.max(1, parsed.data.expires_in - SPARE_SECONDS) * 1000;
    await tokens.write(parsed.data.access_token, lifetime);
    return parsed.data.access_token;
  }

  /** The shared token, or a new one when there is none or only the one that was just refused. */
  async function takeToken(refused: string | undefined, signal: AbortSignal | undefined): Promise<string> {
    const kept = await tokens.read();
    if (kept !== undefined && kept !== refused) return kept;
    return tokens.exclusively(async () => {
      const renewed = await tokens.read();
      return renewed !== undefined && renewed !== refused ? renewed : requestToken(signal);
    });
  }

  async function exchange(
    url: string,
    writes: boolean,
    signal: AbortSignal | undefined,
    init: RequestInit,
  ): Promise<Reply> {
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(url, {
        ...init,
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      throw noAnswer(reasonOf(error), writes && !neverSent(error), clock);
    }
  }

  return {
    async send(request, schema) {
      const writes = request.method !== 'GET';
      const url = new URL(`${account.apiUrl}${request.path}`);
      for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
      const call = (token: string) =>
        exchange(url.href, writes, request.signal, {
          method: request.method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        });
      const token = await takeToken(undefined, request.signal);
      let reply = await call(token);
      if (wantsNewToken(reply.status, reply.text)) reply = await call(await takeToken(token, request.signal));
      if (reply.status < 200 || reply.status > 299) throw refusal(reply, writes, clock);
      const parsed = schema.safeParse(reply.text === '' ? undefined : parseJson(reply.text));
      if (parsed.success) return parsed.data;
      const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
      throw unexpectedAnswer(`${request.method} ${request.path.split('/')[1]}: ${where}`, writes);
    },
  };
}

/** The connection was never made, so the request cannot have been carried out. */
function neverSent(error: unknown): boolean {
  return [
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'UND_ERR_CONNECT_TIMEOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
  ].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : '';
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') return 'no answer in time';
  if (name === 'AbortError') return 'stopped';
  return codeOf(error) || 'connection lost';
}
