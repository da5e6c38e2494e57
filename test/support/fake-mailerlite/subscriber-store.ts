/** The states that a MailerLite subscriber can be in. */
export const STATUSES = ['active', 'unsubscribed', 'unconfirmed', 'bounced', 'junk'] as const;
export type Status = (typeof STATUSES)[number];

export interface StoredSubscriber {
  readonly id: string;
  email: string;
  status: Status;
  source: string;
  sent: number;
  opens: number;
  clicks: number;
  ip_address: string | null;
  subscribed_at: string | null;
  unsubscribed_at: string | null;
  readonly created_at: string;
  updated_at: string;
  /** Only what was set; an answer adds the account's other fields as null. */
  fields: Readonly<Record<string, string | number | null>>;
  groups: ReadonlySet<string>;
  opted_in_at: string | null;
  optin_ip: string | null;
  deleted_at: string | null;
  forget_at: string | null;
}

export type Counts = Record<Status, number>;

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
  readonly previous: string | null;
}

/** The subscribers of an account in order of id, with counts per group kept while they change. */
export class SubscriberStore {
  readonly #byId = new Map<string, StoredSubscriber>();
  readonly #byEmail = new Map<string, StoredSubscriber>();
  /** All ids have the same length, so that text order is number order. */
  readonly #ordered: StoredSubscriber[] = [];
  readonly #groupCounts = new Map<string, Counts>();
  readonly #allCounts: Counts = noCounts();

  add(subscriber: StoredSubscriber): void {
    this.#byId.set(subscriber.id, subscriber);
    this.#byEmail.set(subscriber.email, subscriber);
    this.#ordered.push(subscriber);
    this.#count(subscriber, 1);
  }

  /** Every change goes through here, so that the counts stay right. */
  change(subscriber: StoredSubscriber, values: Partial<Omit<StoredSubscriber, 'id' | 'created_at'>>): void {
    this.#count(subscriber, -1);
    if (values.email !== undefined && values.email !== subscriber.email) {
      this.#byEmail.delete(subscriber.email);
      this.#byEmail.set(values.email, subscriber);
    }
    Object.assign(subscriber, values);
    this.#count(subscriber, 1);
  }

  /** The subscriber with this id or address, also when it was deleted. */
  get(idOrEmail: string): StoredSubscriber | undefined {
    return this.#byId.get(idOrEmail) ?? this.#byEmail.get(idOrEmail.trim().toLowerCase());
  }

  counts(group?: string): Counts {
    return group === undefined ? this.#allCounts : (this.#groupCounts.get(group) ?? noCounts());
  }

  /** Those that are not deleted, newest first. */
  *[Symbol.iterator](): Generator<StoredSubscriber> {
    for (let index = this.#ordered.length - 1; index >= 0; index--) {
      const subscriber = this.#ordered[index]!;
      if (subscriber.deleted_at === null) yield subscriber;
    }
  }

  /** A cursor page, newest id first, of those that `accept` takes. A cursor that cannot be read is the start. */
  page(
    cursor: string | null,
    limit: number,
    accept: (subscriber: StoredSubscriber) => boolean,
  ): Page<StoredSubscriber> {
    const from = readCursor(cursor);
    const forward = from?.next ?? true;
    const items: StoredSubscriber[] = [];
    let index = from === undefined ? this.#ordered.length - 1 : this.#position(from.id) + (forward ? -1 : 0);
    if (!forward && this.#ordered[index]?.id === from?.id) index += 1;
    const step = forward ? -1 : 1;
    let more = false;
    for (; index >= 0 && index < this.#ordered.length; index += step) {
      const subscriber = this.#ordered[index]!;
      if (subscriber.deleted_at !== null || !accept(subscriber)) continue;
      if (items.length === limit) {
        more = true;
        break;
      }
      items.push(subscriber);
    }
    if (!forward) items.reverse();
    const hasNext = forward ? more : true;
    const hasPrevious = forward ? from !== undefined : more;
    return {
      items,
      next: hasNext && items.length > 0 ? writeCursor(items.at(-1)!.id, true) : null,
      previous: hasPrevious && items.length > 0 ? writeCursor(items[0]!.id, false) : null,
    };
  }

  /** Where the id stands, or would stand, in rising order. */
  #position(id: string): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ordered[middle]!.id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #count(subscriber: StoredSubscriber, by: 1 | -1): void {
    if (subscriber.deleted_at !== null) return;
    this.#allCounts[subscriber.status] += by;
    for (const group of subscriber.groups) {
      const counts = this.#groupCounts.get(group) ?? noCounts();
      counts[subscriber.status] += by;
      this.#groupCounts.set(group, counts);
    }
  }
}

function noCounts(): Counts {
  return { active: 0, unsubscribed: 0, unconfirmed: 0, bounced: 0, junk: 0 };
}

/** The id is above 2^53, so that it is written and read as text inside the JSON. */
function writeCursor(id: string, next: boolean): string {
  return Buffer.from(`{"id":${id},"_pointsToNextItems":${String(next)}}`).toString('base64url');
}

function readCursor(cursor: string | null): { id: string; next: boolean } | undefined {
  if (cursor === null) return undefined;
  const match = /^\{"id":(\d+),"_pointsToNextItems":(true|false)\}$/.exec(
    Buffer.from(cursor, 'base64url').toString('utf8'),
  );
  return match ? { id: match[1]!, next: match[2] === 'true' } : undefined;
}
