import { expect } from 'vitest';
import type { sql } from 'drizzle-orm';
import type { LightMyRequestResponse } from 'fastify';
import { rows, type OpenDatabase } from '../../../src/db/open.ts';
import { listAudit } from '../../../src/organisation/audit.ts';
import { createOutboxMailer } from '../../../src/outbox/outbox-mailer.ts';
import { ROUTES } from '../../../src/web/route-table.ts';
import { testServices } from '../../support/services.ts';
import { Browser, type Site } from '../site.ts';

type Fields = Record<string, string | readonly string[]>;
/** What an entry holds: the state before, the state after, both, or neither where the act says everything. */
type Holds = 'before' | 'after' | 'both' | 'neither';

export const idIn = (answer: LightMyRequestResponse) =>
  /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(answer.headers.location!)![0];

export type Walk = ReturnType<typeof startWalk>;

/** A walk of one person over what can be done, with the routes that it has been to. */
export function startWalk(database: OpenDatabase, site: Site) {
  const { db } = database;
  const { clock } = site;
  const services = testServices(database, clock, { mailer: createOutboxMailer(db, { clock }) });
  const browser = new Browser(site);
  const walked = new Set<string>();

  /** Does what a route does and demands an entry of the audit log by the person, with what it must hold. */
  async function act(
    key: string,
    at: Record<string, string>,
    fields: Fields,
    action: string,
    holds: Holds,
  ): Promise<LightMyRequestResponse> {
    const url = Object.entries(at).reduce(
      (path, [name, value]) => path.replace(`:${name}`, value),
      key.replace('POST ', ''),
    );
    return entered(key, () => browser.post(url, fields), action, holds);
  }

  async function entered(
    key: string,
    run: () => Promise<LightMyRequestResponse>,
    action: string,
    holds: Holds,
  ): Promise<LightMyRequestResponse> {
    expect(ROUTES[key], key).toBeDefined();
    const known = new Set((await listAudit(db, { limit: 1_000 })).map(({ id }) => id));
    const answer = await run();
    expect.soft([200, 303], `${key}: ${answer.body.slice(0, 1_500)}`).toContain(answer.statusCode);
    const entry = (await listAudit(db, { limit: 1_000 })).find(
      (one) => !known.has(one.id) && one.action === action,
    );
    expect.soft(entry, `${key} leaves an entry ${action}`).toBeDefined();
    expect.soft(entry?.actor, key).toMatch(/^admin:/);
    if (holds === 'before' || holds === 'both') expect.soft(entry?.before, `${key}: before`).not.toBeNull();
    if (holds === 'after' || holds === 'both') expect.soft(entry?.after, `${key}: after`).not.toBeNull();
    walked.add(key);
    site.clock.advance({ seconds: 1 });
    return answer;
  }

  async function one(statement: ReturnType<typeof sql>): Promise<string> {
    const [row] = await rows<{ id: string }>(db, statement);
    return row!.id;
  }

  return { db, clock, site, browser, services, walked, act, entered, one };
}
