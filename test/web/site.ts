import type { FastifyInstance, FastifyPluginCallback, LightMyRequestResponse } from 'fastify';
import { loadConfig } from '../../src/config/load.ts';
import { createLog } from '../../src/kernel/log.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { createAdmin, type AdminRole } from '../../src/organisation/admins.ts';
import { changeSetting, writeInternalSetting } from '../../src/organisation/settings.ts';
import { parseWebhook, verifySignature } from '../../src/mailerlite/webhook-events.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { createAddressHash } from '../../src/subscribers/address-hash.ts';
import { createLinks } from '../../src/subscribers/links.ts';
import type { QueueForWeb, WebDependencies } from '../../src/web/dependencies.ts';
import { createWebServer } from '../../src/web/server.ts';
import { ManualClock } from '../support/clock.ts';
import type { OpenDatabase } from '../../src/db/open.ts';

export const NOW = '2027-01-12T20:15:00Z';
export const PASSWORD = 'correct horse battery staple';
const SECRET_KEY = 'a secret key for tests, long enough';

const renderer = createRenderer({ templatesFolder });

/** The server with a database and a clock of the test's own; `nudges` counts what it told the background work. */
export interface Site {
  readonly app: FastifyInstance;
  readonly deps: WebDependencies;
  readonly clock: ManualClock;
  readonly nudges: () => number;
}

export async function openSite(
  database: OpenDatabase,
  environment: Record<string, string> = {},
  overrides: Partial<WebDependencies> = {},
): Promise<Site> {
  const clock = new ManualClock(NOW);
  const config = loadConfig({ SECRET_KEY, ...environment });
  let nudges = 0;
  const deps: WebDependencies = {
    config,
    clock,
    log: createLog('silent'),
    db: database.db,
    renderer,
    links: createLinks({ secretKey: SECRET_KEY, baseUrl: config.BASE_URL, clock }),
    addressHash: createAddressHash(SECRET_KEY),
    startedAt: clock.now(),
    queue: quietQueue,
    webhooks: { mailerlite: { parseWebhook, verifySignature } },
    checkConnection: async (connection) => [{ check: connection, state: 'ok', detail: 'it answers' }],
    nudge: async () => {
      nudges += 1;
    },
    ...overrides,
  };
  return { app: await createWebServer(deps), deps, clock, nudges: () => nudges };
}

const quietQueue: QueueForWeb = {
  ready: true,
  check: async () => [],
  counts: async () => [],
  board: async () => (app, _options, done) => {
    // A plugin in a plugin, as the real one: it answers at the address with a slash at its end alone.
    const board: FastifyPluginCallback = (inner, _inner, innerDone) => {
      inner.get('/', async () => 'the board');
      innerDone();
    };
    void app.register(board, { prefix: '/' });
    done();
  },
};

/** A group that has been set up, with one administrator or editor who can sign in. */
export async function setUpGroup(
  { deps }: Site,
  role: AdminRole = 'administrator',
): Promise<{ email: string }> {
  const { db, clock } = deps;
  const by = { clock, actor: 'test' };
  const email = `${role}@example.org`;
  await createAdmin(db, { email, name: 'Ruth Okafor', role, password: PASSWORD }, by);
  await changeSetting(db, 'organisationName', 'Northfield Therapy Partnership', by);
  await changeSetting(db, 'groupName', 'Northfield OT Network', by);
  await changeSetting(db, 'contactEmail', 'network@example.org', by);
  await changeSetting(db, 'postalAddress', '1 High Street\nNorthfield\nNF1 2AB', by);
  await writeInternalSetting(db, 'setupCompletedAt', clock.now(), by);
  return { email };
}

/** A browser: it keeps cookies, and sends the token of the last page with every form. */
export class Browser {
  readonly #app: FastifyInstance;
  readonly #cookies = new Map<string, string>();
  #token = '';

  constructor({ app }: Pick<Site, 'app'>) {
    this.#app = app;
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
    return this.#note(
      await this.#app.inject({ method: 'GET', url, headers: { ...this.#headers(), ...headers } }),
    );
  }

  /** Sends a form; lists become repeated fields. */
  async post(
    url: string,
    fields: Record<string, string | readonly string[]> = {},
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    const body = new URLSearchParams();
    body.append('_csrf', this.#token);
    for (const [name, value] of Object.entries(fields)) {
      for (const one of [value].flat()) body.append(name, one);
    }
    return this.#note(
      await this.#app.inject({
        method: 'POST',
        url,
        headers: { ...this.#headers(), ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        payload: body.toString(),
      }),
    );
  }

  /** Sends a form with a file. */
  async upload(
    url: string,
    fields: Record<string, string>,
    file: { field: string; name: string; content: string | Buffer },
  ): Promise<LightMyRequestResponse> {
    const form = new FormData();
    form.append('_csrf', this.#token);
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append(file.field, new Blob([file.content]), file.name);
    const encoded = new Response(form);
    return this.#note(
      await this.#app.inject({
        method: 'POST',
        url,
        headers: { ...this.#headers(), 'content-type': encoded.headers.get('content-type')! },
        payload: Buffer.from(await encoded.arrayBuffer()),
      }),
    );
  }

  async signIn(email: string, password = PASSWORD): Promise<LightMyRequestResponse> {
    await this.get('/admin/sign-in');
    const answer = await this.post('/admin/sign-in', { email, password });
    await this.get('/admin/more');
    return answer;
  }

  /** Forgets the token, as a page of another site would not know it. */
  forgetToken(): void {
    this.#token = '';
  }

  cookieHeader(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #headers(): Record<string, string> {
    return this.#cookies.size === 0 ? {} : { cookie: this.cookieHeader() };
  }

  #note(answer: LightMyRequestResponse): LightMyRequestResponse {
    for (const { name, value } of answer.cookies) {
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const token = /name="_csrf" value="([^"]+)"/.exec(answer.body)?.[1];
    if (token !== undefined) this.#token = token;
    return answer;
  }
}
