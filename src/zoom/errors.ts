/**
 * The closed list of ways in which a call to Zoom fails.
 *
 * - `credentials`: Zoom does not accept the account id, client id or client secret.
 * - `scope_missing`: the app lacks a scope; the message names it.
 * - `not_allowed`: the account's plan or rights do not cover the request.
 * - `host_unknown`: the host is not a person of this account.
 * - `meeting_unknown`: Zoom does not know the meeting, or no longer.
 * - `meeting_running`, `meeting_over`: the meeting can no longer be changed or removed.
 * - `invalid`: Zoom refuses a value; the message names the fields.
 * - `rate_limited`: a limit is used up; `retryAt` says when to come back.
 * - `unavailable`: Zoom or the way to it is out of order.
 * - `unexpected_answer`: an answer that is not in the documented form.
 */
export type ZoomFault =
  | 'credentials'
  | 'scope_missing'
  | 'not_allowed'
  | 'host_unknown'
  | 'meeting_unknown'
  | 'meeting_running'
  | 'meeting_over'
  | 'invalid'
  | 'rate_limited'
  | 'unavailable'
  | 'unexpected_answer';

export interface ZoomErrorDetails {
  /** When a machine may try again; absent when a person must change something first. */
  readonly retryAt?: Temporal.Instant;
  /** True when the request may have been carried out although no good answer came: look before repeating it. */
  readonly mayHaveHappened?: boolean;
  /** Zoom's id of the request (`x-zm-trackingid`), for its support. */
  readonly trackingId?: string;
}

/** A failed call. `message` is for people and holds no credential, no address and no link. */
export class ZoomError extends Error {
  override readonly name = 'ZoomError';
  readonly fault: ZoomFault;
  readonly retryAt: Temporal.Instant | undefined;
  readonly mayHaveHappened: boolean;
  readonly trackingId: string | undefined;

  constructor(fault: ZoomFault, message: string, details: ZoomErrorDetails = {}) {
    super(message);
    this.fault = fault;
    this.retryAt = details.retryAt;
    this.mayHaveHappened = details.mayHaveHappened ?? false;
    this.trackingId = details.trackingId;
  }
}
