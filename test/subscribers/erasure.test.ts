import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { queueServiceMail } from '../../src/organisation/service-mails.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import { audienceCount } from '../../src/subscribers/audience.ts';
import { fileComplaint } from '../../src/subscribers/complaints.ts';
import { eraseSubscriber } from '../../src/subscribers/erasure.ts';
import { importSubscribers } from '../../src/subscribers/import.ts';
import { confirmJoining, startJoining } from '../../src/subscribers/joining.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { applyRetention } from '../../src/subscribers/retention.ts';
import { recordAsText, subscriberRecord } from '../../src/subscribers/subscriber-record.ts';
import { addSubscriber, findSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { suppressAddress } from '../../src/subscribers/suppressions.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addressHash, pendingDelivery, someone } from './people.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const context = () => ({ clock, addressHash, actor: 'cli' });
const FORM = {
  email: 'anna@example.org',
  name: 'Anna Adams',
  memberKind: 'OT',
  topics: ['meetings'],
  declaration: true,
};

/** Joins by the form, with the traces that this leaves. */
async function joined(email = FORM.email) {
  await startJoining(
    database.db,
    { form: { ...FORM, email }, evidence: { ip: '192.0.2.1', userAgent: 'Browser' } },
    context(),
  );
  const [request] = await rows<{ id: string }>(
    database.db,
    sql`select id from join_requests order by requested_at desc, id desc limit 1`,
  );
  await confirmJoining(database.db, { requestId: request!.id, evidence: { ip: '192.0.2.1' } }, context());
  return (await findSubscriber(database.db, email))!;
}

/** Every text in every table of the database. */
async function everything(): Promise<string> {
  const tables = await rows<{ name: string }>(
    database.db,
    sql`select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  );
  const contents = [];
  for (const { name } of tables) {
    contents.push(await rows(database.db, sql.raw(`select t.*, t::text as all_text from "${name}" t`)));
  }
  return JSON.stringify(contents).toLowerCase();
}

async function leaveTraces(email = 'anna@example.org'): Promise<string> {
  const { db } = database;
  const anna = await joined(email);
  await pendingDelivery(db, anna);
  await db.execute(sql`
    insert into outbox_messages (id, at, recipient, subject, message_id, raw)
    values (gen_random_uuid(), now(), 'Anna@Example.org', 'Hello', 'm1', 'To: anna@example.org'::bytea)`);
  await queueServiceMail(
    db,
    { kind: 'test', to: { kind: 'address', address: 'Anna@example.org' }, data: {}, dedupeKey: 't1' },
    { clock },
  );
  await fileComplaint(db, { text: 'Too much mail', name: 'Anna Adams', email }, { clock });
  await db.execute(sql`
    insert into import_runs (id, file_name, started_by, started_at, progress_at, result)
    values (gen_random_uuid(), 'a.csv', 'cli', now(), now(),
      '{"read":2,"rejected":[{"line":2,"email":"ANNA@example.org"},{"line":3,"email":"x y"}]}')`);
  await db.execute(
    sql`update mailerlite_links set mailerlite_id = '4711', email = ${email} where subscriber_id = ${anna.id}`,
  );
  return anna.id;
}

describe('the record of a person', () => {
  it('holds everything, as data and as text', async () => {
    const id = await leaveTraces();
    const record = await subscriberRecord(database.db, 'ANNA@example.org');
    expect(JSON.parse(JSON.stringify(record))).toMatchObject({
      person: { id, email: 'anna@example.org', name: 'Anna Adams', memberKind: 'occupational_therapist' },
      topics: [{ topic: 'meetings', subscribed: true, changedAt: '2026-11-01T12:00:00Z' }],
      consent: [{ source: 'form', wording: 'meetings@1', ip: '192.0.2.1' }],
      messages: [{ title: 'Notice', state: 'pending' }],
      joinRequests: [{ ip: '192.0.2.1' }],
      complaints: [{ text: 'Too much mail' }],
      mailerlite: [{ id: '4711' }],
    });
    const text = recordAsText(record, { zone: 'Europe/London' });
    expect(text).toContain('E-mail address: anna@example.org');
    expect(text).toContain('Sunday 1 November 2026, 12 noon (UK time): given, meetings, by form');
    expect(text).toContain('You were told: I agree that');
  });
});

describe('erasure', () => {
  it('leaves no trace of name or address anywhere, and the ledger sound', async () => {
    const id = await leaveTraces();
    await eraseSubscriber(database.db, { id, by: 'preferences' }, context());
    const left = await everything();
    for (const trace of ['anna', 'adams', '192.0.2.1']) expect(left).not.toContain(trace);
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true, events: 2 });
    expect(await findSubscriber(database.db, 'anna@example.org')).toBeUndefined();
  });

  it('keeps the books of a run', async () => {
    const id = await leaveTraces();
    await eraseSubscriber(database.db, { id, by: 'administrator' }, context());
    expect(await rows(database.db, sql`select state, email, name, subscriber_id from deliveries`)).toEqual([
      { state: 'excluded', email: 'erased', name: null, subscriber_id: null },
    ]);
  });

  it('finds an address that is written in two ways', async () => {
    const anna = await addSubscriber(database.db, { email: 'anna@exämple.de' }, context());
    await database.db.execute(sql`
      insert into outbox_messages (id, at, recipient, subject, message_id, raw)
      values (gen_random_uuid(), now(), 'anna@exämple.de', 'Hello', 'm1', ''::bytea)`);
    await pendingDelivery(database.db, anna);
    await eraseSubscriber(database.db, { id: anna.id, by: 'administrator' }, context());
    const left = await everything();
    expect(left).not.toContain('exämple');
    expect(left).not.toContain('xn--exmple');
  });

  it('asks MailerLite to forget', async () => {
    const id = await leaveTraces();
    await eraseSubscriber(database.db, { id, by: 'preferences' }, context());
    expect(await rows(database.db, sql`select mailerlite_id, done_at from mailerlite_forgets`)).toEqual([
      { mailerlite_id: '4711', done_at: null },
    ]);
  });

  it('is final for imports and administrators, but not for the person', async () => {
    const id = await leaveTraces();
    await eraseSubscriber(database.db, { id, by: 'preferences' }, context());
    await expect(addSubscriber(database.db, { email: 'ANNA@example.org' }, context())).rejects.toMatchObject({
      code: 'conflict',
    });
    const file = {
      name: 'old.csv',
      async *open() {
        yield new TextEncoder().encode('email\nanna@example.org\n');
      },
    };
    expect((await importSubscribers(database.db, file, {}, context())).rejected).toMatchObject([
      { line: 2, reason: expect.stringContaining('erased') },
    ]);
    clock.advance({ hours: 1 });
    expect(await joined()).toMatchObject({ state: 'active', suppressed: null });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(1);
  });

  it('of somebody who was removed keeps them from joining', async () => {
    const anna = await someone(database.db, clock);
    await removeSubscriber(database.db, { id: anna.id, reason: 'not a therapist' }, context());
    await eraseSubscriber(database.db, { id: anna.id, by: 'administrator' }, context());
    await startJoining(database.db, { form: FORM }, context());
    expect(await findSubscriber(database.db, FORM.email)).toBeUndefined();
    expect(await rows(database.db, sql`select kind from service_mails`)).toEqual([
      { kind: 'removed-asks-to-join' },
    ]);
    expect(await everything()).not.toContain('not a therapist');
  });

  it('waits for a message that is being handed over', async () => {
    const anna = await someone(database.db, clock);
    await pendingDelivery(database.db, anna);
    await database.db.execute(sql`update deliveries set state = 'sending'`);
    await expect(
      eraseSubscriber(database.db, { id: anna.id, by: 'preferences' }, context()),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect((await findSubscriber(database.db, anna.id))?.state).toBe('active');
  });
});

describe('retention', () => {
  const apply = () => applyRetention(database.db, { clock, addressHash });
  const days = (count: number) => clock.advance({ hours: 24 * count });

  it('finds nothing to let go of on a new list, twice', async () => {
    await leaveTraces();
    const first = await apply();
    expect(Object.values(first).every((count) => count === 0)).toBe(true);
    expect(await apply()).toEqual(first);
  });

  it('lets go of a request that was never confirmed after 14 days', async () => {
    await startJoining(database.db, { form: FORM, evidence: { ip: '192.0.2.1' } }, context());
    days(13);
    expect(await apply()).toMatchObject({ unconfirmed: 0 });
    days(1);
    expect(await apply()).toMatchObject({ unconfirmed: 1 });
    expect(await findSubscriber(database.db, FORM.email)).toBeUndefined();
  });

  it('keeps somebody who asked again', async () => {
    await startJoining(database.db, { form: FORM }, context());
    days(10);
    await startJoining(database.db, { form: FORM }, context());
    days(10);
    expect(await apply()).toMatchObject({ unconfirmed: 0 });
    days(4);
    expect(await apply()).toMatchObject({ unconfirmed: 1 });
  });

  it('erases who left a year ago, and keeps who came back', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org');
    const ben = await someone(database.db, clock, 'ben@example.org');
    for (const { id } of [anna, ben]) {
      await unsubscribe(database.db, { subscriberId: id, topic: 'all', source: 'one_click' }, { clock });
    }
    days(100);
    await joined('ben@example.org');
    days(264);
    expect(await apply()).toMatchObject({ left: 0 });
    days(2);
    expect(await apply()).toMatchObject({ left: 1 });
    expect(await findSubscriber(database.db, 'anna@example.org')).toBeUndefined();
    expect(await findSubscriber(database.db, 'ben@example.org')).toBeDefined();
    await expect(addSubscriber(database.db, { email: 'anna@example.org' }, context())).rejects.toThrow();
  });

  it('follows the settings, and keeps what is to be kept', async () => {
    const anna = await someone(database.db, clock);
    await unsubscribe(database.db, { subscriberId: anna.id, topic: 'all', source: 'one_click' }, { clock });
    await changeSetting(database.db, 'retentionLeft', 'keep', context());
    days(4_000);
    expect(await apply()).toMatchObject({ left: 0 });
    await changeSetting(database.db, 'retentionLeft', '30 days', context());
    expect(await apply()).toMatchObject({ left: 1 });
  });

  it('lets go of a stranger’s address that takes no mail, and still keeps it off the list', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org');
    for (const normalised of ['anna@example.org', 'stranger@example.org']) {
      await suppressAddress(database.db, { normalised, reason: 'bounced', detail: '550 none' }, context());
    }
    days(364);
    expect(await apply()).toMatchObject({ suppressed: 0 });
    days(2);
    expect(await apply()).toMatchObject({ suppressed: 1 });
    expect(await everything()).not.toContain('stranger@');
    await expect(addSubscriber(database.db, { email: 'stranger@example.org' }, context())).rejects.toThrow();
    expect(await findSubscriber(database.db, anna.id)).toMatchObject({ suppressed: 'bounced' });
  });

  it('lets go of what a browser told two years after it was withdrawn, never before', async () => {
    const anna = await joined();
    const evidence = () => rows(database.db, sql`select seq from consent_evidence`);
    days(3_000);
    await changeSetting(database.db, 'retentionLeft', 'keep', context());
    await apply();
    expect(await evidence()).toHaveLength(1);
    await unsubscribe(
      database.db,
      { subscriberId: anna.id, topic: 'all', source: 'one_click', evidence: { ip: '192.0.2.9' } },
      { clock },
    );
    days(700);
    expect(await apply()).toMatchObject({ evidence: 0 });
    days(40);
    expect(await apply()).toMatchObject({ evidence: 2 });
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true });
  });

  it('takes names out of the send log, the outbox and old mails, and keeps the books', async () => {
    const id = await leaveTraces();
    await database.db.execute(sql`update deliveries set state = 'sent'`);
    await database.db.execute(sql`update service_mails set settled_at = created_at, state = 'sent'`);
    days(800);
    const report = await apply();
    expect(report).toMatchObject({ sendLog: 1, outbox: 1, imports: 1 });
    expect(report['serviceMails']).toBeGreaterThan(2);
    expect(await apply()).toMatchObject({ sendLog: 0, outbox: 0, serviceMails: 0 });
    expect(await rows(database.db, sql`select state, email, subscriber_id from deliveries`)).toEqual([
      { state: 'sent', email: 'erased', subscriber_id: null },
    ]);
    expect(await findSubscriber(database.db, id)).toBeDefined();
  });
});
