import { sql, type SQL } from 'drizzle-orm';
import { rows, type Db, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { Retention } from '../organisation/setting-types.ts';
import { purgeSessions } from '../organisation/sessions.ts';
import { readSettings } from '../organisation/settings.ts';
import type { AddressHash } from './address-hash.ts';
import { ANONYMOUS_DELIVERY, eraseSubscriber } from './erasure.ts';
import { retentionLimit } from './retention-time.ts';

/** What was removed or made anonymous, by class. */
export type RetentionReport = Readonly<Record<string, number>>;

interface Context {
  readonly clock: Clock;
  readonly addressHash: AddressHash;
}

/**
 * Lets go of what the settings say is no longer kept: the daily job. Each class in transactions of its own, so
 * that other work goes on; done twice, the second time finds nothing.
 */
export async function applyRetention(db: Db, { clock, addressHash }: Context): Promise<RetentionReport> {
  const settings = await readSettings(db);
  const now = clock.now();
  const before = (retention: Retention): SQL =>
    retention === undefined
      ? sql`'-infinity'::timestamptz`
      : sql`${retentionLimit(now, retention).toString()}::timestamptz`;
  return {
    unconfirmed: await purgeUnconfirmed(db, before(settings.retentionUnconfirmed), now),
    left: await eraseLeft(db, before(settings.retentionLeft), { clock, addressHash }),
    suppressed: await forgetStrangers(db, before(settings.retentionSuppressed)),
    evidence: await remove(
      db,
      sql`delete from consent_evidence v using consent_events e where e.seq = v.seq and not exists (
          select 1 from topic_subscriptions t where t.subscriber_id = e.subscriber_id and t.topic = e.topic
            and (t.subscribed or t.changed_at >= ${before(settings.retentionEvidence)})
        ) and e.at < ${before(settings.retentionEvidence)}
        returning v.seq`,
    ),
    sendLog: await remove(
      db,
      sql`update deliveries set ${ANONYMOUS_DELIVERY}, subscriber_id = null
        where state not in ('pending', 'sending') and email <> 'erased' and announcement_id in (
          select a.id from announcements a where a.send_at < ${before(settings.retentionSendLog)}
        )
        returning id`,
    ),
    serviceMails: await remove(
      db,
      sql`delete from service_mails m where m.settled_at < ${before(settings.retentionServiceMails)}
        returning m.id`,
    ),
    outbox: await remove(
      db,
      sql`delete from outbox_messages o where o.at < ${before(settings.retentionOutbox)} returning o.id`,
    ),
    webhooks:
      (await remove(
        db,
        sql`delete from mailerlite_events e
          where e.handled_at is not null and e.received_at < ${before(settings.retentionWebhooks)}
          returning e.dedupe_key`,
      )) +
      (await remove(
        db,
        sql`delete from zoom_events e where e.received_at < ${before(settings.retentionWebhooks)}
          returning e.dedupe_key`,
      )),
    imports: await remove(
      db,
      sql`delete from import_runs r where r.started_at < ${before(settings.retentionImports)} returning r.id`,
    ),
    complaints: await remove(
      db,
      sql`delete from complaints c where c.closed_at < ${before(settings.retentionComplaints)}
        returning c.id`,
    ),
    audit: await remove(
      db,
      sql`delete from audit_log l where l.at < ${before(settings.retentionAudit)} returning l.id`,
    ),
    sessions: await purgeSessions(db, { clock }),
  };
}

/** Removes requests to join whose time is over, and the people who never confirmed one. */
async function purgeUnconfirmed(db: Db, before: SQL, now: Temporal.Instant): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`
      delete from join_requests r
      where (r.confirmed_at is null and r.expires_at <= ${now.toString()}::timestamptz) or r.confirmed_at < ${before}`);
    return remove(
      tx,
      sql`delete from subscribers s
        where s.state = 'unconfirmed' and s.created_at <= ${before}
          and not exists (select 1 from join_requests r where r.subscriber_id = s.id)
        returning s.id`,
    );
  });
}

async function eraseLeft(db: Db, before: SQL, context: Context): Promise<number> {
  const due = await rows<{ id: string }>(
    db,
    sql`select s.id from subscribers s where s.state in ('left', 'removed') and s.left_at < ${before}
      order by s.id`,
  );
  let erased = 0;
  for (const { id } of due) {
    try {
      await eraseSubscriber(db, { id, by: 'administrator' }, { ...context, actor: 'system' });
      erased += 1;
    } catch (error) {
      // Erased meanwhile, or in the middle of a run: the next day finds who is still there.
      if (!(error instanceof ConvenorError)) throw error;
    }
  }
  return erased;
}

/** Lets go of addresses that take no mail and belong to nobody on the list. The keyed hash still keeps them off it. */
async function forgetStrangers(db: Db, before: SQL): Promise<number> {
  return remove(
    db,
    sql`update suppressions x set email_normalised = null, detail = null
      where x.email_normalised is not null and x.reason in ('bounced', 'complained') and x.at < ${before}
        and not exists (select 1 from subscribers s where s.email_normalised = x.email_normalised)
      returning x.id`,
  );
}

async function remove(tx: Tx, statement: SQL): Promise<number> {
  return (await rows(tx, statement)).length;
}
