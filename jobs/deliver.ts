import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { frozenContent } from '../src/announcements/frozen-content.ts';
import {
  claimDeliveries,
  giveBackClaim,
  settleDeliveries,
  type ClaimedDelivery,
  type Settlement,
} from '../src/announcements/ledger.ts';
import { isQuiet } from '../src/calendar/quiet-hours.ts';
import { rows } from '../src/db/open.ts';
import { withoutAddresses } from '../src/kernel/log.ts';
import type { OutgoingMail, Outcome } from '../src/mail/types.ts';
import { senderIdentity } from '../src/organisation/sender-identity.ts';
import type { Services } from './services.ts';
import { defineJob } from './define.ts';
import { bulkMailMaker, type Recipient } from './notice-mail.ts';
import { settlementOf } from './outcome.ts';
import { persist } from './persist.ts';

/** Chunks queued at a time; the rest follow as these are done. */
const CHUNKS_AT_ONCE = 16;

/** How long one job works before it lets others have a turn, such as work of a worker that was killed. */
const TURN = Temporal.Duration.from({ seconds: 3 });

/** A claim older than this is given back instead of sent: the process had been stopped, and things may have changed. */
const CLAIM_LIFE = Temporal.Duration.from({ seconds: 10 });

/** Hands the messages of one chunk of an announcement over, a few at a time, and records what became of each. */
export const deliver = defineJob({
  name: 'deliver',
  schema: z.object({ announcementId: z.uuid(), chunk: z.number().int().nonnegative() }),
  concurrency: 2,

  async due({ db, clock, settings }) {
    const now = clock.now();
    const { timeZone, quietHours } = await settings();
    if (isQuiet(now, timeZone, quietHours)) return [];
    const at = sql`${now.toString()}::timestamptz`;
    const chunks = await rows<{ announcementId: string; chunk: number }>(
      db,
      sql`select a.id as "announcementId", c.chunk::int as chunk
        from announcements a cross join lateral generate_series(0, a.chunks - 1) as c(chunk)
        where a.state = 'sending' and a.channel = 'smtp' and a.late_after > ${at}
          and exists (
            select 1 from deliveries d
            where d.announcement_id = a.id and d.chunk = c.chunk and d.state = 'pending'
              and (d.next_attempt_at is null or d.next_attempt_at <= ${at})
          )
        order by a.send_at, c.chunk limit ${CHUNKS_AT_ONCE}`,
    );
    return chunks.map((payload) => ({ key: `${payload.announcementId}-${payload.chunk}`, payload }));
  },

  async run({ announcementId, chunk }, services) {
    const { db, clock, config, links, addressHash, log, signal } = services;
    const settings = await services.settings();
    const content = frozenContent(await findAnnouncement(db, announcementId));
    const makeMail = await bulkMailMaker(content, senderIdentity(settings, config.MAIL_FROM), links);
    const until = clock.now().add(TURN);
    while (!signal.aborted && Temporal.Instant.compare(clock.now(), until) < 0) {
      const limit = await places(services, until);
      if (limit === 0) return;
      if (isQuiet(clock.now(), settings.timeZone, settings.quietHours)) return;
      const claim = `${services.workerId}/${randomUUID()}`;
      const claimedAt = clock.now();
      const claimed = await claimOrGiveBack(services, { announcementId, chunk, limit, claim });
      if (claimed.length === 0) return;
      const outcomes: Outcome[] = [];
      const settlements = await Promise.all(
        claimed.map((delivery) =>
          handOver(delivery, makeMail, claimedAt.add(CLAIM_LIFE), services, (outcome) =>
            outcomes.push(outcome),
          ),
        ),
      );
      await persist(
        () => settleDeliveries(db, { announcementId, claim, settlements }, { clock, addressHash }),
        log,
      );
      await services.sendingPace?.report(outcomes);
    }
  },
});

/**
 * How many deliveries may be claimed: one for each connection, so that a crash leaves no more than these with an unknown
 * outcome, and no more than the pace allows. It is waited for before the claim, since the claim decides on consent.
 *
 * @returns 0 when none may go before the turn ends.
 */
async function places(
  { config, sendingPace, clock, signal }: Services & { signal: AbortSignal },
  until: Temporal.Instant,
): Promise<number> {
  if (sendingPace === undefined) return config.SMTP_CONNECTIONS;
  for (;;) {
    if (signal.aborted) return 0;
    const { granted, waitMs } = await sendingPace.take(config.SMTP_CONNECTIONS);
    if (granted > 0) return granted;
    if (Temporal.Instant.compare(clock.now().add({ milliseconds: waitMs }), until) > 0) return 0;
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

async function claimOrGiveBack(
  { db, clock, log }: Services,
  claim: { announcementId: string; chunk: number; limit: number; claim: string },
): Promise<ClaimedDelivery[]> {
  try {
    return await claimDeliveries(db, claim, { clock });
  } catch (error) {
    // The claim may have been written although its answer was lost.
    await persist(() => giveBackClaim(db, claim.claim), log);
    throw error;
  }
}

async function handOver(
  delivery: ClaimedDelivery,
  makeMail: (recipient: Recipient) => OutgoingMail,
  validUntil: Temporal.Instant,
  { mailer, clock, log, sendingPace }: Services,
  heard: (outcome: Outcome) => void,
): Promise<Settlement> {
  const { id, attempts } = delivery;
  let mail: OutgoingMail;
  try {
    mail = makeMail({ ...delivery, deliveryId: id });
  } catch (err) {
    log.error({ err, deliveryId: id }, 'A message could not be made');
    const reason = err instanceof Error ? withoutAddresses(err.message) : 'unknown fault';
    return { id, state: 'failed', reason: `The message could not be made: ${reason}` };
  }
  const now = clock.now();
  if (Temporal.Instant.compare(now, validUntil) > 0) {
    const reason = 'Convenor was interrupted before this message was handed over.';
    return { id, state: 'pending', reason, retryAt: now, senderFault: false };
  }
  try {
    const outcome = await mailer.send(mail);
    heard(outcome);
    return settlementOf(id, outcome, { now: clock.now(), attempts, paced: sendingPace !== undefined });
  } catch (err) {
    log.error({ err, deliveryId: id }, 'The mailer failed');
    const reason = err instanceof Error ? withoutAddresses(err.message) : 'unknown fault';
    return { id, state: 'failed', reason: `The message could not be sent: ${reason}` };
  }
}
