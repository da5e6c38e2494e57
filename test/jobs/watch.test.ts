import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { holdAnnouncement } from '../../src/announcements/life-cycle.ts';
import { overdueNotices } from '../../src/announcements/overdue.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, heartbeats } from '../../src/db/schema.ts';
import type { OutgoingMail } from '../../src/mail/types.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { createWatch } from '../../src/process/watch.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { planning, singleMeeting } from '../support/meetings.ts';
import { setUpOrganisation, testServices } from '../support/services.ts';
import { openSite } from '../web/site.ts';

const BEGIN = '2027-01-12T09:00:00Z';
const clock = new ManualClock(BEGIN);
let database: OpenDatabase;
let sent: OutgoingMail[];
let taken = true;
let pings = 0;
const monitor = createServer((_request, response) => {
  pings += 1;
  response.end('ok');
});

beforeAll(async () => {
  database = await openTestDatabase();
  monitor.listen(0, '127.0.0.1');
  await once(monitor, 'listening');
});
afterAll(async () => {
  monitor.close();
  await database.close();
});
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set(BEGIN);
  sent = [];
  taken = true;
  pings = 0;
});

async function watching() {
  const { port } = monitor.address() as AddressInfo;
  const services = testServices(database, clock, {
    environment: { PING_URL: `http://127.0.0.1:${port}/check` },
    mailer: {
      kind: 'smtp',
      send: async (mail) => {
        if (!taken) return { result: 'later', scope: 'sender', code: '421', reason: 'Busy.' };
        sent.push(mail);
        return { result: 'accepted', response: '250 ok' };
      },
      check: async () => ({ ok: true, detail: '' }),
      close: async () => undefined,
    },
  });
  await setUpOrganisation(services);
  const by = { clock, actor: 'test' };
  const password = 'correct horse battery staple';
  await createAdmin(
    database.db,
    { email: 'ruth@example.org', name: 'Ruth', role: 'administrator', password },
    by,
  );
  const watch = createWatch(services, { startedAt: clock.now().subtract({ hours: 1 }) });
  return { services, watch, health: (await openSite(database, {}, { clock })).app };
}

async function beat(): Promise<void> {
  const at = clock.now();
  await database.db
    .insert(heartbeats)
    .values({ name: 'reconciler', at, detail: {} })
    .onConflictDoUpdate({ target: heartbeats.name, set: { at } });
}

it('a notice that is ten minutes late turns health red, is said in the log, and is told by mail once in six hours', async () => {
  const { watch, health } = await watching();
  // Its reminder is due at 11:00.
  await addMeeting(database.db, singleMeeting('2027-01-12T12:00', { remind: ['1h'] }), planning(clock));
  clock.set('2027-01-12T11:09:00Z');
  await beat();
  await watch.check();
  expect([sent.length, pings]).toEqual([0, 1]);
  expect((await health.inject('/health/ready')).statusCode).toBe(200);

  clock.set('2027-01-12T11:10:30Z');
  await beat();
  taken = false;
  await watch.check();
  taken = true;
  await watch.check();
  await watch.check();
  expect(sent.map(({ to, subject }) => [to.address, subject])).toEqual([
    ['ruth@example.org', expect.stringContaining('A notice is late')],
  ]);
  expect(sent[0]!.text).toContain('“Reminder: Extra meeting” was due on Tuesday 12 January 2027');
  expect(sent[0]!.text).not.toContain('greetingName');
  expect(pings).toBe(1);
  const ready = await health.inject('/health/ready');
  expect([ready.statusCode, ready.json()]).toMatchObject([
    503,
    { checks: { heartbeat: true, notices: false } },
  ]);

  const [notice] = await database.db.select().from(announcements);
  await holdAnnouncement(database.db, notice!.id, null, { clock, actor: 'test' });
  await watch.check();
  expect([sent.length, pings]).toEqual([1, 2]);
  expect((await health.inject('/health/ready')).json()).toMatchObject({ checks: { notices: true } });
});

it('quiet hours are not lateness', async () => {
  await addMeeting(database.db, singleMeeting('2027-01-13T12:00', { remind: ['1h'] }), planning(clock));
  await database.db
    .update(announcements)
    .set({ sendAt: Temporal.Instant.from('2027-01-13T08:00:00Z') })
    .where(eq(announcements.kind, 'reminder'));
  const late = async (at: string) =>
    (await overdueNotices(database.db, Temporal.Instant.from(at), planning(clock).settings)).length;
  expect([await late('2027-01-13T08:09:00Z'), await late('2027-01-13T08:11:00Z')]).toEqual([0, 1]);
  await database.db.update(announcements).set({ sendAt: Temporal.Instant.from('2027-01-12T21:55:00Z') });
  expect([await late('2027-01-13T03:00:00Z'), await late('2027-01-13T08:05:00Z')]).toEqual([0, 0]);
});

it('silent background work and a database that is away are told without either of them', async () => {
  const { watch, services } = await watching();
  await beat();
  await watch.check();
  clock.advance({ minutes: 3 });
  await watch.check();
  await watch.check();
  expect(sent.map(({ subject }) => subject)).toEqual([
    expect.stringContaining('background work has stopped'),
  ]);
  expect(pings).toBe(1);
  clock.advance({ hours: 7 });
  await watch.check();
  expect(sent).toHaveLength(2);
  await beat();
  await watch.check();
  expect(pings).toBe(2);

  const broken = createWatch(
    {
      ...services,
      settings: (() => {
        let reads = 0;
        return () =>
          (reads += 1) === 1 ? services.settings() : Promise.reject(new Error('connection refused'));
      })(),
    },
    { startedAt: clock.now().subtract({ hours: 1 }) },
  );
  await broken.check();
  await broken.check();
  await broken.check();
  expect(sent.slice(2).map(({ subject }) => subject)).toEqual([
    expect.stringContaining('cannot read its database'),
  ]);
});
