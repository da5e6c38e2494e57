import { sql } from 'drizzle-orm';
import { addSeries } from '../src/announcements/meeting-changes.ts';
import { keepBooks } from '../src/announcements/books.ts';
import { openDatabase, rows, type OpenDatabase } from '../src/db/open.ts';
import { parseSeriesInput } from '../src/meetings/meeting-input.ts';
import { readSettings } from '../src/organisation/settings.ts';
import { consentToCount, countConsent } from '../src/subscribers/list-history.ts';
import { NOBODY, sitemap } from '../test/e2e/sitemap.ts';
import { Browser, NOW, openSite, setUpGroup, type Site } from '../test/web/site.ts';
import { median, say, withSpread, type PartReport } from './report.ts';

const PEOPLE = 100_000;
const ANNOUNCEMENTS = 200;
/** A page is asked for so often, or fewer times where that takes too long, but at least a few times. */
const MOST_ROUNDS = 11;
const LEAST_ROUNDS = 3;
const MOST_MS_PER_PAGE = 1_500;
const LIMIT_MS = 100;
const SEARCHES = [
  { name: 'subscribers-search', path: '/admin/subscribers?text=p099999' },
  { name: 'subscribers-by-name', path: '/admin/subscribers?order=name' },
  { name: 'subscribers-newest', path: '/admin/subscribers?order=newest' },
  { name: 'meetings-month', path: '/admin/meetings?view=month' },
];

/**
 * Every page of the administrators on the embedded database, with 100,000 subscribers and 200 announcements.
 *
 * @param args `deliveries=1000000`: how many deliveries these announcements have together, default 200,000.
 */
export async function measurePages(args: readonly string[]): Promise<PartReport> {
  const deliveries = Number(/deliveries=(\d+)/.exec(args.join(' '))?.[1] ?? 200_000);
  const database = await openDatabase({ dataFolder: undefined });
  const site = await openSite(database);
  try {
    await fill(site, database, Math.floor(deliveries / ANNOUNCEMENTS));
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    const pages = [
      { name: 'a trivial page', path: '/health/live' },
      ...(await sitemap(site)).filter(({ path }) => path.startsWith('/admin') && !path.includes(NOBODY)),
      ...SEARCHES,
    ];
    const times = new Map<string, number[]>(pages.map(({ name }) => [name, []]));
    const enough = (values: readonly number[]) =>
      values.length >= MOST_ROUNDS ||
      (values.length >= LEAST_ROUNDS && values.reduce((sum, value) => sum + value, 0) > MOST_MS_PER_PAGE);
    for (let round = 0; round <= MOST_ROUNDS; round++) {
      for (const { name, path } of pages) {
        const values = times.get(name)!;
        if (enough(values)) continue;
        const began = performance.now();
        // Each round comes from another address, so that no limit of requests is met.
        const answer = await browser.get(path, { 'x-forwarded-for': `198.51.100.${round}` });
        const took = performance.now() - began;
        if (answer.statusCode >= 500) throw new Error(`${path} answered ${answer.statusCode}`);
        // The first round warms up.
        if (round > 0) values.push(took);
      }
      say(`round ${round} of at most ${MOST_ROUNDS} done`);
    }
    const trivial = median(times.get('a trivial page')!);
    return {
      title: 'the pages of the administrators',
      about:
        `Embedded database in memory; ${PEOPLE.toLocaleString('en-GB')} subscribers, ${ANNOUNCEMENTS} announcements, ` +
        `${deliveries.toLocaleString('en-GB')} deliveries. Milliseconds for the whole answer without a network: median ` +
        `(lowest–highest) of ${LEAST_ROUNDS} to ${MOST_ROUNDS}; every median is meant to be below ${LIMIT_MS}. The ratio is to a trivial page of the same run.`,
      columns: ['page', 'ms', 'ratio', `below ${LIMIT_MS} ms`],
      rows: pages
        .map(({ name }) => ({ name, values: times.get(name)! }))
        .toSorted((a, b) => median(b.values) - median(a.values))
        .map(({ name, values }) => [
          name,
          withSpread(values, 1),
          (median(values) / trivial).toFixed(0),
          median(values) < LIMIT_MS ? 'yes' : 'no',
        ]),
    };
  } finally {
    await site.app.close();
    await database.close();
  }
}

