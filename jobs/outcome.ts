import type { Settlement } from '../src/announcements/ledger.ts';
import { asksForPatience } from '../src/mail/outcome.ts';
import type { Outcome } from '../src/mail/types.ts';

/** Growing delays before a delivery is tried again, by how often it was tried. */
const DELAYS = [
  { minutes: 1 },
  { minutes: 5 },
  { minutes: 15 },
  { hours: 1 },
  { hours: 4 },
  { hours: 12 },
] as const;

/** A server that is away or refuses us is tried again soon: the run pauses itself when it goes on. */
const SENDER_DELAY = { seconds: 10 };

/** Tries after which a recipient whose server refuses us is given up. */
const MOST_SENDER_FAULTS = 3;

/** When a delivery that was put off is due again. */
export function retryAt(now: Temporal.Instant, attempts: number): Temporal.Instant {
  return now.add(DELAYS[Math.min(attempts, DELAYS.length - 1)]!);
}

/**
 * Turns what the mail server said into what the ledger keeps.
 *
 * @param context.attempts how often it was tried before.
 * @param context.paced sending slows down when the server asks for it, which is then no reason to pause the run.
 */
export function settlementOf(
  id: string,
  outcome: Outcome,
  { now, attempts, paced = false }: { now: Temporal.Instant; attempts: number; paced?: boolean },
): Settlement {
  switch (outcome.result) {
    case 'accepted':
      return { id, state: 'sent', reason: outcome.response };
    case 'unknown':
      return { id, state: 'unknown', reason: outcome.reason };
    case 'later':
      return {
        id,
        state: 'pending',
        reason: outcome.reason,
        retryAt: outcome.scope === 'sender' ? now.add(SENDER_DELAY) : retryAt(now, attempts),
        senderFault:
          outcome.scope === 'sender' && !(paced && asksForPatience(outcome) && attempts < MOST_SENDER_FAULTS),
      };
    case 'refused':
      // A refusal for the sender's sake that meets this recipient again and again, while others are served, is theirs.
      if (outcome.fault === 'sender' && attempts < MOST_SENDER_FAULTS) {
        return {
          id,
          state: 'pending',
          reason: outcome.reason,
          retryAt: now.add(SENDER_DELAY),
          senderFault: true,
        };
      }
      return {
        id,
        state: 'failed',
        reason: outcome.reason,
        ...(outcome.fault === 'address' ? { suppress: true as const } : {}),
      };
  }
}
