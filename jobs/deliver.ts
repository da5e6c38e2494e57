import { setTimeout as pause } from 'node:timers/promises';
import { sql, type SQL } from 'drizzle-orm';
import { z } from 'zod';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { frozenContent } from '../src/announcements/frozen-content.ts';
import type { ClaimedDelivery, Settlement } from '../src/announcements/ledger.ts';
import { isQuiet } from '../src/calendar/quiet-hours.ts';
import { rows } from '../src/db/open.ts';
import { withoutAddresses } from '../src/kernel/log.ts';
import type { OutgoingMail, Outcome } from '../src/mail/types.ts';
import { senderIdentity } from '../src/organisation/sender-identity.ts';
import type { Services } from './services.ts';
import { defineJob } from './define.ts';
import { openClaims } from './delivery-claims.ts';
import { bulkMailMaker, type Recipient } from './notice-mail.ts';
import { settlementOf } from './outcome.ts';

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
    const open = (announcementId: SQL, more: SQL) => sql`(
      select d.chunk from deliveries d
      where d.announcement_id = ${announcementId} and ${more} and d.state = 'pending'
        and (d.next_attempt_at is null or d.next_attempt_at <= ${at})
      order by d.chunk limit 1
    )`;
    // Goes from one open chunk to the next in the index, past the thousands of a large run that are done or to come.
    const chunks = await rows<{ announcementId: string; chunk: number }>(
      db,
      sql`with recursive due as (
          select a.id, a.send_at, n.chunk, 1 as step
          from announcements a cross join lateral ${open(sql`a.id`, sql`true`)} n
          where a.state = 'sending' and a.channel = 'smtp' and a.late_after > ${at}
          union all
          select due.id, due.send_at, n.chunk, due.step + 1
          from due cross join lateral ${open(sql`due.id`, sql`d.chunk > due.chunk`)} n
          where due.step < ${CHUNKS_AT_ONCE}
        )
        select id as "announcementId", chunk from due order by send_at, chunk limit ${CHUNKS_AT_ONCE}`,
    );
    return chunks.map((payload) => ({ key: `${payload.announcementId}-${payload.chunk}`, payload }));
  },

  async run({ announcementId, chunk }, services) {
    const { db, clock, config, links, signal } = services;
    const settings = await services.settings();
    const content = frozenContent(await findAnnouncement(db, announcementId));
    const makeMail = await bulkMailMaker(content, senderIdentity(settings, config.MAIL_FROM), links);
    const until = clock.now().add(TURN);
    const claims = openClaims(services, { announcementId, chunk });
    try {
      while (!signal.aborted && Temporal.Instant.compare(clock.now(), until) < 0) {
        // Nothing stays unsettled while a place is waited for.
        if (services.sendingPace !== undefined) await claims.settle();
        const limit = await places(services, until);
        if (limit === 0) return;
        if (isQuiet(clock.now(), settings.timeZone, settings.quietHours)) return;
        const claimedAt = clock.now();
        const claimed = await claims.next(limit);
        if (claimed.length === 0) return;
        const tooOld = Temporal.Instant.compare(clock.now(), claimedAt.add(CLAIM_LIFE)) > 0;
        const results = await Promise.all(
          claimed.map(async (delivery) =>
            tooOld ? interrupted(delivery, clock.now()) : handOver(delivery, makeMail, services),
          ),
        );
        const context = { now: clock.now(), paced: services.sendingPace !== undefined };
        await claims.ended(
          results.map((result, index) => {
            const { id, attempts } = claimed[index]!;
            return 'state' in result ? result : settlementOf(id, result, { ...context, attempts });
          }),
        );
        await services.sendingPace?.report(results.filter((result) => 'result' in result));
      }
    } finally {
      await claims.settle();
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

/** What is left of a claim that was not acted on in time. */
function interrupted({ id }: ClaimedDelivery, now: Temporal.Instant): Settlement {
  const reason = 'Convenor was interrupted before this message was handed over.';
  return { id, state: 'pending', reason, retryAt: now, senderFault: false };
}

/** @returns how it ended where the mail server had no say in it, else what that said. */
async function handOver(
  delivery: ClaimedDelivery,
  makeMail: (recipient: Recipient) => OutgoingMail,
  { mailer, log }: Services,
): Promise<Settlement | Outcome> {
  const { id } = delivery;
  let mail: OutgoingMail;
  try {
    mail = makeMail({ ...delivery, deliveryId: id });
  } catch (err) {
    log.error({ err, deliveryId: id }, 'A message could not be made');
    const reason = err instanceof Error ? withoutAddresses(err.message) : 'unknown fault';
    return { id, state: 'failed', reason: `The message could not be made: ${reason}` };
  }
  try {
    return await mailer.send(mail);
  } catch (err) {
    log.error({ err, deliveryId: id }, 'The mailer failed');
    const reason = err instanceof Error ? withoutAddresses(err.message) : 'unknown fault';
    return { id, state: 'failed', reason: `The message could not be sent: ${reason}` };
  }
}
