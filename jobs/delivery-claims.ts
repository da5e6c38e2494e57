import { randomUUID } from 'node:crypto';
import {
  allSent,
  claimDeliveries,
  giveBackClaim,
  settleDeliveries,
  settleSentAndClaim,
  type ClaimedDelivery,
  type Settlement,
} from '../src/announcements/ledger.ts';
import type { Services } from './services.ts';
import { persist } from './persist.ts';

/** The claims of one job on one chunk, one after the other. What has ended is settled with the next claim, or alone. */
export interface DeliveryClaims {
  /**
   * Settles what has ended and claims up to `limit` deliveries more.
   *
   * @throws when the database fails; what has ended is settled then too, and nothing more is claimed.
   */
  next(limit: number): Promise<ClaimedDelivery[]>;
  /**
   * Takes note of how the deliveries of the latest claim ended. Where all were taken they are settled by what is called next,
   * else at once: that takes several statements, and a claim is to follow at once on the look at the hour.
   */
  ended(settlements: readonly Settlement[]): Promise<void>;
  /** Settles what has ended and is not settled yet. */
  settle(): Promise<void>;
}

export function openClaims(
  { db, clock, addressHash, log, workerId }: Services,
  { announcementId, chunk }: { announcementId: string; chunk: number },
): DeliveryClaims {
  const context = { clock, addressHash };
  let latest = '';
  let open: { claim: string; settlements: readonly Settlement[] } | undefined;

  async function settle(): Promise<void> {
    if (open === undefined) return;
    const ended = { announcementId, ...open };
    open = undefined;
    await persist(() => settleDeliveries(db, ended, context), log);
  }

  return {
    settle,
    async ended(settlements) {
      open = { claim: latest, settlements };
      if (!allSent(settlements)) await settle();
    },
    async next(limit) {
      latest = `${workerId}/${randomUUID()}`;
      const claim = { announcementId, chunk, limit, claim: latest };
      try {
        const claimed = await (open === undefined
          ? claimDeliveries(db, claim, context)
          : settleSentAndClaim(db, open, claim, context));
        open = undefined;
        return claimed;
      } catch (error) {
        await settle();
        // The claim may have been written although its answer was lost.
        await persist(() => giveBackClaim(db, claim, context), log);
        throw error;
      }
    },
  };
}