/** People, their agreements, two series and what was sent, written as rows: only reading is measured here. */
async function fill(site: Site, { db }: OpenDatabase, each: number): Promise<void> {
  const { clock } = site;
  await setUpGroup(site);
  say('people and their agreements …');
  const now = Temporal.Instant.from(NOW);
  const at = sql`${NOW}::timestamptz`;
  await db.execute(sql`
    insert into subscribers (id, email, email_normalised, name, state, member_kind, created_at, updated_at)
    select md5('s' || i)::uuid, 'p' || lpad(i::text, 6, '0') || '@example.org', 'p' || lpad(i::text, 6, '0') || '@example.org',
      'Person ' || md5(i::text), case when i % 50 = 0 then 'left' else 'active' end,
      case when i % 9 = 0 then 'student' else 'occupational_therapist' end,
      ${at} - (i % 700) * interval '1 day', ${at}
    from generate_series(1, ${PEOPLE}) i`);
  await db.execute(sql`
    insert into consent_events (seq, at, subscriber_id, topic, act, source, previous_hash, hash)
    select row_number() over (order by i, t), ${at} - (i % 700) * interval '1 day', md5('s' || i)::uuid, t, 'given', 'import',
      'bench', 'bench ' || i || t
    from generate_series(1, ${PEOPLE}) i,
      unnest(case when i % 3 = 0 then array['meetings', 'training', 'vacancies'] else array['meetings'] end) t`);
  await db.execute(sql`
    insert into topic_subscriptions (subscriber_id, topic, subscribed, changed_at, event_seq)
    select e.subscriber_id, e.topic, s.state = 'active', e.at, e.seq
    from consent_events e join subscribers s on s.id = e.subscriber_id`);
  const context = { clock, actor: 'bench', settings: await readSettings(db) };
  for (const [title, rule] of [
    ['Monthly meeting', 'FREQ=MONTHLY;BYDAY=1WE'],
    ['Journal club', 'FREQ=MONTHLY;BYDAY=-1MO'],
  ]) {
    const input = {
      title,
      rule,
      time: '19:00',
      zone: 'Europe/London',
      duration: '60',
      link: 'https://zoom.us/j/98765432100',
      remind: ['7d@09:00', '1d@09:00', '1h'],
    };
    await addSeries(db, parseSeriesInput(input, Temporal.PlainDate.from('2027-01-12')), context);
  }
  say('announcements and deliveries …');
  await db.execute(sql`
    insert into announcements (id, kind, topic, title, audience_kind, send_at, zone, late_after, state, state_at, state_by,
      audience, dedupe_key, created_at, updated_at)
    select md5('a' || i)::uuid, 'announcement', 'meetings', 'News number ' || i, 'topic', ${at} - i * interval '40 hours',
      'Europe/London', ${at}, 'sent', ${at}, 'bench', ${each}, 'bench:' || i, ${at}, ${at}
    from generate_series(1, ${ANNOUNCEMENTS}) i`);
  for (let first = 1; first <= ANNOUNCEMENTS; first += 20) {
    await db.execute(sql`
      insert into deliveries (id, announcement_id, subscriber_id, email, email_normalised, chunk, state, message_id, attempts, settled_at)
      select delivery_id(md5('a' || a)::uuid, md5('s' || p)::uuid), md5('a' || a)::uuid, md5('s' || p)::uuid, 'p' || lpad(p::text, 6, '0') || '@example.org',
        'p' || lpad(p::text, 6, '0') || '@example.org', 0, case when i % 97 = 0 then 'failed' else 'sent' end,
        'bench-' || a || '-' || i, 1, ${at} - a * interval '40 hours'
      from generate_series(${first}::int, ${first + 19}::int) a, generate_series(1, ${each}::int) i,
        lateral (select (a * 7919 + i - 1) % ${PEOPLE}::int + 1 as p) x`);
  }
  say('their books …');
  await db.execute(sql`vacuum analyze`);
  for (const { id } of await rows<{ id: string }>(
    db,
    sql`select id from announcements where state = 'sent'`,
  )) {
    await keepBooks(db, id);
  }
  while (await consentToCount(db)) await countConsent(db, { zone: 'Europe/London' });
  clock.set(now);
}
