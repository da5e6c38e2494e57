import { sql } from 'drizzle-orm';
import { keepBooks } from '../../src/announcements/books.ts';
import { addSeries } from '../../src/announcements/meeting-changes.ts';
import { rows } from '../../src/db/open.ts';
import { parseSeriesInput } from '../../src/meetings/meeting-input.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { consentToCount, countConsent } from '../../src/subscribers/list-history.ts';
import { NOW, setUpGroup, type Site } from './site.ts';

/**
 * A group with an administrator, so many people and their agreements, two series, and announcements that were sent to so
 * many of them each, written as rows: what reads them is of interest here, not what would have written them.
 */
export async function fillGroup(
  site: Site,
  { people, announcements, each }: { people: number; announcements: number; each: number },
): Promise<void> {
  const { clock, deps } = site;
  const { db } = deps;
  await setUpGroup(site);
  const now = Temporal.Instant.from(NOW);
  const at = sql`${NOW}::timestamptz`;
  await db.execute(sql`
    insert into subscribers (id, email, email_normalised, name, state, member_kind, created_at, updated_at)
    select md5('s' || i)::uuid, 'p' || lpad(i::text, 6, '0') || '@example.org', 'p' || lpad(i::text, 6, '0') || '@example.org',
      'Person ' || md5(i::text), case when i % 50 = 0 then 'left' else 'active' end,
      case when i % 9 = 0 then 'student' else 'occupational_therapist' end,
      ${at} - (i % 700) * interval '1 day', ${at}
    from generate_series(1, ${people}::int) i`);
  await db.execute(sql`
    insert into consent_events (seq, at, subscriber_id, topic, act, source, previous_hash, hash)
    select row_number() over (order by i, t), ${at} - (i % 700) * interval '1 day', md5('s' || i)::uuid, t, 'given', 'import',
      'group', 'group ' || i || t
    from generate_series(1, ${people}::int) i,
      unnest(case when i % 3 = 0 then array['meetings', 'training', 'vacancies'] else array['meetings'] end) t`);
  await db.execute(sql`
    insert into topic_subscriptions (subscriber_id, topic, subscribed, changed_at, event_seq)
    select e.subscriber_id, e.topic, s.state = 'active', e.at, e.seq
    from consent_events e join subscribers s on s.id = e.subscriber_id`);
  const context = { clock, actor: 'test', settings: await readSettings(db) };
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
  await db.execute(sql`
    insert into announcements (id, kind, topic, title, audience_kind, send_at, zone, late_after, state, state_at, state_by,
      audience, dedupe_key, created_at, updated_at)
    select md5('a' || i)::uuid, 'announcement', 'meetings', 'News number ' || i, 'topic', ${at} - i * interval '40 hours',
      'Europe/London', ${at}, 'sent', ${at}, 'group', ${each}::int, 'group:' || i, ${at}, ${at}
    from generate_series(1, ${announcements}::int) i`);
  for (let first = 1; first <= announcements; first += 20) {
    await db.execute(sql`
      insert into deliveries (id, announcement_id, subscriber_id, email, email_normalised, chunk, state, message_id, attempts, settled_at)
      select delivery_id(md5('a' || a)::uuid, md5('s' || p)::uuid), md5('a' || a)::uuid, md5('s' || p)::uuid, 'p' || lpad(p::text, 6, '0') || '@example.org',
        'p' || lpad(p::text, 6, '0') || '@example.org', 0, case when i % 97 = 0 then 'failed' else 'sent' end,
        'group-' || a || '-' || i, 1, ${at} - a * interval '40 hours'
      from generate_series(${first}::int, ${first + 19}::int) a, generate_series(1, ${each}::int) i,
        lateral (select (a * 7919 + i - 1) % ${people}::int + 1 as p) x`);
  }
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
