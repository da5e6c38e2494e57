import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { queueServiceMail } from '../../src/organisation/service-mails.ts';
import { eraseSubscriber } from '../../src/subscribers/erasure.ts';
import { fileComplaint } from '../../src/subscribers/complaints.ts';
import { confirmJoining, startJoining } from '../../src/subscribers/joining.ts';
import { recordAsText, subscriberRecord } from '../../src/subscribers/subscriber-record.ts';
import { suppressAddress } from '../../src/subscribers/suppressions.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { addressHash, pendingDelivery } from './people.ts';

/**
 * Every table, and where what it holds about a person stands in their record; `why` where it does not. A new table
 * belongs here, and in the record and the erasure if a person is in it.
 */
const RECORD = {
  subscribers: 'person',
  topic_subscriptions: 'topics',
  consent_events: 'consent',
  consent_evidence: 'consent',
  consent_wordings: 'consent',
  suppressions: 'doNotMail',
  join_requests: 'joinRequests',
  deliveries: 'messages',
  service_mails: 'serviceMails',
  outbox_messages: 'keptMails',
  mailerlite_links: 'mailerlite',
  sync_differences: 'differences',
  rsvps: 'answers',
  attendances: 'attendance',
  certificates: 'certificates',
  items: 'items',
  item_submitters: 'items',
  import_runs: 'imports',
  complaints: 'complaints',
  audit_log: 'administration',
} as const satisfies Record<string, keyof Awaited<ReturnType<typeof subscriberRecord>>>;

const NOT_IN_THE_RECORD: Readonly<Record<string, string>> = {
  mailerlite_events:
    'notes that a look at MailerLite is due, by its number; gone when that was done and at erasure',
  mailerlite_forgets: 'the number that MailerLite is asked to forget: made by the erasure itself',
  survey_answers: 'without a name: nobody can tell whose they are',
  item_reviews: 'what administrators noted while they decided on an item',
  complaint_events: 'what administrators did about a complaint; it is answered to the person by letter',
  remembered_deliveries: 'numbers of messages that went out before a restore, without a person',
  ...Object.fromEntries(
    ['admins', 'sessions', 'second_factors', 'recovery_codes'].map((name) => [name, 'about administrators']),
  ),
  ...Object.fromEntries(
    [
      'alarms',
      'announcements',
      'attendance_lists',
      'bulletin_items',
      'bulletin_schedules',
      'bulletins',
      'campaigns',
      'consent_months',
      'consent_months_until',
      'drafts',
      'follow_ups',
      'heartbeats',
      'job_failures',
      'leases',
      'mailerlite_topics',
      'meeting_series',
      'meetings',
      'organisation_files',
      'schema_migrations',
      'sending_holds',
      'settings',
      'sync_runs',
      'list_size_changes',
      'whatsapp_posts',
      'zoom_events',
      'zoom_host_days',
      'zoom_instances',
      'zoom_meetings',
    ].map((name) => [name, 'nobody is in it']),
  ),
};

/** What may still lead to the person's id after an erasure: it names nobody. */
const KEPT_ID = ['audit_log', 'consent_events'];

const EMAIL = 'anna@example.org';
const AT = '2026-11-01T12:00:00Z';

let database: OpenDatabase;
const clock = new ManualClock(AT);
const context = () => ({ clock, addressHash, actor: 'cli' as const });

beforeAll(async () => {
  database = await openTestDatabase();
  await emptyDatabase(database);
});
afterAll(() => database.close());

