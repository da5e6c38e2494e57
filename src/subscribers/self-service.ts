import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';

/** How long the link to a person's own record works: the page shows everything, and mails get forwarded. */
export const RECORD_LINK_VALID = Temporal.Duration.from({ hours: 24 });

/** How long the link works with which a member invites somebody. */
export const INVITATION_VALID = Temporal.Duration.from({ hours: 24 * 90 });

/**
 * Mails a person the link to their own record, to the address on the list and at most once an hour. Their
 * preferences link alone does not open the record.
 */
export async function requestRecordLink(
  tx: Tx,
  subscriberId: string,
  { clock }: { clock: Clock },
): Promise<void> {
  await queueServiceMail(
    tx,
    {
      kind: 'record-link',
      to: { kind: 'subscriber', subscriberId },
      data: {},
      dedupeKey: `record-link:${subscriberId}:${clock.now().toString().slice(0, 13)}`,
    },
    { clock },
  );
}
