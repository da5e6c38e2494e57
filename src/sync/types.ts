import type { MAILERLITE_STATUSES, SYNC_DIFFERENCE_KINDS, Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AddressHash } from '../subscribers/address-hash.ts';

export type ThereStatus = (typeof MAILERLITE_STATUSES)[number];

/** A subscriber as MailerLite holds it, in the form in which the edge hands it over. Times are UTC. */
export interface ThereSubscriber {
  readonly id: string;
  readonly email: string;
  readonly status: ThereStatus;
  readonly source: string;
  readonly name: string | null;
  readonly subscribedAt: Temporal.Instant | null;
  readonly unsubscribedAt: Temporal.Instant | null;
  readonly createdAt: Temporal.Instant | null;
  readonly updatedAt: Temporal.Instant | null;
  /** When the person confirmed a form there: the one act that nobody else can have done. */
  readonly optedInAt: Temporal.Instant | null;
  /** Undefined where the answer did not say; such a person cannot be compared. */
  readonly groupIds: readonly string[] | undefined;
}

/** A change to be made in MailerLite, in the form that the edge takes. */
export type ThereChange =
  | {
      readonly kind: 'create';
      readonly email: string;
      readonly name: string | null;
      readonly groupIds: readonly string[];
      readonly subscribedAt: Temporal.Instant;
    }
  | { readonly kind: 'unsubscribe'; readonly id: string }
  | { readonly kind: 'join' | 'leave'; readonly id: string; readonly groupId: string }
  | { readonly kind: 'find'; readonly idOrEmail: string }
  | { readonly kind: 'forget'; readonly id: string }
  | { readonly kind: 'count' };

/** What became of one change; the kinds of failure are the edge's. */
export type ThereResult =
  | { readonly ok: true; readonly subscriber?: ThereSubscriber; readonly total?: number }
  | {
      readonly ok: false;
      readonly error: {
        readonly kind: string;
        readonly message: string;
        readonly subscriberId: string | undefined;
      };
    };

export type DifferenceKind = (typeof SYNC_DIFFERENCE_KINDS)[number];

export interface SyncContext {
  readonly clock: Clock;
  readonly addressHash: AddressHash;
}

/** Which group stands for which topic, both ways. */
export interface TopicGroups {
  readonly groupOf: ReadonlyMap<Topic, { readonly id: string; readonly mappedAt: Temporal.Instant }>;
  readonly topicOf: ReadonlyMap<string, Topic>;
}
