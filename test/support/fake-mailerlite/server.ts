import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import type { FakeAccount } from './account.ts';
import { answerBatch } from './batch.ts';
import { sendDueCampaigns } from './campaigns.ts';
import { Faults } from './faults.ts';
import { ImportLimit } from './imports.ts';
import { Refusal, type Reply } from './reply.ts';
import { dispatch } from './router.ts';

/** One request that the API met, for tests that count. */
export interface LoggedRequest {
  readonly at: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  /** The items of a batch. */
  readonly items?: number;
}

export interface ApiServer {
  readonly baseUrl: string;
  readonly faults: Faults;
  readonly log: LoggedRequest[];
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly account: FakeAccount;
  readonly apiKey: string;
  readonly port: number;
  /** Answers requests below `/_control/`. */
  readonly control: (name: string, argument: unknown) => Promise<unknown>;
  /** Called after each API request. */
  readonly afterRequest: () => void;
}

/** Serves the account over HTTP on the loopback address. */
export async function serve(options: ServerOptions): Promise<ApiServer> {
  const api = new Api(options);
  const server = createServer((request, response) => {
    api.answer(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  // A caller may be busy with an answer for longer than Node keeps an idle connection.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  api.baseUrl = `http://127.0.0.1:${port}`;
  return { baseUrl: api.baseUrl, faults: api.faults, log: api.log, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

class Api {
  baseUrl = '';
  readonly faults = new Faults();
  readonly log: LoggedRequest[] = [];
  readonly #options: ServerOptions;
  readonly #imports = new ImportLimit();
  #windowStart: Temporal.Instant | undefined;
  #used = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.baseUrl);
    const raw = (await buffer(request)).toString('utf8');
    if (url.pathname.startsWith('/_control/')) return this.#answerControl(url, raw, response);
    if (request.headers.authorization !== `Bearer ${this.#options.apiKey}`) {
      return send(response, { status: 401, body: { message: 'Unauthenticated.' } }, {});
    }
    const method = request.method ?? 'GET';
    const fault = this.faults.meet(`${method} ${url.pathname}`);
    const note = (status: number) => {
      const items = url.pathname === '/api/batch' ? itemsOf(raw) : undefined;
      this.log.push({
        at: this.#options.account.clock.now().toString(),
        method,
        path: url.pathname + url.search,
        status,
        ...(items === undefined ? {} : { items }),
      });
    };
    if (fault?.kind === 'hang') return note(0);
    if (fault?.kind === 'dropped') {
      note(0);
      return void request.socket.destroy();
    }
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 1000));
    if (fault?.kind === 'not_json') {
      note(200);
      response.writeHead(200, { 'content-type': 'text/html' });
      return void response.end('<html><body>Checking your browser</body></html>');
    }
    const { headers, retryAfter } = this.#spend();
    const refused =
      fault?.kind === 'rate_limited'
        ? (fault.retryAfter ?? 60)
        : retryAfter === undefined
          ? undefined
          : retryAfter;
    const reply =
      refused !== undefined
        ? { status: 429, body: { message: 'Too Many Attempts.' } }
        : fault?.kind === 'server_error'
          ? { status: 500, body: { message: 'Server Error' } }
          : fault?.kind === 'unavailable'
            ? { status: 503, body: { message: 'Service Unavailable' } }
            : this.#reply(method, url, raw);
    note(reply.status);
    this.#options.afterRequest();
    if (fault?.kind === 'dropped_after') return void request.socket.destroy();
    const locale = reply.status === 404 ? {} : { 'x-locale': 'en' };
    send(response, reply, {
      ...headers,
      ...(reply.status === 429 ? { 'x-ratelimit-remaining': '0', 'retry-after': String(refused ?? 60) } : {}),
      ...locale,
    });
  }

  /** Counts a request against the minute that began with the first one. */
  #spend(): { headers: Record<string, string>; retryAfter?: number } {
    const now = this.#options.account.clock.now();
    const limit = this.#options.account.behaviour.requestsPerMinute;
    const elapsed =
      this.#windowStart === undefined ? Infinity : now.since(this.#windowStart).total('seconds');
    if (elapsed >= 60) {
      this.#windowStart = now;
      this.#used = 0;
    }
    this.#used += 1;
    const headers = {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(Math.max(0, limit - this.#used)),
    };
    if (this.#used <= limit) return { headers };
    return {
      headers,
      retryAfter: Math.max(1, Math.ceil(60 - now.since(this.#windowStart!).total('seconds'))),
    };
  }

  #reply(method: string, url: URL, raw: string): Reply {
    const { account } = this.#options;
    sendDueCampaigns(account);
    const question = {
      account,
      method,
      path: url.pathname.replace(/^\/api/, ''),
      absolutePath: url.origin + url.pathname,
      query: url.searchParams,
      body: (raw === '' ? {} : (JSON.parse(raw) ?? {})) as Readonly<Record<string, unknown>>,
    };
    try {
      if (method === 'POST' && question.path === '/batch') return answerBatch(question, this.#imports);
      if (method === 'POST' && question.path.endsWith('/import-subscribers')) this.#imports.begin(account);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return error.reply;
    }
    return dispatch(question);
  }

  async #answerControl(url: URL, raw: string, response: ServerResponse): Promise<void> {
    const argument: unknown = raw === '' ? undefined : JSON.parse(raw);
    try {
      const result = await this.#options.control(url.pathname.slice('/_control/'.length), argument);
      send(response, { status: 200, body: result ?? {} }, {});
    } catch (error) {
      send(response, { status: 400, body: { message: (error as Error).message } }, {});
    }
  }
}

function send(response: ServerResponse, reply: Reply, headers: Readonly<Record<string, string>>): void {
  const common = { 'cache-control': 'no-cache, private', ...headers };
  if (reply.body === undefined) {
    response.writeHead(reply.status, common).end();
    return;
  }
  // Errors about a missing thing come indented.
  const text = JSON.stringify(reply.body, null, reply.status === 404 ? 4 : undefined);
  response.writeHead(reply.status, { 'content-type': 'application/json', ...common }).end(text);
}

function itemsOf(raw: string): number | undefined {
  try {
    return (JSON.parse(raw) as { requests: unknown[] }).requests.length;
  } catch {
    return undefined;
  }
}
