/** How the list grew: the consent ledger folded into months. */
import { sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { TOPICS, type Topic } from '../db/schema.ts';

const FOLD_LOCK = 726_011_080;
const STEP = 50_000;

/** What stands for "at least one topic". */
const ANY = 'any';

/** Whether the ledger has rows that the months do not count yet. */
export async function consentToCount(tx: Tx): Promise<boolean> {
  const [row] = await rows<{ due: boolean }>(
    tx,
    sql`select exists (
      select 1 from consent_events
      where seq > coalesce((select u.seq from consent_months_until u), 0)
    ) as due`,
  );
  return row!.due;
}

/**
 * Counts what the ledger has gained since the last time, at most 50,000 rows at once. Agreeing again to a topic
 * that a person gets already counts nothing. The changes of the sizes of the list are added up meanwhile, so that
 * there are never many.
 *
 * @param zone the months are those of this clock.
 */
export async function countConsent(tx: Tx, { zone }: { zone: string }): Promise<void> {
  await tx.transaction(async (inner) => {
    await inner.execute(sql`select pg_advisory_xact_lock(${FOLD_LOCK}::bigint)`);
    const [span] = await rows<{ after: number; upTo: number }>(
      inner,
      sql`select u.after::int as after, coalesce((
          select max(x.seq) from (
            select e.seq from consent_events e where e.seq > u.after order by e.seq limit ${STEP}
          ) x
        ), u.after)::int as "upTo"
        from (select coalesce((select seq from consent_months_until), 0) as after) u`,
    );
    const { after, upTo } = span!;
    if (upTo === after) return;
    await inner.execute(sql`
      with acts as (
        select e.seq, e.topic, e.act = 'given' as given,
          date_trunc('month', e.at at time zone ${zone})::date as month,
          coalesce(b.had, false) as had, coalesce(b.others, false) as others
        from consent_events e
        cross join lateral (
          select bool_or(p.act = 'given') filter (where p.topic = e.topic) as had,
            bool_or(p.act = 'given') filter (where p.topic <> e.topic) as others
          from (
            select distinct on (q.topic) q.topic, q.act from consent_events q
            where q.subscriber_id = e.subscriber_id and q.seq < e.seq
            order by q.topic, q.seq desc
          ) p
        ) b
        where e.seq > ${after} and e.seq <= ${upTo}
      ),
      counted as (
        select month, topic, given from acts where given <> had
        union all
        select month, ${ANY}, given from acts where given <> had and not others
      )
      insert into consent_months (month, topic, began, ended)
      select month, topic, count(*) filter (where given), count(*) filter (where not given)
      from counted group by month, topic
      on conflict (month, topic) do update
        set began = consent_months.began + excluded.began, ended = consent_months.ended + excluded.ended`);
    await inner.execute(sql`
      with taken as (delete from list_size_changes returning counted, change)
      insert into list_size_changes (counted, change) select counted, sum(change) from taken group by counted`);
    await inner.execute(sql`
      insert into consent_months_until (seq) values (${upTo})
      on conflict (id) do update set seq = excluded.seq`);
  });
}

/** One month of the list. */
export interface ListMonth {
  readonly month: Temporal.PlainYearMonth;
  /** People who agreed to each topic, at the end of the month or now. */
  readonly size: Readonly<Record<Topic, number>>;
  /** People who came to the list and who left it altogether in the month. */
  readonly joined: number;
  readonly left: number;
}

/**
 * The list in the months up to and with one, oldest first; none from before the first agreement.
 *
 * @param months how many at most.
 */
export async function listHistory(
  tx: Tx,
  { until, months }: { until: Temporal.PlainYearMonth; months: number },
): Promise<ListMonth[]> {
  const counted = await rows<{ month: string; topic: string; began: number; ended: number }>(
    tx,
    sql`select to_char(month, 'YYYY-MM') as month, topic, began, ended from consent_months
      where month <= ${until.toPlainDate({ day: 1 }).toString()}::date order by month`,
  );
  const size = Object.fromEntries(TOPICS.map((topic) => [topic, 0])) as Record<Topic, number>;
  const history: ListMonth[] = [];
  const first = counted[0];
  if (first === undefined) return history;
  for (
    let month = Temporal.PlainYearMonth.from(first.month);
    Temporal.PlainYearMonth.compare(month, until) <= 0;
    month = month.add({ months: 1 })
  ) {
    const rowsOfMonth = counted.filter((row) => row.month === month.toString());
    for (const topic of TOPICS) {
      const change = rowsOfMonth.find((row) => row.topic === topic);
      size[topic] += (change?.began ?? 0) - (change?.ended ?? 0);
    }
    const people = rowsOfMonth.find((row) => row.topic === ANY);
    history.push({ month, size: { ...size }, joined: people?.began ?? 0, left: people?.ended ?? 0 });
  }
  return history.slice(-months);
}
