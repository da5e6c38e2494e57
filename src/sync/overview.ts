import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { listRuns, type SyncRun } from './pull-runs.ts';
import { listTopicGroups, type TopicGroup } from './topic-groups.ts';

/** How the two lists stand to each other. */
export interface SyncOverview {
  readonly topics: readonly TopicGroup[];
  /** People of ours who are in MailerLite. */
  readonly linked: number;
  /** People of whom MailerLite has still to be told something, and how many of them opted out. */
  readonly waiting: number;
  readonly urgent: number;
  /** Since when the oldest of them waits. */
  readonly waitingSince: Temporal.Instant | undefined;
  readonly toForget: number;
  readonly events: number;
  readonly differences: number;
  readonly running: SyncRun | undefined;
  readonly lastRun: SyncRun | undefined;
}

/** The state of the synchronisation, for the administrator's page, the command line and the doctor. */
export async function syncOverview(tx: Tx): Promise<SyncOverview> {
  const [counts] = await rows<{
    linked: number;
    waiting: number;
    urgent: number;
    since: string | null;
    toForget: number;
    events: number;
    differences: number;
  }>(
    tx,
    sql`select
        (select count(*)::int from mailerlite_links where mailerlite_id is not null and status <> 'gone') as linked,
        w.waiting, w.urgent, w.since,
        (select count(*)::int from mailerlite_forgets where done_at is null) as "toForget",
        (select count(*)::int from mailerlite_events where handled_at is null) as events,
        (select count(*)::int from sync_differences where resolved_at is null) as differences
      from (
        select count(*)::int as waiting, count(*) filter (where l.urgent)::int as urgent,
          to_jsonb(min(l.wanted_at)) #>> '{}' as since
        from mailerlite_links l where l.wanted_version > l.done_version
      ) w`,
  );
  const { since, ...numbers } = counts!;
  const runs = await listRuns(tx, { limit: 2 });
  return {
    topics: await listTopicGroups(tx),
    ...numbers,
    waitingSince: since === null ? undefined : Temporal.Instant.from(since),
    running: runs.find(({ state }) => state === 'running'),
    lastRun: runs.find(({ state }) => state !== 'running'),
  };
}

/** The share of a limit from which on people are warned. */
const WARN_FROM = 0.9;

/** Said as soon as MailerLite has refused it once, and until it takes it again. */
const BY_HAND =
  'Your MailerLite plan does not take the text of a campaign from Convenor: a person has to paste it in. ' +
  'Announcements that go out by your own mail server need nobody.';

/** What the plan allows, as the administrator has said; 0 is no limit. */
export interface PlanLimits {
  readonly mailerlitePlanSubscribers: number;
  readonly mailerlitePlanMails: number;
}

/**
 * Sentences that warn before MailerLite stops: at its limit of subscribers it takes nobody new and sends nothing,
 * at its limit of mails it sends nothing until the next month, and without sending by the API in the plan the next
 * campaign waits for a person.
 *
 * @param zone the months are counted on this clock.
 */
export async function planWarnings(
  tx: Tx,
  limits: PlanLimits,
  { clock, zone }: { clock: Clock; zone: string },
): Promise<string[]> {
  const month = clock.now().toZonedDateTimeISO(zone).with({ day: 1 }).startOfDay().toInstant().toString();
  const [used] = await rows<{ subscribers: number; mails: number; byHand: boolean | null }>(
    tx,
    sql`select
        (select count(*)::int from mailerlite_links where status in ('active', 'unconfirmed')) as subscribers,
        (select count(*)::int from deliveries d join announcements a on a.id = d.announcement_id
          where a.channel = 'mailerlite' and d.state = 'sent' and d.settled_at >= ${month}::timestamptz) as mails,
        (select c.content_refused from campaigns c where c.content_refused is not null
          order by c.created_at desc limit 1) as "byHand"`,
  );
  return [
    ...warning(
      used!.subscribers,
      limits.mailerlitePlanSubscribers,
      (n, of) => `${n} of the ${of} subscribers that your MailerLite plan allows are used.`,
      'Beyond that MailerLite takes nobody new and stops sending.',
    ),
    ...warning(
      used!.mails,
      limits.mailerlitePlanMails,
      (n, of) => `${n} of the ${of} mails that your MailerLite plan allows this month are used.`,
      'Beyond that MailerLite sends nothing until next month.',
    ),
    ...(used!.byHand === true ? [BY_HAND] : []),
  ];
}

function warning(
  used: number,
  limit: number,
  words: (used: number, limit: number) => string,
  otherwise: string,
): string[] {
  return limit > 0 && used >= limit * WARN_FROM ? [`${words(used, limit)} ${otherwise}`] : [];
}
