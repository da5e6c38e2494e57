import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import type { Email } from 'postal-mime';
import type { Browser as Chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft } from '../../src/announcements/compose.ts';
import { holdAnnouncement, resumeAnnouncement } from '../../src/announcements/life-cycle.ts';
import { approveDraft, prepareDraft } from '../../src/drafts/prepare.ts';
import { openDatabase, rows, type OpenDatabase } from '../../src/db/open.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { parseEmailAddress } from '../../src/kernel/email-address.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { enrol } from '../../src/subscribers/enrol.ts';
import { mapTopic } from '../../src/sync/topic-groups.ts';
import { ManualClock } from '../support/clock.ts';
import { startConvenor, type Convenor } from '../support/convenor.ts';
import { startFakeMailerLite, type FakeMailerLite } from '../support/fake-mailerlite/index.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { singleMeeting } from '../support/meetings.ts';
import { freePort } from '../support/ports.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { setUpOrganisation, testServices } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { openChromium } from './checks.ts';

/**
 * Leaving, with nothing replaced but MailerLite: the program in a process of its own, Postgres, Redis, a mail
 * server, a browser. Two runs have been delivered and a third is under way, in which the mail server puts everybody
 * off, when people click in the mails that they got.
 */
const TOPICS = ['meetings', 'news'] as const;
const KINDS = { reminder: 'Meeting about hands', announcement: 'The library has moved' } as const;
const UNDER_WAY = 'A last word';
const KEY = 'secret-key-of-the-account';
const people = ['anna', 'ben', 'cleo', 'dan', 'eve', 'finn'].map((name) => `${name}@example.org`);
const [ANNA, BEN, CLEO, DAN, EVE] = people as [string, string, string, string, string];

let postgres: PostgresServer;
let database: OpenDatabase;
let redis: TestRedis;
let smtp: MailServer;
let fake: FakeMailerLite;
let server: Convenor;
let chromium: Chromium;
let dataFolder: string;
let underWay: string;

beforeAll(async () => {
  dataFolder = mkdtempSync(path.join(tmpdir(), 'convenor-leaving-'));
  [postgres, redis, smtp, fake, chromium] = await Promise.all([
    startPostgres(),
    startTestRedis(),
    startMailServer(),
    startFakeMailerLite({ apiKey: KEY }),
    openChromium(),
  ]);
  database = await openDatabase({ url: postgres.url });
  underWay = await prepare();
  const port = String(await freePort());
  server = await startConvenor({
    dataFolder,
    env: {
      PORT: port,
      BASE_URL: `http://127.0.0.1:${port}`,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      SMTP_URL: smtp.url,
      MAIL_FROM: 'Network <network@example.org>',
      MAILERLITE_API_KEY: fake.apiKey,
      MAILERLITE_API_URL: fake.baseUrl,
    },
  });
  await server.ready();
});
afterAll(async () => {
  server.kill('SIGTERM');
  await server.exited;
  await Promise.all([chromium.close(), smtp.close(), fake.close(), redis.stop(), database.close()]);
  await postgres.stop();
  rmSync(dataFolder, { recursive: true, force: true });
});

/** The group as it was some minutes ago, so that two runs are due now. Gives the third run, which is on hold. */
async function prepare(): Promise<string> {
  const { db } = database;
  const now = systemClock.now();
  const clock = new ManualClock(now.subtract({ minutes: 10 }).toString());
  const services = testServices(database, clock, {});
  await setUpOrganisation(services);
  await changeSetting(db, 'quietHours', 'off', { clock, actor: 'test' });
  for (const topic of TOPICS) {
    const groupId = fake.createGroup({ name: topic })['id'] as string;
    await mapTopic(db, { topic, groupId, groupName: topic }, { clock, actor: 'test' });
  }
  await enrol(
    db,
    people.map((email) => ({ address: parseEmailAddress(email), topics: TOPICS, note: 'signed the sheet' })),
    { source: 'administrator', clock, addressHash: services.addressHash },
  );
  const settings = await readSettings(db);
  const start = now.add({ minutes: 57 }).toZonedDateTimeISO('Europe/London').toPlainDateTime();
  await addMeeting(
    db,
    singleMeeting(start.toString({ smallestUnit: 'minute' }), { title: KINDS.reminder, remind: ['1h'] }),
    { clock, actor: 'test', settings },
  );
  const ids: string[] = [];
  for (const subject of [KINDS.announcement, UNDER_WAY]) {
    const input = parseDraftInput(
      { kind: 'news', topic: 'news', subject, body: 'Hello {{name|there}}, so it is.' },
      { zone: settings.timeZone, mailerlite: false },
    );
    const { announcement } = await createDraft(db, input, { clock, actor: 'test', zone: settings.timeZone });
    const { hash, findings } = await prepareDraft(services, announcement.id);
    const confirmedWarnings = findings.map(findingKey);
    await approveDraft(services, announcement.id, { hash, confirmedWarnings }, 'test');
    ids.push(announcement.id);
  }
  await holdAnnouncement(db, ids[1]!, 'for now', { clock, actor: 'test' });
  return ids[1]!;
}

/** The mail of a kind that somebody got. */
function mailOf(email: string, kind: keyof typeof KINDS): Promise<Email> {
  return until(`${email} has got the ${kind}`, async () => {
    for (const mail of smtp.mails.filter(({ to }) => to === email)) {
      const parsed = await smtp.parse(mail);
      if (`${parsed.subject} ${parsed.text}`.includes(KINDS[kind])) return parsed;
    }
    return undefined;
  });
}

