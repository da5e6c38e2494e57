import type { Topic } from '../db/schema.ts';
import type { EmailAddress } from '../kernel/email-address.ts';
import type { ConsentAct } from '../subscribers/consent-ledger.ts';
import type { Decision } from './decide.ts';
import type { SyncContext, ThereSubscriber, TopicGroups } from './types.ts';

/** How people of MailerLite are looked at. */
export interface SeenContext extends SyncContext {
  readonly source: 'mailerlite_webhook' | 'mailerlite_sync';
  readonly groups: TopicGroups;
  /**
   * When the answer was asked for. What was settled with MailerLite since is newer than the answer, so that
   * such a person is left for another time.
   */
  readonly askedAt: Temporal.Instant;
  /** The run that saw them. */
  readonly runId?: string;
  /** The groups are known to exist, however many people have left one at once. */
  readonly groupsVerified?: boolean;
}

/** What a look at some people of MailerLite brought. */
export interface SeenSummary {
  added: number;
  given: number;
  withdrawn: number;
  pushes: number;
  differences: number;
  unreadable: number;
  /** MailerLite ids of people who have to be looked at again. */
  stale: string[];
}

/** A person on both sides. */
export interface Pair {
  readonly there: ThereSubscriber;
  readonly address: EmailAddress;
  readonly topics: ReadonlySet<Topic>;
}

/** The acts that a comparison puts in the ledger, each with where it comes from. */
export function actsFor(
  pair: Pair,
  subscriberId: string,
  decision: Pick<Decision, 'give' | 'withdraw'>,
  { source }: Pick<SeenContext, 'source'>,
): ConsentAct[] {
  return [
    ...decision.withdraw.map((topic) => ({
      subscriberId,
      topic,
      act: 'withdrawn' as const,
      source,
      note: leavingNote(pair.there),
    })),
    ...decision.give.map((topic) => ({
      subscriberId,
      topic,
      act: 'given' as const,
      source,
      note: heldNote(pair.there),
    })),
  ];
}

function leavingNote({ status, unsubscribedAt }: ThereSubscriber): string {
  if (status === 'junk') return 'reported mail of MailerLite as spam';
  if (status === 'unsubscribed') return `left the list in MailerLite${dated(unsubscribedAt, ' on ')}`;
  return 'left the group in MailerLite';
}

/** Nothing is known of how they agreed but what MailerLite holds. */
export function heldNote({ optedInAt, subscribedAt, createdAt, source }: ThereSubscriber): string {
  return `held in MailerLite${dated(optedInAt ?? subscribedAt ?? createdAt, ' since ')}, source ${source}`;
}

function dated(at: Temporal.Instant | null, before: string): string {
  return at === null ? '' : `${before}${at.toString().slice(0, 10)}`;
}