async function tables(): Promise<string[]> {
  const found = await rows<{ name: string }>(
    database.db,
    sql`select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  );
  return found.map(({ name }) => name);
}

/** The rows of each table as text. */
async function contents(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await tables()) {
    const all = await rows(database.db, sql.raw(`select t.*, t::text as all_text from "${name}" t`));
    if (all.length > 0) found.set(name, JSON.stringify(all).toLowerCase());
  }
  return found;
}

/** A person who has done all that a person can do. */
async function somebodyEverywhere(): Promise<string> {
  const { db } = database;
  const form = {
    email: EMAIL,
    name: 'Anna Adams',
    memberKind: 'OT',
    topics: ['meetings'],
    declaration: true,
  };
  await startJoining(db, { form, evidence: { ip: '192.0.2.1', userAgent: 'Browser' } }, context());
  const [request] = await rows<{ id: string }>(db, sql`select id from join_requests`);
  await confirmJoining(db, { requestId: request!.id, evidence: { ip: '192.0.2.1' } }, context());
  const anna = (await findSubscriber(db, EMAIL))!;
  await pendingDelivery(db, anna);
  await suppressAddress(db, { normalised: EMAIL, reason: 'bounced', detail: `550 ${EMAIL}` }, context());
  await queueServiceMail(
    db,
    { kind: 'test', to: { kind: 'subscriber', subscriberId: anna.id }, data: {}, dedupeKey: 't1' },
    { clock },
  );
  await fileComplaint(db, { text: 'Too much mail', name: 'Anna Adams', email: EMAIL }, { clock });
  const meeting = crypto.randomUUID();
  const item = crypto.randomUUID();
  const statements = [
    sql`insert into outbox_messages (id, at, recipient, subject, message_id, raw)
      values (gen_random_uuid(), ${AT}, 'Anna@Example.org', 'Kept letter', 'm1', 'To: anna@example.org'::bytea)`,
    sql`insert into meetings (
        id, title, wall_start, zone, starts_at, duration_minutes, link, reminders, topic, uid, status, created_at, updated_at
      ) values (
        ${meeting}, 'Splinting', '2026-10-07T19:00', 'Europe/London', '2026-10-07T18:00Z', 60, 'https://zoom.us/j/1',
        '{}', 'meetings', 'u1', 'scheduled', ${AT}, ${AT})`,
    sql`insert into rsvps (meeting_id, subscriber_id, answer, question, answered_at)
      values (${meeting}, ${anna.id}, 'yes', 'Which thermoplastic?', ${AT})`,
    sql`insert into attendances (
        id, meeting_id, subscriber_id, matched_by, names, email_normalised, by_phone, seconds, proven_seconds, joins
      ) values (gen_random_uuid(), ${meeting}, ${anna.id}, 'email', '{"Anna from home"}', ${EMAIL}, false, 3000, 3000, 1)`,
    sql`insert into certificates (
        id, meeting_id, subscriber_id, check_code, name, title, held_at, zone, minutes, learning_aims, organisation,
        group_name, issued_at, issued_by
      ) values (gen_random_uuid(), ${meeting}, ${anna.id}, 'C0DE', 'Anna Adams', 'Splinting', ${AT}, 'Europe/London', 50,
        '', 'o', 'g', ${AT}, 'system')`,
    sql`insert into items (
        id, kind, state, state_at, state_by, title, contact, zone, closes_on, open_until, created_at, updated_at
      ) values (${item}, 'vacancy', 'approved', ${AT}, 'cli', 'Hand therapist', 'Write to Anna@example.org',
        'Europe/London', '2026-12-01', '2026-12-02T00:00Z', ${AT}, ${AT})`,
    sql`insert into item_submitters (item_id, name, email, email_normalised)
      values (${item}, 'Anna Adams', 'Anna@example.org', ${EMAIL})`,
    sql`insert into import_runs (id, file_name, started_by, started_at, progress_at, result)
      values (gen_random_uuid(), 'old.csv', 'cli', ${AT}, ${AT},
        '{"rejected":[{"line":2,"email":"ANNA@example.org","reason":"twice in the file"}]}')`,
    sql`update mailerlite_links set mailerlite_id = '4711', email = ${EMAIL}, status = 'active', topics = '{meetings}'
      where subscriber_id = ${anna.id}`,
    sql`insert into mailerlite_events (dedupe_key, name, mailerlite_id, received_at)
      values ('k', 'subscriber.updated', '4711', ${AT})`,
    sql`insert into sync_differences (id, kind, subscriber_id, found_at)
      values (gen_random_uuid(), 'refused', ${anna.id}, ${AT})`,
    sql`insert into audit_log (id, at, actor, action, subject)
      values (gen_random_uuid(), ${AT}, 'cli', 'subscriber.changed', ${anna.id})`,
  ];
  for (const statement of statements) await db.execute(statement);
  return anna.id;
}

describe('what is kept about a person', () => {
  it('has a place for every table of the database', async () => {
    const named = [...Object.keys(RECORD), ...Object.keys(NOT_IN_THE_RECORD)];
    expect(named.toSorted()).toEqual(await tables());
  });

  it('is wholly in their record, to read and as data, and wholly goes with them', async () => {
    const id = await somebodyEverywhere();
    const filled = await contents();
    expect(Object.keys(RECORD).filter((table) => !filled.has(table) && table !== 'consent_wordings')).toEqual(
      [],
    );

    const record = await subscriberRecord(database.db, id);
    for (const part of new Set(Object.values(RECORD))) {
      const held = record[part];
      expect([part, Array.isArray(held) ? held.length > 0 : held !== undefined]).toEqual([part, true]);
    }
    const text = recordAsText(record, { zone: 'Europe/London' });
    for (const said of [
      'You asked: Which thermoplastic?',
      'Splinting, 50 minutes, as Anna from home',
      'check code C0DE',
      'vacancy, Hand therapist, approved',
      'Kept letter',
      'old.csv, twice in the file',
      'refused',
      'Too much mail',
      '192.0.2.1',
      'Known there as 4711, active, for meetings.',
    ]) {
      expect(text).toContain(said);
    }

    await eraseSubscriber(database.db, { id, by: 'preferences' }, context());
    const left = await contents();
    for (const [table, all] of left) {
      for (const trace of ['anna', 'adams', '192.0.2.1', 'thermoplastic', 'c0de'])
        expect([table, trace, all.includes(trace)]).toEqual([table, trace, false]);
    }
    expect([...left].filter(([, all]) => all.includes(id)).map(([table]) => table)).toEqual(KEPT_ID);
    expect([...left].filter(([, all]) => all.includes('4711')).map(([table]) => table)).toEqual([
      'mailerlite_forgets',
    ]);
  });
});
