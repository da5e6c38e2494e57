import { createHmac } from 'node:crypto';
import type { Clock } from '../../../src/kernel/clock.ts';

export interface SignedEvent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SentEvent {
  readonly event: string;
  readonly body: string;
  readonly status: number | 'no answer';
}

interface Subscription {
  readonly url: string;
  readonly secret: string;
}

/** Zoom's event sender: one subscription, three tries are left to the test that wants them (`send` again). */
export class Webhooks {
  readonly sent: SentEvent[] = [];
  readonly #clock: Clock;
  readonly #accountId: string;
  #subscription: Subscription | undefined;
  #under: Promise<unknown>[] = [];

  constructor(clock: Clock, accountId: string) {
    this.#clock = clock;
    this.#accountId = accountId;
  }

  /**
   * Subscribes an address after the handshake, as Zoom does when it is saved in the app's settings.
   *
   * @returns whether the endpoint proved that it holds the secret.
   */
  async subscribe(subscription: Subscription): Promise<boolean> {
    const plainToken = 'qgg8vlvZRS6UYooatFL8Aw';
    const signed = this.sign(subscription.secret, {
      event: 'endpoint.url_validation',
      event_ts: this.#clock.now().epochMilliseconds,
      payload: { plainToken },
    });
    const response = await fetch(subscription.url, { method: 'POST', ...signed });
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    const expected = createHmac('sha256', subscription.secret).update(plainToken).digest('hex');
    const proven =
      response.status === 200 && answer['plainToken'] === plainToken && answer['encryptedToken'] === expected;
    if (proven) this.#subscription = subscription;
    return proven;
  }

  /** A body with the headers that Zoom would send with it now. Slashes are escaped, as another serialiser does. */
  sign(secret: string, event: unknown): SignedEvent {
    const body = JSON.stringify(event).replaceAll('/', '\\/');
    const timestamp = String(Math.floor(this.#clock.now().epochMilliseconds / 1000));
    const signature = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
    return {
      body,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'x-zm-request-timestamp': timestamp,
        'x-zm-signature': `v0=${signature}`,
      },
    };
  }

  envelope(event: string, object: Record<string, unknown>) {
    return {
      event,
      event_ts: this.#clock.now().epochMilliseconds,
      payload: { account_id: this.#accountId, object },
    };
  }

  /** Sends an event to the subscribed address, if there is one, without waiting for its answer. */
  emit(event: string, object: Record<string, unknown>): void {
    const subscription = this.#subscription;
    if (!subscription) return;
    const signed = this.sign(subscription.secret, this.envelope(event, object));
    this.#under.push(
      fetch(subscription.url, { method: 'POST', ...signed })
        .then((response) => response.status)
        .catch(() => 'no answer' as const)
        .then((status) => this.sent.push({ event, body: signed.body, status })),
    );
  }

  /** Resolves when every event that was emitted has been answered or has failed. */
  async settled(): Promise<void> {
    while (this.#under.length > 0) await Promise.all(this.#under.splice(0));
  }
}
