import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConvenor, startConvenor, type Convenor } from '../support/convenor.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { until } from '../support/wait.ts';

/**
 * The main job with nothing replaced: the program as people start it, its own database and Redis, the real clock,
 * and a mail server. Two meetings, so that what happens during a run can be told apart: Redis forgets everything
 * during the first, the program is killed during the second.
 */
const PEOPLE = 1_000;
const FORGETS_AT = 300;
const KILLED_AT = 400;
/** Two chunks at a time, five messages each: what may be on its way when the program is killed. */
const IN_FLIGHT = 10;
const TITLES = ['First meeting', 'Second meeting'] as const;

let dataFolder: string;
let smtp: MailServer;
let server: Convenor;
const arrivals: { to: string; at: number; title: string }[] = [];

beforeAll(async () => {
  dataFolder = mkdtempSync(path.join(tmpdir(), 'convenor-first-'));
  smtp = await startMailServer();
});
afterAll(async () => {
  server.kill('SIGTERM');
  await server.exited;
  await smtp.close();
  rmSync(dataFolder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  server = await startConvenor({
    dataFolder,
    env: { SMTP_URL: smtp.url, MAIL_FROM: 'Network <network@example.org>' },
  });
  await server.ready();
}

async function convenor<T>(...args: string[]): Promise<T> {
  const { status, output, stdout } = await runConvenor(dataFolder, [...args, '--json']);
  expect(status, output).toBe(0);
  return JSON.parse(stdout) as T;
}

interface Planned {
  readonly id: string;
  readonly sendAt: string;
  readonly audience: number;
}

/** Adds a meeting whose reminder of one hour is due at `due`, a full minute, and gives that reminder. */
async function meetingRemindedAt(title: string, due: Temporal.Instant): Promise<Planned> {
  const start = due.add({ minutes: 60 }).toZonedDateTimeISO('Europe/London').toPlainDateTime();
  const meeting = ['--title', title, '--start', start.toString({ smallestUnit: 'minute' })];
  const place = ['--zone', 'Europe/London', '--duration', '60', '--link', 'https://zoom.us/j/123456789'];
  await convenor('meetings', 'add', ...meeting, ...place, '--remind', '1h');
  const plan = await convenor<(Planned & { title: string })[]>('plan');
  return plan.find((notice) => notice.title.includes(title))!;
}

interface Books {
  readonly state: string;
  readonly audience: number;
  readonly sent: number;
  readonly unknown: number;
  readonly rows: { email: string; state: string }[];
}

/** Who has got the reminder of that meeting so far, in the order of arrival. */
function arrived(title: string): { to: string; at: number }[] {
  for (const { to, raw } of smtp.mails.splice(0)) {
    const found = TITLES.find((each) => raw.includes(each));
    arrivals.push({ to, at: Date.now(), title: found ?? 'none' });
  }
  return arrivals.filter((mail) => mail.title === title);
}

/** The books of a run once it is over. */
function finalBooks(id: string): Promise<Books> {
  return until(
    'the run is over',
    async () => {
      const books = await convenor<Books>('deliveries', id);
      if (books.state !== 'sent') throw new Error(JSON.stringify({ ...books, rows: undefined }));
      return books;
    },
    { within: 180_000, every: 2_000 },
  );
}

describe('the first reminder of a new group', { timeout: 400_000 }, () => {
  let first: Planned;
  let second: Planned;

  it('is planned with its time and its people', async () => {
    await start();
    const file = path.join(dataFolder, 'people.csv');
    const lines = Array.from({ length: PEOPLE }, (_, n) => `person${n}@example.org,Person ${n},meetings`);
    writeFileSync(file, ['email,name,topics', ...lines].join('\n'));
    expect(await convenor('subscribers', 'import', file)).toMatchObject({
      read: PEOPLE,
      added: PEOPLE,
      rejected: [],
    });
    // Whatever the hour at which this runs.
    await convenor('settings', 'set', 'quietHours', 'off');

    const due = Temporal.Now.instant()
      .add({ seconds: 20 })
      .round({ smallestUnit: 'minute', roundingMode: 'ceil' });
    first = await meetingRemindedAt(TITLES[0], due);
    second = await meetingRemindedAt(TITLES[1], due.add({ minutes: 1 }));
    expect(first).toMatchObject({ sendAt: due.toString(), audience: PEOPLE });
    expect(second.audience).toBe(PEOPLE);
  });

  it('reaches everybody once at its minute, although Redis forgets everything in the middle', async () => {
    await until('a part has arrived', () => arrived(TITLES[0]).length >= FORGETS_AT, { within: 150_000 });
    const redis = new Redis({ path: path.join(dataFolder, 'redis.sock') });
    await redis.flushall();
    await redis.quit();
    await until('everybody has it', () => arrived(TITLES[0]).length >= PEOPLE, { within: 120_000 });

    expect(await finalBooks(first.id)).toMatchObject({ audience: PEOPLE, sent: PEOPLE, unknown: 0 });
    const mails = arrived(TITLES[0]);
    expect(mails).toHaveLength(PEOPLE);
    expect(new Set(mails.map(({ to }) => to)).size).toBe(PEOPLE);
    const due = Temporal.Instant.from(first.sendAt).epochMilliseconds;
    expect(mails[0]!.at).toBeGreaterThanOrEqual(due);
    expect(mails.at(-1)!.at).toBeLessThan(due + 180_000);
  });

  it('reaches nobody twice when the program is killed, and says whose outcome is unknown', async () => {
    await until('a part has arrived', () => arrived(TITLES[1]).length >= KILLED_AT, { within: 150_000 });
    server.kill('SIGKILL');
    await server.exited;
    await start();
    await until('all but those on their way have it', () => arrived(TITLES[1]).length >= PEOPLE - IN_FLIGHT, {
      within: 120_000,
    });
    const books = await finalBooks(second.id);
    expect(books.sent + books.unknown).toBe(PEOPLE);
    expect(books.unknown).toBeLessThanOrEqual(IN_FLIGHT);
    const got = arrived(TITLES[1]).map(({ to }) => to);
    expect(new Set(got).size).toBe(got.length);
    const sent = books.rows.filter((row) => row.state === 'sent').map((row) => row.email);
    expect(sent.filter((email) => !got.includes(email))).toEqual([]);
  });
});
