import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import { announcements, deliveries, heartbeats } from '../../src/db/schema.ts';
import { journalFolder, journalled } from '../../src/outbox/journal.ts';
import { createLog } from '../../src/kernel/log.ts';
import { holdAfterRollback } from '../../src/process/rollback.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import type { Services } from '../../jobs/services.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
let services: Services;
let got: string[];
let absent: string;
/** Called with the number of messages that have been handed over. */
let onSent: (count: number) => unknown;
beforeAll(async () => {
  cli = await openTestCli();
});
beforeEach(async () => {
  await cli.reset();
  rmSync(path.join(cli.folder, 'journal'), { recursive: true, force: true });
  got = [];
  absent = 'cy@example.org';
  onSent = () => undefined;
  const { clock } = cli;
  const environment = { DATA_DIR: cli.folder };
  services = testServices(cli.database, clock, {
    environment,
    mailer: journalled(
      {
        kind: 'smtp',
        send: async ({ to: { address } }) => {
          if (address === absent)
            return { result: 'later', scope: 'recipient', code: '450', reason: 'Busy.' };
          got.push(address);
          await onSent(got.length);
          return { result: 'accepted', response: '250 ok' };
        },
        check: async () => ({ ok: true, detail: '' }),
        close: async () => undefined,
      },
      { folder: journalFolder({ DATA_DIR: cli.folder }), clock, log: createLog('silent') },
    ),
  });
  await setUpOrganisation(services);
  for (const name of ['ann', 'bo', 'cy']) {
    await cli.run('subscribers', 'add', `${name}@example.org`, '--name', `Zoë ${name}`);
  }
  const meeting = ['--title', 'Splints', '--start', '2026-11-02T19:00', '--duration', '60'];
  await cli.run('meetings', 'add', ...meeting, '--link', 'https://zoom.us/j/1', '--remind', '1h');
});
afterAll(() => cli[Symbol.asyncDispose]());

/** The journal is whole once the mailer has been closed. */
async function work(): Promise<void> {
  await runDueWork(jobs, services);
  await services.mailer.close();
}
const backup = async () => (await cli.run('backup', '--json')).json<{ file: string }>().file;
const states = async () =>
  (await cli.database.db.select().from(deliveries))
    .map(({ email, state }) => `${email.split('@')[0]} ${state}`)
    .toSorted();

