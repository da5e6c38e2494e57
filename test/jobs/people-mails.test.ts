import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { daily } from '../../jobs/daily.ts';
import { sendServiceMails } from '../../jobs/service-mails.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { heartbeats, joinRequests, serviceMails, subscribers } from '../../src/db/schema.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import type { Services } from '../../jobs/services.ts';
import { acknowledgeComplaint, fileComplaint } from '../../src/subscribers/complaints.ts';
import { confirmJoining, startJoining } from '../../src/subscribers/joining.ts';
import { requestRecordLink } from '../../src/subscribers/self-service.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
let database: OpenDatabase;
let server: MailServer;
let services: Services;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
  server = await startMailServer();
  services = testServices(database, clock, { smtpUrl: server.url });
  await setUpOrganisation(services);
});
afterEach(async () => {
  await services.mailer.close();
  await server.close();
});

async function mails() {
  await runDueWork([sendServiceMails], services);
  const read = await Promise.all(
    server.mails.splice(0).map(async (mail) => ({ ...(await server.parse(mail)), recipient: mail.to })),
  );
  for (const mail of read) expect(`${mail.subject}${mail.html}${mail.text}`).not.toMatch(/[\ue000\ue001]/);
  return read;
}

function join() {
  return startJoining(
    database.db,
    {
      form: {
        email: 'ann@example.org',
        name: 'Ann',
        memberKind: 'occupational_therapist',
        declaration: true,
        topics: ['meetings'],
      },
    },
    services,
  );
}

describe('mail about joining', () => {
  it('asks to confirm with a link and nothing else, then welcomes', async () => {
    await join();
    const [confirmation] = await mails();
    expect(confirmation!.recipient).toBe('ann@example.org');
    expect(confirmation!.text).toMatch(/https:\/\/network\.example\.org\/\S+/);
    expect(confirmation!.headers.some((header) => header.key === 'list-unsubscribe')).toBe(false);
    const [request] = await database.db.select().from(joinRequests);
    await confirmJoining(database.db, { requestId: request!.id }, services);
    const [welcome] = await mails();
    expect(welcome!.subject).toContain('Welcome');
    expect(welcome!.text).toContain('https://network.example.org/u/');
    await join();
    const [already] = await mails();
    expect(already!.subject).toContain('already on the list');
  });

  it('sends the link to a person’s own record to the address on the list', async () => {
    await join();
    await mails();
    const [person] = await database.db.select().from(subscribers);
    await requestRecordLink(database.db, person!.id, { clock });
    const [letter] = await mails();
    expect(letter!.text).toContain('It works until Wednesday 2 June 2027, 1 pm (UK time).');
    expect(letter!.text).toMatch(/https:\/\/network\.example\.org\/\S+/);
  });
});

describe('mail about complaints', () => {
  it('reaches the administrators and whoever complained', async () => {
    await createAdmin(
      database.db,
      { email: 'admin@example.org', name: 'Admin', password: 'correct horse battery', role: 'administrator' },
      { clock, actor: 'test' },
    );
    const { id } = await fileComplaint(
      database.db,
      { email: 'bob@example.org', name: 'Bob', text: 'I was mailed after I left.' },
      { clock },
    );
    expect((await mails()).map((mail) => mail.recipient).sort()).toEqual([
      'admin@example.org',
      'bob@example.org',
    ]);
    await acknowledgeComplaint(database.db, id, { clock, actor: 'admin:1' });
    expect((await mails()).map((mail) => mail.recipient)).toEqual(['bob@example.org']);
  });
});

describe('the daily job', () => {
  it('lets go of requests that were never confirmed, once a day', async () => {
    await join();
    await mails();
    clock.advance({ hours: 24 * 15 });
    await runDueWork([daily], services);
    expect(await database.db.select().from(joinRequests)).toEqual([]);
    expect(await database.db.select().from(subscribers)).toEqual([]);
    expect(await daily.due(services)).toEqual([]);
    clock.advance({ hours: 24 });
    expect(await daily.due(services)).toHaveLength(1);
    expect((await database.db.select().from(heartbeats)).map((row) => row.name)).toContain('daily');
    expect((await database.db.select().from(serviceMails)).every((mail) => mail.state === 'sent')).toBe(true);
  });
});
