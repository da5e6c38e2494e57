/**
 * What can go wrong between a client and Zoom, on demand. A rule waits for the next request that fits it and
 * is used up after `times` requests.
 */
export type Fault =
  /** 429; `form` is how the time of the next try is told: `Retry-After` in seconds, as a date, or not at all. */
  | { kind: 'rate_limited'; form: 'seconds' | 'date' | 'none'; seconds: number }
  /** An error answer in the API's shape. Nothing is done. */
  | { kind: 'error'; status: number; code: number; message: string }
  /** A gateway's error page. With `after: true` the request was carried out all the same. */
  | { kind: 'page'; status: number; after?: boolean }
  /** The right answer, late. */
  | { kind: 'slow'; milliseconds: number }
  /** No answer at all; the connection stays open. With `after: true` the request was carried out. */
  | { kind: 'silent'; after?: boolean }
  /** The connection is cut. With `after: true` the request was carried out: a half-created meeting. */
  | { kind: 'drop'; after?: boolean }
  /** The connection is cut, and the request is carried out only when the test says so (`carryOutLate`). */
  | { kind: 'late' };

export interface FaultRule {
  readonly fault: Fault;
  /** Only requests of this method; any when left out. */
  readonly method?: string;
  /** Only paths that contain this text (`/oauth/token`, `/participants`); any when left out. */
  readonly path?: string;
  /** How many requests it strikes; 1 when left out. */
  readonly times?: number;
}

export const ERRORS = {
  expiredToken: { kind: 'error', status: 401, code: 124, message: 'Access token is expired.' },
  invalidToken: { kind: 'error', status: 401, code: 201, message: 'Invalid access token.' },
  scopeMissing: {
    kind: 'error',
    status: 400,
    code: 4711,
    message: 'Invalid access token, does not contain scopes:[meeting:write:meeting:admin].',
  },
  featureRefused: { kind: 'error', status: 400, code: 200, message: 'Only available for Paid account.' },
  meetingUnknown: { kind: 'error', status: 404, code: 3001, message: 'Meeting does not exist.' },
  serverError: { kind: 'error', status: 500, code: 500, message: 'Internal server error.' },
} as const satisfies Record<string, Fault>;

export class Faults {
  #rules: { rule: FaultRule; left: number }[] = [];

  add(rule: FaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** The fault that strikes this request, if any; rules strike in the order in which they were added. */
  take(method: string, path: string): Fault | undefined {
    const hit = this.#rules.find(
      ({ rule, left }) =>
        left > 0 &&
        (rule.method === undefined || rule.method === method) &&
        (rule.path === undefined || path.includes(rule.path)),
    );
    if (hit) hit.left -= 1;
    return hit?.rule.fault;
  }
}
