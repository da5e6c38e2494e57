/** A way to fail that a test or a demo asks for. */
export interface Fault {
  readonly kind:
    | 'rate_limited'
    | 'server_error'
    | 'unavailable'
    /** Answers after `delayMs`. */
    | 'slow'
    /** Never answers. */
    | 'hang'
    /** Cuts the connection before anything is done. */
    | 'dropped'
    /** Does what was asked, then cuts the connection: the caller cannot know. */
    | 'dropped_after'
    /** Answers 200 with a page that is not JSON. */
    | 'not_json';
  /** Only requests whose `METHOD /api/path` contains this text; all when left out. */
  readonly matching?: string;
  /** How many requests it meets; once when left out. */
  readonly times?: number;
  /** Requests to let pass first. */
  readonly after?: number;
  /** Seconds in `Retry-After` of a rate limit. */
  readonly retryAfter?: number;
  readonly delayMs?: number;
}

/** The faults that wait for their request, in the order in which they were asked for. */
export class Faults {
  #waiting: { fault: Fault; skip: number; left: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, skip: fault.after ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The fault that this request meets, if any. */
  meet(request: string): Fault | undefined {
    for (const entry of this.#waiting) {
      if (entry.fault.matching !== undefined && !request.includes(entry.fault.matching)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      if (entry.left <= 0) this.#waiting = this.#waiting.filter((other) => other !== entry);
      return entry.fault;
    }
    return undefined;
  }
}