describe('a restore', () => {
  it(
    'holds sending, finds in the journal what the ledger forgot, and nobody gets it twice',
    { timeout: 120_000 },
    async () => {
      const file = await backup();
      cli.clock.set('2026-11-02T18:00:30Z');
      await work();
      expect(got.toSorted()).toEqual(['ann@example.org', 'bo@example.org']);
      await cli.run('subscribers', 'add', 'dan@example.org', '--name', 'Dan');

      const refused = await cli.run('restore', file);
      expect([refused.status, refused.stderr.includes('--replace')]).toEqual([1, true]);
      const restored = await cli.run('restore', file, '--replace', '--json');
      expect(restored.status).toBe(0);
      expect(restored.json()).toMatchObject({
        madeAt: '2026-11-01T10:00:00Z',
        consent: { ok: true, events: 3 },
        comparison: { announcements: [{ title: 'Reminder: Splints', forgotten: 2 }], known: 0, foreign: 0 },
      });
      expect(await verifyLedger(cli.database.db)).toMatchObject({ ok: true, events: 3 });
      expect(readFileSync(path.join(cli.folder, 'secret-key'), 'utf8')).toHaveLength(34);

      await work();
      expect([got.length, await states()]).toEqual([2, ['ann pending', 'bo pending', 'cy pending']]);
      const status = await cli.run('sending', 'status');
      expect(status.stdout).toContain('The database was restored to Sunday 1 November 2026');
      absent = '';
      const released = await cli.run('sending', 'release');
      expect(released.status).toBe(0);
      await work();
      expect(got).toEqual([...got.slice(0, 2), 'cy@example.org']);
      expect(await states()).toEqual(['ann sent', 'bo sent', 'cy sent']);
      expect((await cli.run('sending', 'release')).status).toBe(1);

      const { before } = restored.json<{ before: string }>();
      expect(gunzipSync(readFileSync(before)).toString('utf8')).toContain('dan@example.org');
    },
  );

  it(
    'of a backup that was made in the middle of a reminder, while somebody left, is whole',
    { timeout: 120_000 },
    async () => {
      const list = path.join(cli.folder, 'people.csv');
      const people = Array.from({ length: 40 }, (_, n) => `p${n}@example.org`);
      writeFileSync(list, ['email,topics', ...people.map((email) => `${email},meetings`)].join('\n'));
      await cli.run('subscribers', 'import', list);
      const { db } = cli.database;
      let leaver = '';
      let leaving: Promise<unknown> | undefined;
      let made: Promise<string> | undefined;
      onSent = (count) => {
        if (count === 8) {
          leaver = people.find((email) => !got.includes(email))!;
          leaving = findSubscriber(db, leaver).then((subscriber) =>
            unsubscribe(
              db,
              { subscriberId: subscriber!.id, topic: 'all', source: 'one_click' },
              { clock: cli.clock },
            ),
          );
        }
        // Sending goes on once the backup is made, so that it is in the middle however slow the database is.
        return count === 10 ? (made = leaving!.then(backup)) : undefined;
      };
      cli.clock.set('2026-11-02T18:00:30Z');
      await work();
      const file = await made!;
      const before = await verifyLedger(db);
      const handedOver = got.length;
      expect(handedOver).toBeGreaterThanOrEqual(41);

      const restored = await cli.run('restore', file, '--replace', '--json');
      const { comparison, consent } = restored.json<{
        comparison: { announcements: { forgotten: number }[]; known: number };
        consent: object;
      }>();
      expect(consent).toMatchObject({ ok: true, events: 44 });
      expect(before).toMatchObject(consent);
      const forgotten = comparison.announcements[0]?.forgotten ?? 0;
      expect(forgotten).toBeGreaterThan(0);
      expect(forgotten + comparison.known).toBe(handedOver);
      absent = '';
      await cli.run('sending', 'release');
      // Whoever was put off before the backup is due again a little later.
      cli.clock.advance({ minutes: 10 });
      await work();
      expect(new Set(got).size).toBe(got.length);
      expect(got).toHaveLength(handedOver + 1);
      expect((await findSubscriber(db, leaver))!.topics).toEqual([]);
    },
  );

  it('changes nothing when the file is damaged, or somebody is at work', { timeout: 120_000 }, async () => {
    const file = await backup();
    const lines = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
    const damaged = path.join(cli.folder, 'damaged.gz');
    for (const content of [
      gzipSync(lines.slice(0, -1).join('\n')),
      gzipSync(`${lines.join('\n').replace('Splints', 'Splinte')}\n`),
      readFileSync(file).subarray(0, 500),
      Buffer.from('not a backup'),
    ]) {
      writeFileSync(damaged, content);
      expect((await cli.run('restore', damaged, '--replace')).status).toBe(2);
    }
    expect((await cli.run('restore', 'nowhere.gz', '--replace')).status).toBe(2);
    await cli.database.db.insert(heartbeats).values({ name: 'worker:a', at: cli.clock.now(), detail: {} });
    const running = await cli.run('restore', file, '--replace');
    expect([running.status, running.stderr.includes('Stop all its processes')]).toEqual([1, true]);
    expect(await cli.database.db.select().from(announcements)).toHaveLength(1);
    expect((await cli.run('sending', 'status')).stdout).toBe('Sending is free.\n');
  });
});

describe('a database that was taken back by other means', () => {
  it(
    'is noticed at the start by the journal, once, and an ordinary start is not',
    { timeout: 120_000 },
    async () => {
      const at = { ...services, config: { ...services.config, DATA_DIR: cli.folder } };
      cli.clock.set('2026-11-02T18:00:30Z');
      await work();
      expect(await holdAfterRollback(at)).toBe(false);
      // The journal of another machine is not here: it knows of Bo.
      const journal = path.join(cli.folder, 'journal', '2026-11.jsonl');
      const sent = await cli.database.db.select().from(deliveries);
      const bo = sent.find(({ email }) => email === 'bo@example.org')!;
      const lines = readFileSync(journal, 'utf8').split('\n');
      writeFileSync(journal, lines.filter((line) => !line.includes(bo.id)).join('\n'));
      await cli.database.db.delete(deliveries);
      await cli.database.db
        .update(announcements)
        .set({ state: 'approved', frozenAt: null, content: null, audience: null, chunks: 0 });
      expect(await holdAfterRollback(at)).toBe(true);
      await work();
      expect(got).toHaveLength(2);
      expect((await cli.run('sending', 'compare')).stdout).toContain('1 person has got it');
      const log = path.join(cli.folder, 'mail.log');
      writeFileSync(log, `Nov  2 18:00:31 mx postfix/cleanup[9]: message-id=<${bo.messageId}>\n`);
      expect((await cli.run('sending', 'compare', '--log', log)).stdout).toContain('2 people have got it');
      absent = '';
      await cli.run('sending', 'release');
      await work();
      expect(got.slice(2)).toEqual(['cy@example.org']);
      expect(await holdAfterRollback(at)).toBe(false);
    },
  );
});
