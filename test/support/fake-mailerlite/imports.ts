import type { FakeAccount, Request, Routes } from './account.ts';
import { findGroup } from './groups.ts';
import { invalid, noSuch, Refusal } from './reply.ts';
import { membership } from './subscribers.ts';

type Item = Readonly<Record<string, unknown>>;

/** An import, which is worked off when it is next asked about. */
export interface StoredImport {
  readonly id: string;
  readonly group: string;
  readonly items: readonly Item[];
  readonly outcome: Record<Outcome, string[]>;
  done: boolean;
}

type Outcome = 'imported' | 'changed' | 'unchanged' | 'invalid' | 'unsubscribed';

export const importRoutes: Routes = {
  'POST /groups/{id}/import-subscribers': (request) => {
    const { account, params, body } = request;
    const group = findGroup(account, params['id']!);
    if (!Array.isArray(body['subscribers']))
      throw invalid({ subscribers: ['The subscribers field is required.'] });
    const id = account.newId();
    account.imports.set(id, {
      id,
      group: group.id,
      items: body['subscribers'] as Item[],
      outcome: { imported: [], changed: [], unchanged: [], invalid: [], unsubscribed: [] },
      done: false,
    });
    return { status: 200, body: { import_progress_url: importUrl(request, id) } };
  },
  'GET /subscribers/import/{id}': ({ account, params }) => {
    const found = account.imports.get(params['id']!);
    if (found === undefined) throw noSuch('Import', params['id']);
    if (!found.done) work(account, found);
    return { status: 200, body: { data: present(account, found) } };
  },
};

function importUrl(request: Request, id: string): string {
  const origin = new URL(request.absolutePath).origin;
  return `${origin}/api/subscribers/import/${id}`;
}

function work(account: FakeAccount, found: StoredImport): void {
  for (const item of found.items) {
    const text = item['email'];
    const email = typeof text === 'string' ? text.trim().toLowerCase() : '';
    const existing = account.subscribers.get(email);
    if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) found.outcome.invalid.push(email);
    else if (existing === undefined) {
      const created = account.createSubscriber({
        email,
        source: 'import',
        fields: (item['fields'] ?? {}) as Record<string, string>,
      });
      account.deliveries.emit('subscriber.created', { account, subscriber: created });
      membership(account, created, [found.group], []);
      found.outcome.imported.push(email);
    } else if (existing.status === 'active') {
      found.outcome[existing.groups.has(found.group) ? 'unchanged' : 'changed'].push(email);
      membership(account, existing, [found.group], []);
    } else found.outcome.unsubscribed.push(email);
  }
  found.done = true;
}

function present(account: FakeAccount, found: StoredImport): Record<string, unknown> {
  const total = found.items.length;
  const listed = (name: string, list: readonly string[]) => ({
    [name]: list,
    [`${name}_count`]: list.length,
  });
  const none = ['mistyped', 'role_based', 'suspicious_format', 'duplicate'];
  const { outcome } = found;
  return {
    id: found.id,
    total,
    processed: total,
    imported: outcome.imported.length,
    updated: outcome.changed.length,
    errored: outcome.invalid.length,
    percent: 100,
    done: true,
    ...Object.assign({}, ...none.map((name) => listed(name, []))),
    ...listed('invalid', outcome.invalid),
    ...listed('changed', outcome.changed),
    ...listed('unchanged', outcome.unchanged),
    ...listed('unsubscribed', outcome.unsubscribed),
    banned_import_emails_count: 0,
    updated_at: account.now(),
    undone_at: null,
    stopped_at: null,
    undo_started_at: null,
    finished_at: account.now(),
  };
}

/** Counts an import against the limit per minute, which is apart from the limit on requests. */
export class ImportLimit {
  #starts: Temporal.Instant[] = [];

  /** @throws Refusal 429 when the account has begun too many imports within a minute. */
  begin(account: FakeAccount): void {
    const now = account.clock.now();
    this.#starts = this.#starts.filter((start) => now.since(start).total('seconds') < 60);
    if (this.#starts.length >= account.behaviour.importsPerMinute) {
      throw new Refusal(429, { message: "You're being rate limited on import creation." });
    }
    this.#starts.push(now);
  }
}