function header(mail: Email, name: string): string {
  return mail.headers.find(({ key }) => key === name)?.value ?? '';
}

/** As a mail program does it that offers a button of its own (RFC 8058). */
async function clickOneClick(mail: Email): Promise<void> {
  expect(header(mail, 'list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
  const [, url] = /<(http[^>]+)>/.exec(header(mail, 'list-unsubscribe'))!;
  const answer = await fetch(url!, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'List-Unsubscribe=One-Click',
  });
  expect(answer.status).toBe(200);
}

/** As a person does it who follows the link in the text. */
async function clickInBrowser(mail: Email): Promise<void> {
  const page = await chromium.newPage();
  const url = /href="(http[^"]+\/u\/[\w-]+)"/.exec(mail.html!)![1]!;
  await page.goto(url);
  await page.getByRole('button', { name: 'Yes, send me no more mail' }).click();
  await page.getByRole('heading', { name: 'You have left the list' }).waitFor();
  await page.close();
}

/** What the database says at this moment about somebody who was just answered. */
async function standing(email: string) {
  const [found] = await rows<{ acts: string[]; run: string; reason: string | null; state: string }>(
    database.db,
    sql`select s.state, d.state as run, d.reason, (
        select jsonb_agg(e.source || ' ' || e.topic order by e.seq) from consent_events e
        where e.subscriber_id = s.id and e.act = 'withdrawn'
      ) as acts
      from subscribers s join deliveries d on d.subscriber_id = s.id and d.announcement_id = ${underWay}
      where s.email_normalised = ${email}`,
  );
  return found;
}

const gone = (source: string) => ({
  state: 'left',
  run: 'excluded',
  reason: expect.any(String) as string,
  acts: [`${source} meetings`, `${source} news`],
});

const statusThere = (email: string) => fake.subscriber({ email })['status'];

function reachesMailerLite(...emails: string[]): Promise<true> {
  return until(`${emails.join(' and ')} left in MailerLite too`, () =>
    emails.every((email) => statusThere(email) === 'unsubscribed'),
  );
}

/** What the log, Redis with its jobs, and the reasons of failed work hold: never a key, never an address. */
async function expectNoLeak(): Promise<void> {
  const { client } = redis;
  const held: unknown[] = [server.output(), await rows(database.db, sql`select * from job_failures`)];
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    if (type === 'hash') held.push(key, await client.hgetall(key));
    else if (type === 'list') held.push(key, await client.lrange(key, '0', '-1'));
    else if (type === 'zset') held.push(key, await client.zrange(key, '0', '-1'));
    else if (type === 'set') held.push(key, await client.smembers(key));
    else if (type === 'stream') held.push(key, await client.xrange(key, '-', '+'));
    else held.push(key, await client.get(key));
  }
  const text = JSON.stringify(held).toLowerCase();
  expect(text).toContain('mailerlite-push');
  for (const secret of [KEY, ...people]) expect([secret, text.includes(secret)]).toEqual([secret, false]);
}

it('a click in a delivered mail counts before its answer, in the run under way, and in MailerLite within seconds', async () => {
  const [forAnna, forBen, forCleo, forDan, forEve] = [
    await mailOf(ANNA, 'reminder'),
    await mailOf(BEN, 'announcement'),
    await mailOf(CLEO, 'announcement'),
    await mailOf(DAN, 'reminder'),
    await mailOf(EVE, 'announcement'),
  ];
  await until('MailerLite has everybody', () => people.every((email) => statusThere(email) === 'active'));
  await until('all mails of both runs', () => smtp.mails.length === 2 * people.length);
  const putOff = new Set<string>();
  smtp.judge = (recipient) => {
    putOff.add(recipient);
    return { code: 450, text: `4.2.1 <${recipient}> is full, come again later` };
  };
  await resumeAnnouncement(database.db, underWay, { clock: systemClock, actor: 'test' });
  await until('the mail server has put everybody off', () => putOff.size === people.length);
  await until('the run waits for them', async () => {
    const all = await Promise.all(people.map(standing));
    return all.every((one) => one?.run === 'pending');
  });

  await clickInBrowser(forAnna);
  expect(await standing(ANNA)).toEqual(gone('unsubscribe_page'));
  await clickOneClick(forBen);
  expect(await standing(BEN)).toEqual(gone('one_click'));
  await reachesMailerLite(ANNA, BEN);

  // MailerLite is away.
  fake.addFault({ kind: 'dropped', times: 1_000 });
  await clickInBrowser(forCleo);
  expect(await standing(CLEO)).toEqual(gone('unsubscribe_page'));
  await until('MailerLite was asked in vain', () => fake.requests().at(-1)?.status === 0);
  expect(statusThere(CLEO)).toBe('active');
  fake.clearFaults();
  await reachesMailerLite(CLEO);

  await expectNoLeak();

  // Redis is away, with all that it knew.
  await redis.kill();
  await clickOneClick(forDan);
  expect(await standing(DAN)).toEqual(gone('one_click'));
  await clickInBrowser(forEve);
  expect(await standing(EVE)).toEqual(gone('unsubscribe_page'));
  expect([DAN, EVE].map(statusThere)).toEqual(['active', 'active']);
  await redis.start();
  await reachesMailerLite(DAN, EVE);

  expect(await standing('finn@example.org')).toMatchObject({ state: 'active', run: 'pending', acts: null });
  expect(statusThere('finn@example.org')).toBe('active');
  await expectNoLeak();
}, 120_000);
