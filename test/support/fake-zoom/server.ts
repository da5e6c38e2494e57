import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { FakeAccount, type AccountOptions } from './account.ts';
import { answerApi, refuse, type Answer, type MeetingEvent } from './api.ts';
import { answerControl } from './control.ts';
import { Faults, type Fault } from './faults.ts';
import { Webhooks } from './webhooks.ts';

export interface SeenRequest {
  readonly method: string;
  /** As sent, percent-encoded, with the query. */
  readonly path: string;
  readonly body: unknown;
  readonly status: number | 'none';
}

export interface FakeZoom {
  readonly account: FakeAccount;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  /** Every request that arrived, oldest first. */
  readonly seen: SeenRequest[];
  readonly apiUrl: string;
  readonly oauthUrl: string;
  readonly controlUrl: string;
  readonly port: number;
  /** Carries out the requests that met the fault `late`. */
  carryOutLate(): void;
  /** Tells the subscriber of something that happened at Zoom. */
  readonly emit: MeetingEvent;
  /** Cuts every connection and closes the port. The account can be given to another server. */
  stop(): Promise<void>;
}

export interface FakeZoomOptions {
  /** The state to serve: a new account, or the one of a server that was stopped. */
  readonly account: FakeAccount | AccountOptions;
  readonly port?: number;
}

/**
 * A Zoom for tests and demonstrations: token endpoint, the part of the REST API that Convenor uses, webhooks,
 * and faults on demand. Listens on 127.0.0.1 only.
 */
export async function startFakeZoom(options: FakeZoomOptions): Promise<FakeZoom> {
  const account = options.account instanceof FakeAccount ? options.account : new FakeAccount(options.account);
  const faults = new Faults();
  const webhooks = new Webhooks(account.clock, account.accountId);
  const seen: SeenRequest[] = [];
  const emit: MeetingEvent = (event, object) => webhooks.emit(event, object);
  const stopping = new AbortController();
  const late: (() => void)[] = [];

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, { status: 500, body: { message: String(error) } });
    });
  });

  // A connection that this server closes while it is idle, as it does by itself after five seconds, is a fault, and
  // faults come only on demand.
  server.keepAliveTimeout = 600_000;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? 'GET';
    const body = await readBody(request);
    if (url.pathname.startsWith('/_control/')) {
      const path = url.pathname.slice('/_control'.length);
      return send(response, await answerControl({ account, faults, webhooks, emit }, method, path, body));
    }
    const fault = faults.take(method, url.pathname);
    const answer = disturbed(fault) ?? (await respond(method, url, body, request.headers.authorization));
    const silent = fault?.kind === 'silent' || fault?.kind === 'drop' || fault?.kind === 'late';
    seen.push({
      method,
      path: `${url.pathname}${url.search}`,
      body,
      status: silent ? 'none' : answer.status,
    });
    if (fault?.kind === 'late')
      late.push(() => void respond(method, url, body, request.headers.authorization));
    if (fault?.kind === 'drop' || fault?.kind === 'late') return void request.socket.destroy();
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'slow')
      await wait(fault.milliseconds, undefined, { signal: stopping.signal }).catch(() => null);
    if (fault?.kind === 'page') return sendPage(response, fault.status);
    send(response, answer);
  }

  async function respond(method: string, url: URL, body: unknown, credentials = ''): Promise<Answer> {
    if (url.pathname === '/oauth/token') return answerToken(account, url, body, credentials);
    if (!url.pathname.startsWith('/v2/')) return refuse(404, 2300, 'This API endpoint is not recognized.');
    const scopes = account.checkToken(credentials.replace(/^Bearer /, ''));
    if (scopes === 'expired') return refuse(401, 124, 'Access token is expired.');
    if (scopes === 'unknown') return refuse(401, 124, 'Invalid access token.');
    return answerApi(
      account,
      { method, path: url.pathname.slice('/v2'.length), query: url.searchParams, body },
      scopes,
      emit,
    );
  }

  /** The answer of a fault that keeps the request from being carried out. */
  function disturbed(fault: Fault | undefined): Answer | undefined {
    if (fault?.kind === 'rate_limited') return rateLimited(account, fault);
    if (fault?.kind === 'error') return refuse(fault.status, fault.code, fault.message);
    if ((fault?.kind === 'page' || fault?.kind === 'silent' || fault?.kind === 'drop') && !fault.after) {
      return { status: 'status' in fault ? fault.status : 0 };
    }
    if (fault?.kind === 'late') return { status: 0 };
    return undefined;
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  return {
    account,
    faults,
    webhooks,
    seen,
    emit,
    carryOutLate: () => {
      for (const carryOut of late.splice(0)) carryOut();
    },
    port,
    apiUrl: `${base}/v2`,
    oauthUrl: `${base}/oauth/token`,
    controlUrl: `${base}/_control`,
    stop: async () => {
      stopping.abort();
      await webhooks.settled();
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** The OAuth endpoint has an error shape of its own, unlike the API's. */
function answerToken(account: FakeAccount, url: URL, body: unknown, credentials: string): Answer {
  const given = new URLSearchParams(typeof body === 'string' ? body : url.search);
  const expected = Buffer.from(`${account.clientId}:${account.clientSecret}`).toString('base64');
  if (credentials !== `Basic ${expected}`) {
    return { status: 400, body: { reason: 'Invalid client_id or client_secret', error: 'invalid_client' } };
  }
  if (given.get('grant_type') !== 'account_credentials' || given.get('account_id') !== account.accountId) {
    return { status: 400, body: { reason: 'Bad Request', error: 'invalid_request' } };
  }
  const { token, expiresIn, scopes } = account.issueToken();
  return {
    status: 200,
    body: {
      access_token: token,
      token_type: 'bearer',
      expires_in: expiresIn,
      scope: scopes.join(' '),
      api_url: 'https://api-eu.zoom.us',
    },
  };
}

function rateLimited(account: FakeAccount, fault: Extract<Fault, { kind: 'rate_limited' }>): Answer {
  const at = account.clock.now().add({ seconds: fault.seconds });
  const headers = {
    seconds: {
      'retry-after': String(fault.seconds),
      'x-ratelimit-category': 'Medium',
      'x-ratelimit-type': 'QPS',
      'x-ratelimit-reset': String(Math.ceil(at.epochMilliseconds / 1000)),
      'x-ratelimit-remaining': '0',
    },
    date: {
      'retry-after': at.toString({ smallestUnit: 'second' }),
      'x-ratelimit-category': 'Medium',
      'x-ratelimit-type': 'Daily-limit',
      'x-ratelimit-remaining': '0',
    },
    none: {},
  }[fault.form];
  return { ...refuse(429, 429, 'You have reached the maximum per-second rate limit for this API.'), headers };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return undefined;
  return request.headers['content-type']?.includes('json') ? JSON.parse(text) : text;
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...(answer.body === undefined ? {} : { 'content-type': 'application/json;charset=UTF-8' }),
    'x-zm-trackingid': `FAKE_${randomBytes(6).toString('hex')}`,
    ...answer.headers,
  });
  response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
}

function sendPage(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/html' });
  response.end('<html><body><h1>Bad gateway</h1></body></html>');
}
